import type { Principle } from "./rule.ts";

const common = {
  asOf: "2026-09-24",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
} as const;

/** The rules that the engine applies in its own code, kept with the rest so that counsel can sign them and a digest covers them. */
export const principles: readonly Principle[] = [
  {
    ...common,
    id: "principle-export",
    citation: "15 CFR 734.13(a)(1)",
    rule: "Sending out of the United States in any manner is an export, whoever receives.",
  },
  {
    ...common,
    id: "principle-deemed-export",
    citation: "15 CFR 734.13(a)(2), (b); 734.14(a)(2), (b)",
    rule: "Releasing technology or source code to a foreign person is an export or reexport to the most recent country of citizenship or permanent residency. Software is taken as source code, since nothing shows that it is object code.",
  },
  {
    ...common,
    id: "principle-keys",
    citation: "15 CFR 734.15(b), 734.19",
    rule: "A release by way of access information needs the authorization that the technology or software needs.",
  },
  {
    ...common,
    id: "principle-affiliates",
    citation: "90 FR 47201; 90 FR 50857; 15 CFR 744.11",
    status: { kind: "stayed", from: "2025-11-10", until: "2026-11-09" },
    rule: "An entity owned half or more by parties on the Entity List, the MEU List or certain SDN programs is treated as they are; an unknown share is a red flag to resolve.",
    note: "No notice extending the stay was found, so the rule is taken to be back in force. OFAC's rule of fifty percent never stopped.",
  },
  {
    ...common,
    id: "principle-end-use",
    confidence: "inferred",
    citation: "15 CFR Part 744; 736.2(b)(5)",
    rule: "A license can be required by the end use or end user whatever the item; an officer judges it.",
  },
  {
    ...common,
    id: "principle-affiliation",
    confidence: "inferred",
    citation: "15 CFR Parts 744 and 746; 736.2(b)(5), (b)(6)",
    rule: "Whoever is on record as employed by an entity that has its headquarters, or its ultimate parent's, in a sanctioned country counts as that entity does; in Macau or Country Group D:5 the end use is asked for them as for a workload's entity.",
    note: "Employment is not demanded of anybody for this: none on record leaves the rule without effect, and one on record only restricts.",
  },
];
