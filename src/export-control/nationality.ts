import { destinationOf } from "./destination.ts";
import type { CountryCode, Dated, PersonFacts } from "./facts.ts";
import {
  type Case,
  type Finding,
  notApplicable,
  type Parties,
  pass,
  perCase,
  unknown,
} from "./finding.ts";
import { indexOf } from "./rulebook-index.ts";
import { calendarDate, dateAt } from "./time.ts";
import { nationalityOf, usPersonOf } from "./verified.ts";

/** Someone to whom a release is deemed an export, and the countries that it may be deemed to be to. */
export type DeemedRecipient = {
  readonly party: Parties;
  /** The person, where it is one: only people can be employees. */
  readonly person: PersonFacts | null;
  /** One country where the facts settle it. More where they leave several readings open: each has to come out the same. */
  readonly readings: readonly CountryCode[];
};

/** Who is deemed to receive an export; null where a fact that decides it is not known. */
export type DeemedRecipients =
  | { readonly known: true; readonly recipients: readonly DeemedRecipient[] }
  | { readonly known: false; readonly question: string };

/**
 * Every foreign person to whom this release discloses the item: the person, or the workload's accountable person and its entity.
 * 734.13(b): the country is that of the most recent citizenship or permanent residency.
 */
export const deemedRecipients = perCase(({ facts, rulebook }: Case): DeemedRecipients => {
  const codes = indexOf(rulebook).countries;
  const person =
    facts.subject.kind === "person" ? facts.subject.person : facts.subject.workload.accountable;
  const asPerson = recipientOf(person, facts.at, codes);
  if (!asPerson.known || facts.subject.kind === "person") return asPerson;
  const { id, entity } = facts.subject.workload;
  for (const country of [entity.country, entity.headquarters, entity.ultimateParentHeadquarters]) {
    if (country === null || !codes.has(country)) {
      return {
        known: false,
        question:
          "where the entity is organised, where its headquarters are, or where its ultimate parent's are",
      };
    }
  }
  if (entity.country === null || entity.country === "US") return asPerson;
  const party = { persons: [], workloads: [id], entities: [entity.id] };
  const asEntity = { party, person: null, readings: [entity.country] };
  return { known: true, recipients: [...asPerson.recipients, asEntity] };
});

/** Abroad a release to a foreign person is a deemed reexport (734.14), in the United States a deemed export (734.13). */
export function deemedCitation(given: Case): string {
  const [home, abroad] = ["15 CFR 734.13(a)(2), (b)", "15 CFR 734.14(a)(2), (b)"];
  const { kind } = destinationOf(given);
  if (kind === "unknown") return `${home}; 734.14(a)(2), (b)`;
  return kind === "abroad" ? abroad : home;
}

export function isReexport(given: Case): boolean {
  return destinationOf(given).kind === "abroad";
}

/** Whether it is settled who is deemed to receive an export, and to which country. */
export function checkNationality(given: Case): Finding {
  const citation = `${deemedCitation(given)}; 772.1`;
  const rows = ["principle-deemed-export"];
  const found = deemedRecipients(given);
  if (!found.known) {
    return unknown("nationality", {
      citation,
      rows,
      reason: `It is not known ${found.question}.`,
      remedy: "An officer records the missing fact, on the person's own statement.",
    });
  }
  if (found.recipients.length === 0) {
    return notApplicable("nationality", {
      citation,
      rows,
      reason: "Everyone who receives is a U.S. person, so no release is deemed an export.",
    });
  }
  const several = found.recipients.filter(({ readings }) => readings.length > 1);
  return pass("nationality", {
    citation,
    rows,
    reason:
      several.length === 0
        ? `The release is deemed ${isReexport(given) ? "a reexport" : "an export"} to ${found.recipients.flatMap(({ readings }) => readings).join(" and ")}.`
        : `The facts leave several countries open (${several.flatMap(({ readings }) => readings).join(", ")}): each is tested, and where they differ the release holds.`,
  });
}

/**
 * The most recent status is the one acquired last and not in the future. The text leaves two questions open, and both answers stand as
 * readings: several statuses acquired on the same day; and a status acquired last that has ended, beside the last one still held.
 */
function recipientOf(
  person: PersonFacts,
  at: string,
  codes: ReadonlyMap<CountryCode, unknown>,
): DeemedRecipients {
  const usPerson = usPersonOf(person, at);
  if (usPerson === null) {
    return { known: false, question: "whether the person is a U.S. person" };
  }
  if (usPerson.value) return { known: true, recipients: [] };
  const nationality = nationalityOf(person, at);
  if (nationality === null) {
    return {
      known: false,
      question: "of which countries the person is a citizen or permanent resident, and since when",
    };
  }
  const { citizenships, permanentResidencies } = nationality;
  const today = dateAt(at);
  const statuses = [...citizenships, ...permanentResidencies];
  if (today === null || statuses.some((status) => !isReadable(status))) {
    return { known: false, question: "since when each status is held: a date cannot be read" };
  }
  const held = statuses.filter((status) => isHeld(status, today));
  if (held.length === 0) {
    return {
      known: false,
      question: "which country counts for a person who holds no status today",
    };
  }
  if (held.some(({ country }) => country === "US")) {
    return {
      known: false,
      question:
        "which statement is right: the person is recorded as no U.S. person and as a citizen or permanent resident of the United States",
    };
  }
  const begun = statuses.filter(({ country, from }) => from <= today && country !== "US");
  const readings = [...new Set([...acquiredLast(held), ...acquiredLast(begun)])].sort();
  if (readings.some((country) => !codes.has(country))) {
    return { known: false, question: "which country a recorded code stands for" };
  }
  const party = { persons: [person.id], workloads: [], entities: [] };
  return { known: true, recipients: [{ party, person, readings }] };
}

/** The citizenships and permanent residencies held today; null where they are not known, or not all of them can be read. */
export function heldStatuses(person: PersonFacts, at: string): readonly Dated[] | null {
  const nationality = nationalityOf(person, at);
  const today = dateAt(at);
  if (nationality === null || today === null) return null;
  const statuses = [...nationality.citizenships, ...nationality.permanentResidencies];
  if (statuses.some((status) => !isReadable(status))) return null;
  return statuses.filter((status) => isHeld(status, today));
}

/** Held today: begun, and not ended. */
function isHeld({ from, until }: Dated, today: string): boolean {
  return from <= today && (until === null || until > today);
}

function acquiredLast(statuses: readonly Dated[]): readonly CountryCode[] {
  const latest = statuses.reduce((last, { from }) => (from > last ? from : last), "");
  return statuses.filter(({ from }) => from === latest).map(({ country }) => country);
}

function isReadable({ from, until }: Dated): boolean {
  return calendarDate(from) !== null && (until === null || calendarDate(until) !== null);
}
