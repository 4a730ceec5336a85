import type { CheckedCondition } from "./decision.ts";
import { destinationOf, headquartersOf } from "./destination.ts";
import { groupsOf, isMacauOrD5 } from "./embargo.ts";
import type { EntityFacts, PersonFacts } from "./facts.ts";
import type { Case, Need } from "./finding.ts";
import { approvedClassification, entryOf } from "./item.ts";
import type { ExceptionCondition, Group } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";
import { dateAt } from "./time.ts";
import { acknowledgementsOf, employmentOf, engagementOf, nationalityOf } from "./verified.ts";

/** Who receives under a need: a person, or the entity that operates a workload. */
export type Recipient =
  | { readonly kind: "person"; readonly person: PersonFacts }
  | { readonly kind: "entity"; readonly entity: EntityFacts };

export function recipientOf({ facts: { subject } }: Case, { parties }: Need): Recipient {
  if (subject.kind === "person") return { kind: "person", person: subject.person };
  const { accountable, entity } = subject.workload;
  return parties.entities.length > 0
    ? { kind: "entity", entity }
    : { kind: "person", person: accountable };
}

type State = CheckedCondition["state"];

/** Whether a condition is met. What is not known, or no longer, is not met: nothing here is taken for granted. */
export function stateOf(given: Case, need: Need, condition: ExceptionCondition): State {
  const recipient = recipientOf(given, need);
  const { at } = given.facts;
  switch (condition.kind) {
    case "acknowledged":
      return acknowledged(given, recipient, condition);
    case "stated": {
      const statements = approvedClassification(given)?.statements ?? null;
      return statements === null ? "unknown" : claim(statements.includes(condition.what));
    }
    case "object-code": {
      if (entryOf(given)?.kind !== "software") return "met";
      const form = approvedClassification(given)?.form ?? null;
      return form === null ? "unknown" : claim(form === "object-code");
    }
    case "employer": {
      const employer = engaged(recipient, at)?.employer ?? null;
      return employer === null ? "unknown" : claim(condition.employers.includes(employer));
    }
    case "employer-of-the-country": {
      const country = engaged(recipient, at)?.entityCountry ?? null;
      return country === null ? "unknown" : claim(country === need.country);
    }
    case "engaged":
      return engaged(recipient, at)?.capacity == null ? "unknown" : "met";
    case "permanent-regular": {
      const employment = employed(recipient, at);
      return employment === null ? "unknown" : claim(employment.permanentRegular);
    }
    case "us-parent": {
      const parent = headquartersBehind(given, recipient)?.at(-1);
      return parent === undefined ? "unknown" : claim(parent === "US");
    }
    case "supplement-five": {
      const places = headquartersBehind(given, recipient);
      const within = given.rulebook.supplementFiveDestinations;
      return places === null ? "unknown" : claim(places.every((place) => within.includes(place)));
    }
    case "headquarters-outside-macau-and-d5": {
      const places = headquartersBehind(given, recipient);
      return places === null
        ? "unknown"
        : claim(!places.some((place) => isMacauOrD5(given, place)));
    }
    case "no-status-in":
      return noStatusIn(given, recipient, condition.groups);
    case "received-in-us": {
      const { kind } = destinationOf(given);
      return kind === "unknown" ? "unknown" : claim(kind === "domestic");
    }
    case "performance":
      return performance(given, condition);
  }
}

function claim(holds: boolean): State {
  return holds ? "met" : "unmet";
}

function acknowledged(
  given: Case,
  recipient: Recipient,
  { what, byItem }: Extract<ExceptionCondition, { kind: "acknowledged" }>,
): State {
  const party = recipient.kind === "person" ? recipient.person : recipient.entity;
  const papers = acknowledgementsOf(party, given.facts.at);
  if (papers === null) return "unknown";
  const eccn = given.facts.item.classification?.eccn ?? "";
  const isInHand = papers.some(
    ({ kind, eccns }) => kind === what && (eccns === null ? !byItem : eccns.includes(eccn)),
  );
  return claim(isInHand);
}

function engaged(recipient: Recipient, at: string): PersonFacts["engagement"] {
  return recipient.kind === "person" ? engagementOf(recipient.person, at) : null;
}

function employed(recipient: Recipient, at: string): PersonFacts["employment"] {
  return recipient.kind === "person" ? employmentOf(recipient.person, at) : null;
}

/** The headquarters of the recipient's employer, or of the entity itself, and the ultimate parent's last. */
export function headquartersBehind(given: Case, recipient: Recipient): readonly string[] | null {
  if (recipient.kind === "entity") return headquartersOf(given);
  const employment = employed(recipient, given.facts.at);
  if (employment === null || employment.ultimateParentHeadquarters === null) return null;
  return [employment.entityHeadquarters, employment.ultimateParentHeadquarters];
}

/** Statuses held today and those that ended alike: a former nationality stays open, so it does not help either. */
function noStatusIn(given: Case, recipient: Recipient, groups: readonly Group[]): State {
  if (recipient.kind === "entity") return "unknown";
  const known = nationalityOf(recipient.person, given.facts.at);
  const today = dateAt(given.facts.at);
  if (known === null || today === null) return "unknown";
  const countries = [...known.citizenships, ...known.permanentResidencies].map(
    ({ country }) => country,
  );
  const codes = indexOf(given.rulebook).countries;
  if (countries.some((country) => !codes.has(country))) return "unknown";
  const isOf = (country: string) =>
    groupsOf(given, country).some((group) => groups.includes(group));
  return claim(!countries.some(isOf));
}

function performance(
  given: Case,
  { developmentOrProductionWt, useWt }: Extract<ExceptionCondition, { kind: "performance" }>,
): State {
  const computer = approvedClassification(given)?.computer ?? null;
  if (computer === null) return "unknown";
  const limit = computer.purpose === "use" ? useWt : developmentOrProductionWt;
  return claim(limit === null || computer.peakPerformanceWt <= limit);
}
