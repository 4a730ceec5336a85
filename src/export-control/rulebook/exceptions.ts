import { computers } from "./computers.ts";
import { common, embargoed, everywhere, macauAndD5 } from "./exception-terms.ts";
import type { ExceptionCondition, LicenseException } from "./rule.ts";
import { unrestricted } from "./unrestricted.ts";

/** The family that came with the AI Diffusion rule: printed, and not enforced like the requirements that it answers. */
const notEnforced = {
  kind: "not-enforced",
  since: "2025-05-13",
  announcement:
    "BIS announced on 2025-05-13 that it would rescind the AI Diffusion rule (90 FR 4544) and would not enforce it; the exception is still printed with the requirements that it answers.",
} as const;

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
  ...unrestricted,
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
  ...computers,
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
