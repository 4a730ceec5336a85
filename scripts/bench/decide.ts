import { decide } from "../../src/export-control/decide.ts";
import type { Facts, License, PersonFacts } from "../../src/export-control/facts.ts";
import { rulebook } from "../../src/export-control/rulebook.ts";
import { type Figure, figure, type Measurement } from "./measure.ts";

/** What is asked of one thread. */
const baselineDecisions = 20_000;
const rounds = 5;
const roundMs = 1_000;

/** Decisions a second in one thread, over cases of every length, the longest among them; the median of five rounds. */
export async function decisions({ scale, progress }: Measurement): Promise<readonly Figure[]> {
  const cases = casesOf();
  const expected = cases.map((facts) => decide(facts, rulebook).verdict);
  if (expected.join() !== "allow,allow,deny,deny,hold")
    throw new Error(`the cases come out as ${expected.join()}`);
  runFor(Math.min(500, roundMs * scale), cases);
  const rates: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    rates.push(runFor(roundMs * Math.min(1, scale), cases));
    // A subject that only computes would keep an interruption waiting for ever.
    await new Promise(setImmediate);
    progress(`  round ${round + 1} of ${rounds}: ${rates.at(-1)?.toFixed(0)} decisions/s`);
  }
  const median = rates.toSorted((one, other) => one - other)[Math.floor(rounds / 2)] ?? Number.NaN;
  return [figure("decide", "decisions/s", { value: median, baseline: baselineDecisions })];
}

function runFor(durationMs: number, cases: readonly Facts[]): number {
  const startedAt = performance.now();
  let decided = 0;
  do {
    for (const facts of cases) {
      decide(facts, rulebook);
      decided += 1;
    }
  } while (performance.now() - startedAt < durationMs);
  return decided / ((performance.now() - startedAt) / 1_000);
}

/** A U.S. person at home; a licensed export and deemed export; a technology of three reasons; a workload of another country; an unscreened one. */
function casesOf(): readonly Facts[] {
  const home = factsFor({ id: "citizen", usPerson: true, country: "US" }, "4E091");
  const german = factsFor({ id: "german", usPerson: false, country: "DE" }, "4E091");
  const indian = factsFor({ id: "indian", usPerson: false, country: "IN" }, "3E001");
  return [
    home,
    {
      ...german,
      destination: { country: "FR", basis: "site", site: "paris" },
      licenses: [licenseFor("german", ["FR"], ["DE"])],
    },
    indian,
    {
      ...home,
      subject: {
        kind: "workload",
        workload: {
          id: "workload",
          state: "active",
          accountable: personOf({ id: "citizen", usPerson: true, country: "US" }),
          entity: {
            id: "entity",
            state: "active",
            country: "CN",
            headquarters: "CN",
            ultimateParentHeadquarters: "CN",
            ownership: "no-listed-owner",
            acknowledgements: null,
          },
        },
      },
    },
    { ...home, screening: null },
  ];
}

type Person = { readonly id: string; readonly usPerson: boolean; readonly country: string };

function personOf({ id, usPerson, country }: Person): PersonFacts {
  return {
    id,
    state: "active",
    usPerson: { value: usPerson, category: null },
    citizenships: usPerson ? null : [{ country, from: "1990-01-01", until: null }],
    permanentResidencies: usPerson ? null : [],
    employment: null,
    engagement: null,
    acknowledgements: null,
    verifications: null,
  };
}

function factsFor(person: Person, eccn: string): Facts {
  return {
    at: "2026-11-23T12:00:00.000Z",
    item: {
      repository: "lab/frontier",
      classification: {
        id: "classification",
        state: "approved",
        jurisdiction: "EAR",
        eccn,
        paragraph: null,
        basis: "counsel",
        form: null,
        published: null,
        statements: null,
        computer: null,
        determination: null,
        proposedBy: "one",
        approvedBy: "another",
      },
    },
    subject: { kind: "person", person: personOf(person) },
    grant: {
      id: "grant",
      state: "active",
      purpose: "evaluation",
      validFrom: "2026-01-01T00:00:00.000Z",
      validUntil: "2027-01-01T00:00:00.000Z",
    },
    destination: { country: "US", basis: "site", site: "here" },
    licenses: [],
    screening: {
      list: { name: "a list", digest: "00", asOf: "2026-11-22", kind: "loaded" },
      parties: 1,
      screened: 1,
      maxAgeDays: 14,
      isTrial: false,
      matches: [],
    },
  };
}

function licenseFor(
  person: string,
  destinations: readonly string[],
  nationalities: readonly string[],
): License {
  return {
    id: "license",
    number: "D000001",
    kind: "bis-license",
    state: "active",
    scope: {
      eccns: ["4E091"],
      repositories: null,
      destinations,
      nationalities,
      parties: { persons: [person], workloads: [], entities: [] },
      reasons: null,
    },
    validFrom: "2026-01-01",
    validUntil: "2027-12-31",
    releasesLeft: null,
    riders: [],
  };
}
