import { destinationOf } from "../destination.ts";
import type { ScreeningFacts } from "../facts.ts";
import type { Case } from "../finding.ts";
import { checkDeniedParty } from "../parties.ts";
import { indexOf } from "../rulebook-index.ts";
import { dateAt } from "../time.ts";
import type { Supposition } from "./change.ts";

/** Where the item will be received, where that is not known. A place that is recorded is never supposed to be another. */
export function aboutDestination(given: Case): readonly Supposition[] {
  if (destinationOf(given).kind !== "unknown") return [];
  const { country, site } = given.facts.destination;
  const supposed =
    country !== null && indexOf(given.rulebook).countries.has(country) ? country : "US";
  return [
    [
      {
        change: "record-destination",
        kind: "question",
        sentence: `In which country will the item be received? If it is asked for from a site that is recorded in ${supposed}, with which this was tried, this no longer stands in the way; any other answer is decided anew.`,
        apply: (facts) => ({ ...facts, destination: { country: supposed, basis: "site", site } }),
      },
    ],
  ];
}

/** What could be done about the comparison with the lists. Only an officer's finding about the party itself clears a match. */
export function aboutScreening(given: Case): readonly Supposition[] {
  const { screening, subject, at } = given.facts;
  const open = screening?.matches.filter(({ clearedBy }) => clearedBy === null) ?? [];
  const suppositions: Supposition[] = [];
  if (open.length > 0) {
    const entries = open.map(({ source, entry }) => `${source} ${entry}`).join(", ");
    suppositions.push([
      {
        change: "clear-matches",
        kind: "question",
        sentence: `Is the subject the party that is listed as ${entries}? Only where an officer determines that it is not, and records that, this no longer stands in the way; if it is, nothing does away with it.`,
        apply: (facts) => ({
          ...facts,
          screening: facts.screening === null ? null : cleared(facts.screening),
        }),
      },
    ]);
  }
  const today = dateAt(at);
  const parties = subject.kind === "workload" ? 2 : 1;
  const asCleared: Case = {
    ...given,
    facts: { ...given.facts, screening: screening === null ? null : cleared(screening) },
  };
  if (today === null || checkDeniedParty(asCleared).outcome === "pass") return suppositions;
  suppositions.push([
    {
      change: "screen",
      kind: "question",
      sentence: `Does a current list whose date is known, compared with a name of each of the ${parties} parties behind the subject, name any of them? Only where it names none, this no longer stands in the way.`,
      apply: (facts) => ({
        ...facts,
        screening: {
          maxAgeDays: null,
          isTrial: false,
          matches: [],
          ...facts.screening,
          list: { name: "a current list", digest: "", asOf: today, kind: "loaded" },
          parties,
          screened: parties,
        },
      }),
    },
  ]);
  return suppositions;
}

function cleared(screening: ScreeningFacts): ScreeningFacts {
  const matches = screening.matches.map((match) => ({
    ...match,
    clearedBy: match.clearedBy ?? "an officer",
  }));
  return { ...screening, matches };
}
