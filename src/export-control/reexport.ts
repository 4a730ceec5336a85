import { destinationOf } from "./destination.ts";
import { groupsOf } from "./embargo.ts";
import type { AcknowledgementKind, PersonFacts } from "./facts.ts";
import type { Case } from "./finding.ts";
import { type DeemedRecipient, heldStatuses } from "./nationality.ts";
import { acknowledgementsOf, employmentOf, engagementOf } from "./verified.ts";

/** The ways of 734.20(c) to answer for the recipient that are modelled; those of allied governments' own rules are not. */
const safeguards: readonly (readonly AcknowledgementKind[])[] = [
  ["security-clearance"],
  ["substantive-contact-screening", "non-disclosure-agreement", "technology-control-plan"],
];

/**
 * Which paragraph of 734.20 takes a release abroad out of the deemed reexports; null for none. Both want a permanent and regular employee,
 * not proscribed, of an entity in the country of the destination; that the entity may receive the item is what the export checks of the
 * same decision ask. (b): exclusively a national of A:5, in A:5. (c): safeguards on record. (a) needs no word here: a country for
 * which nothing is required passes by itself. An unknown or expired fact leaves each of them out of reach.
 */
export function carvedOut(
  given: Case,
  { person }: DeemedRecipient,
): "734.20(b)" | "734.20(c)" | null {
  const destination = destinationOf(given);
  if (person === null || destination.kind !== "abroad") return null;
  const { at, screening } = given.facts;
  const employment = employmentOf(person, at);
  const isEmployedThere = engagementOf(person, at)?.entityCountry === destination.country;
  const isProscribed =
    screening === null || screening.matches.some(({ clearedBy }) => clearedBy === null);
  if (employment?.permanentRegular !== true || !isEmployedThere || isProscribed) return null;
  const isInA5 = groupsOf(given.rulebook, destination.country).includes("A:5");
  if (isInA5 && isExclusivelyOfA5(given, person)) return "734.20(b)";
  const papers = acknowledgementsOf(person, at)?.map(({ kind }) => kind) ?? [];
  const isSafeguarded = safeguards.some((kinds) => kinds.every((kind) => papers.includes(kind)));
  return papers.includes("anti-diversion-procedures") && isSafeguarded ? "734.20(c)" : null;
}

/** Whether every citizenship and permanent residency held today is of Country Group A:5; false where it is not known. */
export function isExclusivelyOfA5(given: Case, person: PersonFacts): boolean {
  const held = heldStatuses(person, given.facts.at);
  return (
    held !== null &&
    held.length > 0 &&
    held.every(({ country }) => groupsOf(given.rulebook, country).includes("A:5"))
  );
}
