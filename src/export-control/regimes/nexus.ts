import { type CheckId, regimeCheckIds } from "../decision.ts";
import { type Case, type Finding, notApplicable, pass, unknown } from "../finding.ts";
import { indexOf } from "../rulebook-index.ts";
import type { RegimeClassification } from "./classification.ts";
import type { RegimeRules } from "./regime.ts";

/** Whether a regime attaches to what is decided. */
export type Nexus = "attached" | "not-attached" | "unknown";

/** The ids of a regime's four checks. */
export function idsOf({ jurisdiction }: RegimeRules): {
  readonly nexus: CheckId;
  readonly item: CheckId;
  readonly transfer: CheckId;
  readonly endUse: CheckId;
} {
  const [nexus, item, transfer, endUse] = regimeCheckIds[jurisdiction];
  return { nexus, item, transfer, endUse };
}

/** What the item's classification states under a regime, whether approved or not. */
export function statementsOf(
  { facts }: Case,
  { jurisdiction }: RegimeRules,
): readonly RegimeClassification[] {
  const stated = facts.item.classification?.regimes ?? [];
  return stated.filter((each) => each.jurisdiction === jurisdiction);
}

/**
 * Whether a decision asks a regime at all: its classification states the item under it, or the keys leave its territory, or a place that nobody
 * knows. Where neither is said the EAR decides alone, as it did before other regimes were asked.
 */
export function isAsked(given: Case, rules: RegimeRules): boolean {
  if (statementsOf(given, rules).length > 0) return true;
  const { departure } = given.facts;
  if (departure === undefined) return false;
  return rules.territory.includes(departure.country ?? "") || !isKnown(given);
}

/** Whether the regime attaches. What follows persons may do so from anywhere, which the place alone cannot rule out. */
export function nexusOf(given: Case, rules: RegimeRules): Nexus {
  const country = given.facts.departure?.country ?? "";
  if (rules.territory.includes(country)) return "attached";
  return isKnown(given) && rules.nexus === "ship-from" ? "not-attached" : "unknown";
}

/** Whether the place that the keys leave is on record, as a country that the rulebook or a regime knows. */
export function isKnown({ facts, rulebook }: Case): boolean {
  const country = facts.departure?.country ?? null;
  if (country === null) return false;
  return (
    indexOf(rulebook).countries.has(country) ||
    (rulebook.regimes ?? []).some(({ territory }) => territory.includes(country))
  );
}

/** The first of a regime's checks: whether it attaches, and by what. */
export function checkNexus(given: Case, rules: RegimeRules): Finding {
  const { nexus: check } = idsOf(rules);
  const { citation, name } = rules;
  const rows = [rules.id, ...rules.principles.slice(0, 2).map(({ id }) => id)];
  switch (nexusOf(given, rules)) {
    case "attached":
      return pass(check, {
        citation,
        rows,
        reason: `The keys leave from the territory of ${name}, so its regime attaches. It tells who receives by ${rules.subjectTests.join(" and ")}.`,
      });
    case "not-attached":
      return notApplicable(check, {
        citation,
        rows,
        reason: `The keys do not leave from the territory of ${name}, and its regime follows the place that a transmission leaves.`,
      });
    case "unknown":
      return unknown(check, {
        citation,
        rows,
        reason: isKnown(given)
          ? `The regime of ${name} follows persons wherever they are, and whether one whom it follows provides the item is not on record.`
          : `From which country the keys leave is not known, so whether the regime of ${name} attaches is not either.`,
        remedy: isKnown(given)
          ? "Counsel decides it outside the vault."
          : "The operator states the country in which the vault's nodes and store stand.",
      });
  }
}
