import { destinationOf } from "./destination.ts";
import { groupsOf } from "./embargo.ts";
import type { PersonFacts } from "./facts.ts";
import type { Case } from "./finding.ts";
import { binds } from "./item.ts";
import { type DeemedRecipient, heldStatuses } from "./nationality.ts";
import type { Safeguard } from "./rulebook/rule.ts";
import { acknowledgementsOf, employmentOf, engagementOf } from "./verified.ts";

/** The ways of 734.20(c) in a rulebook that was kept before they were rows of it. */
const formerly: readonly Pick<Safeguard, "papers" | "entityCountry">[] = [
  { papers: ["security-clearance"], entityCountry: null },
  {
    papers: [
      "substantive-contact-screening",
      "non-disclosure-agreement",
      "technology-control-plan",
    ],
    entityCountry: null,
  },
];

/** The paragraph of 734.20, and the rows of the rulebook that stand for the way taken. */
export type CarveOut = {
  readonly paragraph: "734.20(b)" | "734.20(c)";
  readonly rows: readonly string[];
};

/**
 * Which paragraph of 734.20 takes a release abroad out of the deemed reexports; null for none. Both want a permanent and regular employee,
 * not proscribed, of an entity in the country of the destination; that the entity may receive the item is what the export checks of the
 * same decision ask. (b): exclusively a national of A:5, in A:5. (c): procedures against diversion and one of its six ways on record. (a) needs no word here: a country for
 * which nothing is required passes by itself. An unknown or expired fact leaves each of them out of reach.
 */
export function carvedOut(given: Case, { person }: DeemedRecipient): CarveOut | null {
  const destination = destinationOf(given);
  if (person === null || destination.kind !== "abroad") return null;
  const { at, screening } = given.facts;
  const employment = employmentOf(person, at);
  const isEmployedThere = engagementOf(person, at)?.entityCountry === destination.country;
  const isProscribed =
    screening === null || screening.matches.some(({ clearedBy }) => clearedBy === null);
  if (employment?.permanentRegular !== true || !isEmployedThere || isProscribed) return null;
  const isInA5 = groupsOf(given, destination.country).includes("A:5");
  if (isInA5 && isExclusivelyOfA5(given, person)) return { paragraph: "734.20(b)", rows: [] };
  const inHand = acknowledgementsOf(person, at)?.map(({ kind }) => kind) ?? [];
  if (!inHand.includes("anti-diversion-procedures")) return null;
  const isTaken = ({ papers, entityCountry }: Pick<Safeguard, "papers" | "entityCountry">) =>
    (entityCountry === null || entityCountry === destination.country) &&
    papers.every((kind) => inHand.includes(kind));
  const { safeguards } = given.rulebook;
  if (safeguards === undefined)
    return formerly.some(isTaken) ? { paragraph: "734.20(c)", rows: [] } : null;
  const [taken] = safeguards.filter((row) => binds(row, at) && isTaken(row));
  return taken === undefined ? null : { paragraph: "734.20(c)", rows: [taken.id] };
}

/** Whether every citizenship and permanent residency held today is of Country Group A:5; false where it is not known. */
function isExclusivelyOfA5(given: Case, person: PersonFacts): boolean {
  const held = heldStatuses(person, given.facts.at);
  return (
    held !== null &&
    held.length > 0 &&
    held.every(({ country }) => groupsOf(given, country).includes("A:5"))
  );
}
