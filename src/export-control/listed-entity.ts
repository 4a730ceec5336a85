import type { EntityFacts, PersonFacts } from "./facts.ts";
import type { Case } from "./finding.ts";
import { binds } from "./item.ts";
import type { ListedEntity } from "./rulebook/rule.ts";
import { calendarDate, dateAt } from "./time.ts";
import { acknowledgementsOf } from "./verified.ts";

/**
 * Whether a party is, or works for, an entity that Supplement No. 8 to Part 740 lists for a country on the day of the decision: a paper in force says so,
 * under the name that stands there. Null where nobody knows of any papers, or the rulebook does not tell the entities apart. It only helps.
 */
export function isListedEntity(
  { facts: { at }, rulebook }: Case,
  party: PersonFacts | EntityFacts,
  country: string,
): boolean | null {
  const papers = acknowledgementsOf(party, at);
  if (papers === null || rulebook.supplementEight === undefined) return null;
  const standing = rulebook.supplementEight.filter(
    (row) => row.country === country && lasts(row, at),
  );
  return papers.some(
    ({ kind, name }) =>
      kind === "supplement-eight-entity" &&
      name != null &&
      standing.some((row) => sameName(row.name, name)),
  );
}

/** Whether a listing binds and counts on the day of an instant, its first and last day included. False for a day that cannot be read. */
function lasts(row: ListedEntity, at: string): boolean {
  const { from, until } = row;
  const today = dateAt(at);
  if (!binds(row, at)) return false;
  if (today === null || calendarDate(from) === null || today < from) return false;
  return until === null || (calendarDate(until) !== null && today <= until);
}

/** Capitals and the space around a name tell nothing apart; any other difference does. */
function sameName(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase();
}
