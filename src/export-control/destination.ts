import type { CountryCode } from "./facts.ts";
import { type Case, type Finding, type Parties, pass, unknown } from "./finding.ts";
import { indexOf } from "./rulebook-index.ts";
import { employmentOf } from "./verified.ts";

/** Where the item goes: `domestic` is no export; an unknown place holds. */
export type Destination =
  | { readonly kind: "domestic" }
  | { readonly kind: "abroad"; readonly country: CountryCode }
  | { readonly kind: "unknown" };

export function destinationOf({ facts, rulebook }: Case): Destination {
  const { country, basis } = facts.destination;
  if (country === null || basis !== "site") return { kind: "unknown" };
  if (!indexOf(rulebook).countries.has(country)) return { kind: "unknown" };
  return country === "US" ? { kind: "domestic" } : { kind: "abroad", country };
}

/** Whether it is known where the item goes. Leaving the United States is an export whoever receives it, a U.S. person too. */
export function checkDestination(given: Case): Finding {
  const citation = "15 CFR 734.13(a)(1), 734.15(b), 734.19";
  const rows = ["principle-export", "principle-keys"];
  const destination = destinationOf(given);
  switch (destination.kind) {
    case "domestic":
      return pass("destination", {
        citation,
        rows,
        reason: "The item stays in the United States, so nothing leaves it.",
      });
    case "abroad":
      return pass("destination", {
        citation,
        rows,
        reason: `The item goes to ${destination.country}, which is an export whoever receives it.`,
      });
    case "unknown":
      return unknown("destination", {
        citation,
        rows,
        reason: "It is not known in which country the item will be received.",
        remedy: "Ask from a recorded site, or have an officer record the site's country.",
      });
  }
}

/** The parties to whom an item is sent, as distinct from those to whom a release is deemed an export. */
export function consignee({ facts: { subject } }: Case): Parties {
  return subject.kind === "person"
    ? { persons: [subject.person.id], workloads: [], entities: [] }
    : { persons: [], workloads: [subject.workload.id], entities: [subject.workload.entity.id] };
}

/**
 * The headquarters behind the consignee: the workload's entity, or the person's employer. Null where it is not known. A person's
 * employer is asked only where a requirement turns on it.
 */
export function headquartersOf({ facts: { at, subject } }: Case): readonly CountryCode[] | null {
  if (subject.kind === "workload") {
    const { headquarters, ultimateParentHeadquarters } = subject.workload.entity;
    return pair(headquarters, ultimateParentHeadquarters);
  }
  const employment = employmentOf(subject.person, at);
  return pair(
    employment?.entityHeadquarters ?? null,
    employment?.ultimateParentHeadquarters ?? null,
  );
}

function pair(one: CountryCode | null, other: CountryCode | null): readonly CountryCode[] | null {
  return one === null || other === null ? null : [one, other];
}
