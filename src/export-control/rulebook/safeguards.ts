import type { Safeguard } from "./rule.ts";

const common = {
  citation: "15 CFR 734.20(c)",
  asOf: "2026-09-24",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
  entityCountry: null,
} as const;

const fromMemory = {
  ...common,
  confidence: "inferred",
  note: "The text at hand names the country and that it follows the ITAR; which paragraph and which exchange is from memory.",
} as const;

/** The six ways of the last condition of 734.20(c). The other conditions stand beside each: see `carvedOut`. */
export const safeguards: readonly Safeguard[] = [
  {
    ...common,
    id: "safeguard-clearance",
    title: "a security clearance approved by the government of the country where the entity is",
    papers: ["security-clearance"],
  },
  {
    ...common,
    id: "safeguard-screening",
    title:
      "screening for substantive contacts with Country Group D:5, a non-disclosure agreement, a technology security plan, and records of the screening kept",
    papers: [
      "substantive-contact-screening",
      "non-disclosure-agreement",
      "technology-control-plan",
      "screening-records",
    ],
    note: "The records are kept for the longer of five years and the employment. The plan is the technology control plan with the screening in it.",
  },
  {
    ...fromMemory,
    id: "safeguard-implementation-1",
    title: "22 CFR 126.18(d) as implemented under the exchange of notes",
    papers: ["itar-126-18-implementation"],
    entityCountry: "GB",
  },
  {
    ...fromMemory,
    id: "safeguard-implementation-2",
    title: "22 CFR 126.18(d) as implemented under the exchange of letters",
    papers: ["itar-126-18-implementation"],
    entityCountry: "CA",
  },
  {
    ...fromMemory,
    id: "safeguard-guidelines-1",
    title: "the exemption of paragraph 3.7b of the guidelines for agreements under the ITAR",
    papers: ["itar-agreements-guidelines"],
    entityCountry: "AU",
  },
  {
    ...fromMemory,
    id: "safeguard-guidelines-2",
    title: "the exemption of paragraph 3.7c of the guidelines for agreements under the ITAR",
    papers: ["itar-agreements-guidelines"],
    entityCountry: "NL",
  },
];
