import type { ExceptionCondition, ExceptionPlaces, LicenseException } from "./rule.ts";

const everywhere: ExceptionPlaces = {
  groups: null,
  countries: [],
  exceptGroups: [],
  exceptCountries: [],
};
const embargoed = ["E:1", "E:2"] as const;
const macauAndD5 = { exceptGroups: ["D:5", ...embargoed], exceptCountries: ["MO"] } as const;

const common = {
  asOf: "2026-09-24",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
  acts: ["export", "deemed-export"],
  kinds: ["software", "technology"],
  eccns: null,
  whole: false,
  never: [],
  places: everywhere,
  offered: "own-terms",
  advancedComputing: "closed",
} as const;

/** The family that came with the AI Diffusion rule: printed, and not enforced like the requirements that it answers. */
const notEnforced = {
  kind: "not-enforced",
  since: "2025-05-13",
  announcement:
    "BIS announced on 2025-05-13 that it would rescind the AI Diffusion rule (90 FR 4544) and would not enforce it; the exception is still printed with the requirements that it answers.",
} as const;

const minimumOperation: ExceptionCondition = {
  kind: "stated",
  what: "minimum-operation",
  words:
    "a classification that states that the item is the minimum necessary for operation, installation, maintenance or repair",
};
const objectCode: ExceptionCondition = {
  kind: "object-code",
  words: "a classification that states that the software is object code",
};
const earlierExport: ExceptionCondition = {
  kind: "acknowledged",
  what: "earlier-export-to-recipient",
  byItem: true,
  words: "that the item was lawfully exported to this recipient before",
};
const operatedProduct: ExceptionCondition = {
  kind: "acknowledged",
  what: "earlier-export-to-recipient",
  byItem: false,
  words: "that the product which it operates was lawfully exported to this recipient",
};
const officialUse: ExceptionCondition = {
  kind: "acknowledged",
  what: "official-use",
  byItem: false,
  words: "a statement of official use",
};
const eccnFurnished: ExceptionCondition = {
  kind: "acknowledged",
  what: "sta-eccn-furnished",
  byItem: true,
  words: "that the ECCN was furnished to the consignee",
};
const consigneeStatement: ExceptionCondition = {
  kind: "acknowledged",
  what: "sta-consignee-statement",
  byItem: true,
  words: "the prior consignee statement that names the ECCN",
};
const visaInForce: ExceptionCondition = {
  kind: "acknowledged",
  what: "visa-in-force",
  byItem: false,
  words: "a visa that has not expired",
};
const supplementFive: ExceptionCondition = {
  kind: "supplement-five",
  words:
    "that the recipient's entity and its ultimate parent are headquartered in destinations of Supplement No. 5(a) to Part 740",
};

/**
 * The license exceptions that can fit software, technology and weights, a paragraph a row. None overcomes a requirement of Part 744 or
 * 746, nor missile technology reasons, and none is taken where a condition is not known. 740.2(a) bars come on top, in the engine.
 */
