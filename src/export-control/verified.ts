import type { Acknowledgement, EntityFacts, IsoDate, PersonFacts, Verification } from "./facts.ts";
import { calendarDate, dateAt } from "./time.ts";

/** Whether a group of facts still counts at an instant. A verification that has expired, or whose dates cannot be read, makes it unknown. */
export function isCurrent(verification: Verification | null | undefined, at: string): boolean {
  if (verification == null) return true;
  const { on, expiresOn } = verification;
  return spans({ from: on, to: expiresOn }, at);
}

/** Whether the person's U.S.-person status is known. Null where it is not, or no longer. */
export function usPersonOf(person: PersonFacts, at: string): PersonFacts["usPerson"] {
  return isCurrent(person.verifications?.usPerson, at) ? person.usPerson : null;
}

/** The two lists of nationality, or null where either is not known, or no longer. */
export function nationalityOf(
  person: PersonFacts,
  at: string,
): {
  readonly citizenships: NonNullable<PersonFacts["citizenships"]>;
  readonly permanentResidencies: NonNullable<PersonFacts["permanentResidencies"]>;
} | null {
  const { citizenships, permanentResidencies, verifications } = person;
  if (citizenships === null || permanentResidencies === null) return null;
  return isCurrent(verifications?.nationality, at) ? { citizenships, permanentResidencies } : null;
}

/**
 * The employment where it would help or is asked for: null where it is not known, or no longer. One that only restricts is read as
 * recorded, so that letting it expire opens nothing.
 */
export function employmentOf(person: PersonFacts, at: string): PersonFacts["employment"] {
  return isCurrent(person.verifications?.employment, at) ? person.employment : null;
}

export function engagementOf(person: PersonFacts, at: string): PersonFacts["engagement"] {
  return isCurrent(person.verifications?.employment, at) ? (person.engagement ?? null) : null;
}

/** The papers in force at an instant; null where nobody knows of any. */
export function acknowledgementsOf(
  party: PersonFacts | EntityFacts,
  at: string,
): readonly Acknowledgement[] | null {
  const { acknowledgements } = party;
  if (acknowledgements == null) return null;
  if ("verifications" in party && !isCurrent(party.verifications?.acknowledgements, at))
    return null;
  return acknowledgements.filter(({ signedOn, expiresOn }) =>
    spans({ from: signedOn, to: expiresOn }, at),
  );
}

/** Whether the day of an instant lies between two days, both included. False for a day that cannot be read. */
function spans({ from, to }: { readonly from: IsoDate; readonly to: IsoDate | null }, at: string) {
  const today = dateAt(at);
  if (today === null || calendarDate(from) === null || from > today) return false;
  return to === null || (calendarDate(to) !== null && today <= to);
}
