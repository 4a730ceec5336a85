import type { Embargo } from "./rule.ts";

const everything = { listed: "license", ear99: "license" } as const;
const unsettled = { listed: "unsettled", ear99: "unsettled" } as const;
const nothing = { listed: "none", ear99: "none" } as const;
const common = {
  asOf: "2025-01-27",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
} as const;

/**
 * Part 746, from the text of 2025-01-27; the part of 2026 was not at hand. For Country Groups E:1 and E:2 this vault is stricter than
 * the text wherever the text is silent: nothing passes without a license that names the party and the country.
 */
export const embargoes: readonly Embargo[] = [
  {
    ...common,
    id: "embargo-CU",
    country: "CU",
    citation: "15 CFR 746.2(a)",
    destination: everything,
    nationality: everything,
    question: "",
    note: "Every item subject to the EAR, EAR99 too, and releases to nationals.",
  },
  {
    ...common,
    id: "embargo-IR",
    country: "IR",
    citation: "15 CFR 746.7(a); 31 CFR Part 560",
    destination: everything,
    nationality: unsettled,
    question:
      "whether 746.7 reaches a release in the United States to a national of Iran, which the text at hand does not say",
    confidence: "inferred",
    note: "746.7(a)(1) reaches listed items; for EAR99 items the embargo of 31 CFR Part 560 stands. Wording on deemed exports was not found, so they hold: only a license that names the person answers.",
  },
  {
    ...common,
    id: "embargo-KP",
    country: "KP",
    citation: "15 CFR 746.4(a), 742.19",
    destination: everything,
    nationality: unsettled,
    question:
      "whether 746.4 reaches a release in the United States to a national of North Korea, which the text at hand does not say",
    confidence: "inferred",
    note: "Every item; deemed exports are not mentioned in the text at hand, so they hold: only a license that names the person answers.",
  },
  {
    ...common,
    id: "embargo-SY",
    country: "SY",
    citation: "15 CFR 746.9(a)",
    destination: everything,
    nationality: everything,
    question: "",
    confidence: "inferred",
    note: "The text of 2025 reaches only listed technology in deemed exports and has been amended since; License Exception SPP (740.5) is not evaluated. All are barred.",
  },
  {
    ...common,
    id: "embargo-RU",
    country: "RU",
    citation: "15 CFR 746.8(a)",
    destination: { listed: "license", ear99: "question" },
    nationality: nothing,
    question: "whether 746.5 or 746.8 and their supplements reach this EAR99 item",
    note: "746.8(b) leaves out deemed exports; the reasons for control still decide them.",
  },
  {
    ...common,
    id: "embargo-BY",
    country: "BY",
    citation: "15 CFR 746.8(a)",
    destination: { listed: "license", ear99: "question" },
    nationality: nothing,
    question: "whether 746.5 or 746.8 and their supplements reach this EAR99 item",
    note: "746.8(b) leaves out deemed exports; the reasons for control still decide them.",
  },
  {
    ...common,
    id: "embargo-UA",
    country: "UA",
    citation: "15 CFR 746.6(a)",
    destination: { listed: "question", ear99: "question" },
    nationality: nothing,
    question:
      "whether the place of receipt is in Crimea or the so-called Donetsk or Luhansk People's Republic, which the country alone does not tell",
    note: "746.6(a)(3): for people, the passport decides.",
  },
];