export const exceptions: readonly LicenseException[] = [
  {
    ...common,
    id: "exception-tsu-a",
    symbol: "TSU",
    citation: "15 CFR 740.13(a)",
    title: "operation technology and software",
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    advancedComputing: "open",
    conditions: [minimumOperation, objectCode, operatedProduct],
    note: "EI and MT items are left out, cautiously: their place here was not at hand.",
  },
  {
    ...common,
    id: "exception-tsu-c",
    symbol: "TSU",
    citation: "15 CFR 740.13(c)",
    title: "software updates that correct errors",
    kinds: ["software"],
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    advancedComputing: "open",
    conditions: [
      {
        kind: "stated",
        what: "bug-fix",
        words: "a classification that states that the item only corrects errors",
      },
      objectCode,
      earlierExport,
    ],
    note: "Only to the consignee of the software that it corrects.",
  },
  {
    ...common,
    id: "exception-tsu-d",
    symbol: "TSU",
    citation: "15 CFR 740.13(d)",
    title: "mass-market software",
    kinds: ["software"],
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    conditions: [
      {
        kind: "stated",
        what: "mass-market",
        words: "a classification that states that the software is mass-market software",
      },
    ],
    confidence: "inferred",
    note: "The text at hand excepts E:1; E:2 and EI items are left out besides, cautiously.",
  },
  {
    ...common,
    id: "exception-tsu-f",
    symbol: "TSU",
    citation: "15 CFR 740.13(f)",
    title: "release by a U.S. university to its employee",
    acts: ["deemed-export"],
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: ["D:5", ...embargoed] },
    conditions: [
      {
        kind: "employer",
        employers: ["university"],
        words: "that the recipient's employer is a university",
      },
      { kind: "us-parent", words: "that the employer is headquartered in the United States" },
      { kind: "permanent-regular", words: "that the employment is permanent and regular" },
      { kind: "received-in-us", words: "that the item is received in the United States" },
      {
        kind: "no-status-in",
        groups: ["D:5"],
        words: "every citizenship and residency, none of them of Country Group D:5",
      },
      {
        kind: "acknowledged",
        what: "us-abode",
        byItem: false,
        words: "a permanent abode in the United States throughout the employment",
      },
      {
        kind: "acknowledged",
        what: "university-employee-notice",
        byItem: false,
        words: "the written notice to the employee",
      },
    ],
  },
  {
    ...common,
    id: "exception-tsu-g",
    symbol: "TSU",
    citation: "15 CFR 740.13(g)",
    title: "copies of technology that the recipient was authorized to receive",
    kinds: ["technology"],
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    conditions: [
      {
        kind: "stated",
        what: "copy-of-authorized",
        words: "a classification that states that the item is a copy of what was authorized",
      },
      earlierExport,
    ],
  },
  {
    ...common,
    id: "exception-tsr",
    symbol: "TSR",
    citation: "15 CFR 740.6(a)",
    title: "technology and software under restriction",
    reasons: ["NS"],
    whole: true,
    places: {
      groups: ["B"],
      countries: [],
      exceptGroups: ["D:1", ...embargoed],
      exceptCountries: ["SD", "UA"],
    },
    offered: "in-entry",
    conditions: [
      {
        kind: "acknowledged",
        what: "tsr-written-assurance",
        byItem: true,
        words:
          "the recipient's written assurance not to release the item to nationals of D:1, E:1 or E:2",
      },
    ],
    note: "The assurance has to outlive the license agreement.",
  },
  {
    ...common,
    id: "exception-app-a5",
    symbol: "APP",
    citation: "15 CFR 740.7(b), (c)",
    title: "technology and software for computers of 4A003 to nationals of Country Group A:5",
    acts: ["deemed-export"],
    eccns: ["4D001", "4E001"],
    reasons: ["NS"],
    places: { ...everywhere, groups: ["A:5"] },
    offered: "in-entry",
    conditions: [visaInForce],
    confidence: "inferred",
    note: "National security reasons alone are taken, cautiously; the paragraph numbers were not at hand.",
  },
  {
    ...common,
    id: "exception-app-others",
    symbol: "APP",
    citation: "15 CFR 740.7(b), (d)",
    title: "technology and software for computers of 4A003 to other nationals",
    acts: ["deemed-export"],
    eccns: ["4D001", "4E001"],
    reasons: ["NS"],
    places: { ...everywhere, exceptGroups: ["A:5", ...embargoed] },
    offered: "in-entry",
    conditions: [
      {
        kind: "performance",
        developmentOrProductionWt: 50,
        useWt: 140,
        words:
          "a classification that states computers of no more than 50 weighted teraflops for development or production, or 140 for use",
      },
      visaInForce,
    ],
    confidence: "inferred",
    note: "The countries of Computer Tier 1 outside A:5 were not at hand, so the lower limits of Tier 3 (50 and 140) stand in for those of Tier 1 (175 and 500).",
  },
  {
    ...common,
    id: "exception-enc-a-2",
    symbol: "ENC",
    citation: "15 CFR 740.17(a)(2)",
    title: "foreign employees, contractors and interns of a U.S. company or its subsidiaries",
    acts: ["deemed-export"],
    reasons: ["NS", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    offered: "in-entry",
    conditions: [
      {
        kind: "employer",
        employers: ["private-sector"],
        words: "that the employer is a company",
      },
      { kind: "us-parent", words: "that the employer's ultimate parent is in the United States" },
      {
        kind: "engaged",
        words: "that the recipient is an employee, a contractor or an intern there",
      },
      {
        kind: "no-status-in",
        groups: embargoed,
        words: "every citizenship and residency, none of them of Country Groups E:1 or E:2",
      },
      {
        kind: "acknowledged",
        what: "enc-internal-use",
        byItem: false,
        words: "a statement that the item is for the company's internal use",
      },
    ],
  },
  {
    ...common,
    id: "exception-enc-b-2-iv-b",
    symbol: "ENC",
    citation: "15 CFR 740.17(b)(2)(iv)(B)",
    title: "encryption technology to users that are no government",
    eccns: ["5E002"],
    reasons: ["NS", "EI"],
    places: { ...everywhere, exceptGroups: ["D:1", ...embargoed] },
    offered: "in-entry",
    conditions: [
      {
        kind: "stated",
        what: "encryption-classified",
        words:
          "a classification that states that the encryption classification request is behind it",
      },
      {
        kind: "employer",
        employers: ["private-sector", "university"],
        words: "that the recipient's employer is no government",
      },
      {
        kind: "no-status-in",
        groups: ["D:1", ...embargoed],
        words: "every citizenship and residency, none of them of Country Groups D:1, E:1 or E:2",
      },
    ],
    note: "Reports are due afterwards.",
  },
  {
    ...common,
    id: "exception-gov-b-2",
    symbol: "GOV",
    citation: "15 CFR 740.11(b)(2)",
    title: "personnel and agencies of the U.S. Government",
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    advancedComputing: "open",
    conditions: [
      {
        kind: "employer",
        employers: ["us-government"],
        words: "that the recipient's employer is the U.S. Government",
      },
      officialUse,
    ],
    note: "EI items are left out, cautiously. For 0Y521 the engine asks for the same as (b)(2)(ii).",
  },
  {
    ...common,
    id: "exception-gov-c",
    symbol: "GOV",
    citation: "15 CFR 740.11(c)",
    title: "agencies of cooperating governments",
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: {
      groups: ["A:1"],
      countries: ["SG", "TW"],
      exceptGroups: embargoed,
      exceptCountries: [],
    },
    conditions: [
      {
        kind: "employer",
        employers: ["foreign-government"],
        words: "that the recipient's employer is a cooperating government",
      },
      {
        kind: "employer-of-the-country",
        words: "that it is the government of the country concerned",
      },
      officialUse,
    ],
  },
  {
    ...common,
    id: "exception-sta-c-1",
    symbol: "STA",
    citation: "15 CFR 740.20(c)(1)",
    title: "Country Group A:5, for NS, NP, RS and CC reasons",
    reasons: ["NS", "NP", "RS", "CC"],
    whole: true,
    never: ["MT", "EI"],
    places: { ...everywhere, groups: ["A:5"] },
    conditions: [eccnFurnished, consigneeStatement],
    note: "CB and SI are in the text and in no entry of this rulebook.",
  },
  {
    ...common,
    id: "exception-sta-c-2",
    symbol: "STA",
    citation: "15 CFR 740.20(c)(2)",
    title: "Country Group A:6, for NS reasons alone",
    reasons: ["NS"],
    whole: true,
    never: ["MT", "EI"],
    places: { ...everywhere, groups: ["A:6"] },
    conditions: [eccnFurnished, consigneeStatement],
  },
  {
    ...common,
    id: "exception-aia",
    symbol: "AIA",
    citation: "15 CFR 740.27",
    title: "Artificial Intelligence Authorization",
    status: notEnforced,
    reasons: ["RS"],
    places: { ...everywhere, ...macauAndD5 },
    offered: "in-entry",
    advancedComputing: "weights",
    conditions: [
      supplementFive,
      {
        kind: "acknowledged",
        what: "aia-certification",
        byItem: false,
        words: "the consignee's certification",
      },
      {
        kind: "acknowledged",
        what: "aia-facility",
        byItem: false,
        words: "that the facility meets paragraphs 14, 15 and 18 of Supplement No. 10 to Part 748",
      },
    ],
    note: "740.2(a)(9)(ii) leaves it open for 4E091 alone. The report at 253,000,000 TPP is for hardware.",
  },
  {
    ...common,
    id: "exception-acm",
    symbol: "ACM",
    citation: "15 CFR 740.28",
    title: "Advanced Compute Manufacturing",
    status: notEnforced,
    reasons: ["RS"],
    places: { ...everywhere, ...macauAndD5 },
    offered: "in-entry",
    advancedComputing: "open",
    conditions: [
      {
        kind: "employer",
        employers: ["private-sector"],
        words: "that the recipient's employer is of the private sector",
      },
      {
        kind: "headquarters-outside-macau-and-d5",
        words:
          "that the recipient's entity and its ultimate parent are headquartered outside the places that 740.28 excludes",
      },
      {
        kind: "acknowledged",
        what: "acm-accounts",
        byItem: false,
        words: "that the recipient accounts every six months",
      },
    ],
  },
];
