import { common, embargoed, everywhere } from "./exception-terms.ts";
import type { ExceptionCondition, LicenseException } from "./rule.ts";

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

/**
 * License Exception TSU, 740.13. Paragraph (e) is reserved: published source code for encryption is no matter of an exception but of
 * `principle-published-encryption`.
 */
export const unrestricted: readonly LicenseException[] = [
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
    id: "exception-tsu-b",
    symbol: "TSU",
    citation: "15 CFR 740.13(b)",
    title: "sales technology",
    kinds: ["technology"],
    reasons: ["NS", "NP", "RS", "CC"],
    never: ["MT", "EI"],
    places: { ...everywhere, exceptGroups: embargoed },
    conditions: [
      {
        kind: "stated",
        what: "sales-technology",
        words:
          "a classification that states that the item is of a type customarily sent with a quotation, bid or offer and discloses no detailed design, production or manufacture and no means of reconstruction",
      },
      {
        kind: "acknowledged",
        what: "quotation-bid-or-offer",
        byItem: true,
        words:
          "the prospective or actual quotation, bid or offer to this recipient that names the ECCN",
      },
    ],
    confidence: "secondary",
    note: "The wording is from an undated copy of the section. The text names every destination; E:1, E:2, EI and MT items are left out, cautiously, and 740.2(a)(9)(ii) does not leave it open.",
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
];
