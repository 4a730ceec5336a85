import { consignee } from "./destination.ts";
import type { CountryCode, PersonFacts } from "./facts.ts";
import type { Case, Parties } from "./finding.ts";

/** A country behind a party, by the entity that it belongs to or works for, and whom a license has to name for it. */
export type Affiliation = { readonly country: CountryCode; readonly parties: Parties };

/**
 * The countries behind everyone who receives: where a workload's entity is organised, headquartered and parented, and where the
 * recorded employer of the person, or of the person accountable for the workload, is headquartered and parented. Employment is
 * demanded of nobody here, so one that is not on record adds nothing; one that is on record can only restrict.
 */
export function affiliations(given: Case): readonly Affiliation[] {
  const { subject } = given.facts;
  if (subject.kind === "person") return byEmployment(subject.person);
  const { entity, accountable } = subject.workload;
  const places = [entity.country, entity.headquarters, entity.ultimateParentHeadquarters];
  return [...within(places, consignee(given)), ...byEmployment(accountable)];
}

function byEmployment({ id, employment }: PersonFacts): readonly Affiliation[] {
  if (employment === null) return [];
  const places = [employment.entityHeadquarters, employment.ultimateParentHeadquarters];
  return within(places, { persons: [id], workloads: [], entities: [] });
}

/** Each known place once. */
function within(places: readonly (CountryCode | null)[], parties: Parties): readonly Affiliation[] {
  const known = new Set(places.filter((place) => place !== null));
  return [...known].sort().map((country) => ({ country, parties }));
}
