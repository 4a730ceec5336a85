import type { ListedEntity } from "./rule.ts";

const common = {
  citation: "15 CFR Part 740 Supp. No. 8; 15 CFR 740.2(a)(26); 91 FR 43038",
  asOf: "2026-09-24",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "The day of effect in July 2026 was not at hand: the listing counts from the earliest text that shows the country's new group.",
  country: "AE",
  from: "2026-07-23",
  until: null,
} as const;

/** Read as the last day on which the listing counts, as the printed expiration date of a license is. */
const untilApril = { until: "2027-04-06" } as const;

/**
 * Supplement No. 8 to Part 740: the entities in the United Arab Emirates for which License Exception STA is open and the lower tier of advanced computing
 * asks for no license by country alone. The names are short forms; counsel completes them from the supplement.
 */
export const supplementEight: readonly ListedEntity[] = [
  { ...common, id: "listed-entity-1", name: "Government of the United Arab Emirates" },
  { ...common, ...untilApril, id: "listed-entity-2", name: "G42" },
  { ...common, ...untilApril, id: "listed-entity-3", name: "Core42" },
  { ...common, id: "listed-entity-4", name: "Amazon" },
  { ...common, id: "listed-entity-5", name: "Apple" },
  { ...common, id: "listed-entity-6", name: "Google" },
  { ...common, id: "listed-entity-7", name: "Meta" },
  { ...common, id: "listed-entity-8", name: "Microsoft" },
  { ...common, id: "listed-entity-9", name: "OpenAI" },
  { ...common, id: "listed-entity-10", name: "Oracle" },
  { ...common, id: "listed-entity-11", name: "xAI" },
];
