import { supplementFiveDestinations } from "./countries.ts";
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
    rule: "Releasing technology or source code to a foreign person is an export or reexport to the most recent country of citizenship or permanent residency. Software is taken as source code unless the approved classification states that it is object code.",
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
  {
    ...common,
    id: "principle-exceptions-sanctioned",
    citation: "15 CFR 740.2(a)(6)",
    rule: "No license exception is taken for an act that Part 746 concerns, nor to E:1 or E:2; none overcomes a requirement of Part 744 or 746.",
  },
  {
    ...common,
    id: "principle-exceptions-advanced-computing",
    citation: "15 CFR 740.2(a)(9)(ii)",
    rule: "For advanced computing and model weights to D:1, D:4 or D:5 (without A:5 and A:6), or to whoever is headquartered or parented in Macau or D:5, only GOV (b), TSU (a) and (c), AIA for weights and ACM stay open; TMP, RPL, NAC, ACA and HBM are not evaluated.",
    note: "Macau is taken as a place besides, cautiously. Where the headquarters are not known nothing but those is taken.",
  },
  {
    ...common,
    id: "principle-exceptions-temporary",
    citation: "15 CFR 740.2(a)(14)",
    rule: "For 0Y521 items no license exception but GOV (b)(2)(ii) is taken.",
  },
  {
    ...common,
    id: "principle-exceptions-unverified",
    citation: "15 CFR 740.2(a)(17)",
    rule: "A party on the Unverified List bars every license exception; a party that was not screened leaves each unmet.",
  },
  {
    ...common,
    id: "principle-exceptions-uae",
    citation: "15 CFR 740.2(a)(26); Part 740 Supp. No. 8",
    rule: "STA to the United Arab Emirates is for the entities of Supplement No. 8 alone. A party is one, or works for one, where a paper in force says so under the name that stands there.",
  },
  {
    ...common,
    id: "principle-published",
    citation: "15 CFR 734.3(b)(3), 734.7",
    rule: "Published technology and software are not subject to the EAR. Only an approved classification says that an item is published, how and since when; sanctions, parties and end use are checked all the same, since other regimes reach them.",
  },
  {
    ...common,
    id: "principle-published-encryption",
    confidence: "inferred",
    citation: "15 CFR 734.7(b), 742.15(b); 740.13(e) [Reserved]",
    rule: "Published source code of 5D002 is not subject to the EAR once the approved classification states that it is source code, how and since when it is published, and that BIS and the ENC Encryption Request Coordinator were notified of its place or need not be, its cryptography being standard.",
    note: "742.15(b) was not at hand. Object code compiled from published source code is left out, cautiously. In the copy of 740.13 at hand paragraph (e), which once was the exception for such source code, is reserved.",
  },
  {
    ...common,
    id: "principle-deemed-reexport",
    citation: "15 CFR 734.14(a)(2), (b), 734.20",
    rule: "A release abroad to a national of another country is a deemed reexport, save under 734.20: (a) no requirement for that country; (b) a permanent and regular employee, not proscribed, exclusively of A:5, in A:5; (c) one with the safeguards on record.",
    note: "The six ways of (c) are rows of their own. The consignee of the export stands for the entity that has to be authorized.",
  },
  {
    ...common,
    id: "principle-weights-below-threshold",
    confidence: "inferred",
    citation: "15 CFR 734.3(c); Part 774 Supp. No. 1, 4E091",
    rule: "Weights below 10^26 operations have no entry: the exporter's own classification holds until it states on what it was determined.",
    note: "No text of BIS on such weights was found.",
  },
  {
    ...common,
    id: "principle-supplement-five",
    citation: "15 CFR Part 740 Supp. No. 5(a)",
    rule: `The destinations that 742.6(a)(13) and License Exception AIA refer to are ${supplementFiveDestinations.join(", ")}.`,
  },
];
