import { expect, test } from "@jest/globals";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { advise, suppose } from "../../../src/export-control/advise.ts";
import { decide } from "../../../src/export-control/decide.ts";
import { type CheckId, checkIds, type Verdict } from "../../../src/export-control/decision.ts";
import {
  type Acknowledgement,
  acknowledgementKinds,
  type ClassificationFacts,
  type Dated,
  type EntityFacts,
  type Facts,
  type License,
  type PersonFacts,
  riderKinds,
  type Verification,
} from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { base, bothScreened, classified, held, workload } from "./builders.ts";

const everywhere = [
  "US",
  "DE",
  "CA",
  "CN",
  "MO",
  "IR",
  "CU",
  "RU",
  "UA",
  "GB",
  "AE",
  "SG",
] as const;
const country = fc.constantFrom(
  "US",
  "DE",
  "CA",
  "CN",
  "MO",
  "IR",
  "CU",
  "RU",
  "UA",
  "GB",
  "AE",
  "SG",
  "ZZ",
);
const headquarters = fc.constantFrom("US", "DE", "CN", "IR", "MO", "SG");
const employer = fc.constantFrom("US", "US", "DE", "CN", "IR", "MO", "SG", "ZZ");
const date = fc.constantFrom("1990-01-01", "2010-06-30", "2026-11-23", "2027-01-01", "someday");
const eccn = fc.constantFrom(
  "4E091",
  "EAR99",
  "3E001",
  "4E001",
  "4D001",
  "4D090",
  "5E002",
  "5D002",
  "5D992",
  "3E992",
  "3A090",
  "9E003",
);
const paragraph = fc.constantFrom(
  null,
  null,
  "3A090.a",
  "3A090.b",
  "3A001.z.1.a",
  "4A001",
  "4A090.b",
  "3B001.d",
  "3A001.g",
  "4A003",
  "5D992.c",
  "5D002.a",
);
const statedOfItem: fc.Arbitrary<Partial<ClassificationFacts>> = fc.record({
  paragraph,
  basis: fc.constantFrom("counsel", "counsel", "self"),
  form: fc.constantFrom(null, "object-code", "source-code", "technology"),
  published: fc.constantFrom(
    null,
    null,
    null,
    null,
    { basis: "public-dissemination", on: "2026-11-01" } as const,
    { basis: "public-dissemination", on: "2026-11-24" } as const,
  ),
  statements: fc.constantFrom(
    null,
    ["minimum-operation", "mass-market", "copy-of-authorized", "encryption-classified"] as const,
    ["sales-technology", "encryption-source-notified"] as const,
    ["bug-fix"] as const,
    [],
  ),
  computer: fc.constantFrom(
    null,
    { peakPerformanceWt: 10, purpose: "use" } as const,
    { peakPerformanceWt: 10, purpose: "development-or-production" } as const,
    { peakPerformanceWt: 1_000, purpose: "use" } as const,
  ),
  determination: fc.constantFrom(null, "counted"),
});
const standing = fc.constantFrom(
  "active" as const,
  "active" as const,
  "active" as const,
  "suspended" as const,
);
const kind = fc.constantFrom(
  "bis-license" as const,
  "license-exception" as const,
  "no-license-required" as const,
);
const rarelyNull = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { freq: 6 });

const dated: fc.Arbitrary<Dated> = fc.record({
  country,
  from: date,
  until: fc.option(date, { freq: 1 }),
});

const acknowledgement: fc.Arbitrary<Acknowledgement> = fc.record({
  kind: fc.constantFrom(...acknowledgementKinds),
  signedOn: fc.constantFrom("2026-01-01", "2026-11-23", "2026-11-24"),
  expiresOn: fc.constantFrom(null, null, "2026-11-23", "2026-11-22", "someday"),
  eccns: fc.constantFrom(null, ["4E001", "4D001", "3E001", "3D001", "5E002", "4E091"], ["EAR99"]),
  name: fc.constantFrom(null, "Core42", "Microsoft", "Nobody"),
});

/** Every paper, for every item. */
const everyPaper: readonly Acknowledgement[] = acknowledgementKinds.map((kind) => ({
  kind,
  signedOn: "2026-01-01",
  expiresOn: null,
  eccns: ["3D001", "3E001", "4D001", "4D090", "4E001", "4E091", "5D002", "5D992", "5E002"],
  name: kind === "supplement-eight-entity" ? "Microsoft" : null,
}));

const papers = fc.oneof(fc.constant(everyPaper), fc.array(acknowledgement, { maxLength: 6 }));

const verification: fc.Arbitrary<Verification | null> = fc.constantFrom(
  null,
  null,
  { by: "officer-1", on: "2026-01-01", evidence: "own-statement", expiresOn: null },
  { by: "officer-1", on: "2026-01-01", evidence: "contract", expiresOn: "2026-11-22" },
);

const person: fc.Arbitrary<PersonFacts> = fc.record({
  id: fc.constantFrom("person-1", "person-2"),
  state: standing,
  usPerson: rarelyNull(fc.record({ value: fc.boolean(), category: fc.constant(null) })),
  citizenships: rarelyNull(fc.array(dated, { maxLength: 2 })),
  permanentResidencies: rarelyNull(fc.array(dated, { maxLength: 1 })),
  employment: rarelyNull(
    fc.record({
      entityHeadquarters: employer,
      ultimateParentHeadquarters: rarelyNull(employer),
      permanentRegular: fc.boolean(),
    }),
  ),
  engagement: rarelyNull(
    fc.record({
      entityCountry: rarelyNull(headquarters),
      employer: rarelyNull(
        fc.constantFrom("private-sector", "university", "us-government", "foreign-government"),
      ),
      capacity: rarelyNull(fc.constantFrom("employee", "contractor", "intern")),
    }),
  ),
  acknowledgements: rarelyNull(papers),
  verifications: rarelyNull(
    fc.record({
      usPerson: verification,
      nationality: verification,
      employment: verification,
      acknowledgements: verification,
    }),
  ),
});

const entity: fc.Arbitrary<EntityFacts> = fc.record({
  id: fc.constant("entity-1"),
  state: standing,
  country: rarelyNull(headquarters),
  headquarters: rarelyNull(headquarters),
  ultimateParentHeadquarters: rarelyNull(headquarters),
  ownership: fc.constantFrom(
    "no-listed-owner",
    "no-listed-owner",
    "no-listed-owner",
    "listed-owner-half-or-more",
    null,
  ),
  acknowledgements: rarelyNull(papers),
});

const parties = fc.record({
  persons: fc.subarray(["person-1", "person-2"]),
  workloads: fc.subarray(["workload-1"]),
  entities: fc.subarray(["entity-1"]),
});

const license: fc.Arbitrary<License> = fc.record({
  id: fc.uuid(),
  number: fc.constantFrom("D1", "TSR", "STA", "License Exception ENC", "TSU 740.13(a)"),
  kind,
  state: fc.constantFrom("active", "active", "active", "suspended"),
  scope: fc.record({
    eccns: fc.oneof(
      fc.constant([
        "4E091",
        "EAR99",
        "3E001",
        "4E001",
        "4D001",
        "4D090",
        "5E002",
        "5D002",
        "5D992",
        "3E992",
      ]),
      fc.array(eccn, { maxLength: 2 }),
    ),
    repositories: fc.constantFrom(null, null, ["lab/frontier"], ["lab/other"]),
    destinations: fc.uniqueArray(country, { maxLength: 13 }),
    nationalities: fc.uniqueArray(country, { maxLength: 13 }),
    parties: fc.option(parties, { freq: 3 }),
    reasons: fc.constantFrom(null, null, ["RS" as const], ["NS" as const, "AT" as const]),
  }),
  validFrom: fc.constantFrom("2026-01-01", "2026-11-23"),
  validUntil: fc.constantFrom("2027-01-01", "2026-11-22"),
  releasesLeft: fc.constantFrom(null, 0, 1),
  riders: fc.array(
    fc.record({
      id: fc.constantFrom("a", "b"),
      text: fc.constant("as printed"),
      kind: fc.constantFrom(...riderKinds),
      state: fc.constantFrom(
        null,
        { met: true, on: "2026-11-01", by: "officer-1" },
        { met: true, on: "2026-11-24", by: "officer-1" },
        { met: false, on: "2026-11-01", by: "officer-1" },
      ),
    }),
    { maxLength: 1 },
  ),
});

const datedAhead = { ...bothScreened, list: { ...bothScreened.list, asOf: "2099-01-01" } };

const facts: fc.Arbitrary<Facts> = fc.record({
  at: fc.constantFrom("2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z", "soon"),
  item: fc.record({
    repository: fc.constant("lab/frontier"),
    classification: rarelyNull(
      fc
        .record({ eccn, stated: statedOfItem })
        .map(({ eccn: entry, stated }) => classified(entry, stated)),
    ),
  }),
  subject: fc.oneof(
    person.map((each) => ({ kind: "person" as const, person: each })),
    fc.tuple(entity, person).map(([each, accountable]) => ({
      kind: "workload" as const,
      workload: workload(each, accountable),
    })),
  ),
  grant: rarelyNull(fc.constant(base.grant)),
  destination: fc.record({
    country: rarelyNull(country),
    basis: fc.constantFrom("site", "site", "site", "unknown"),
    site: fc.constant("site-1"),
  }),
  licenses: fc.array(license, { maxLength: 4 }),
  screening: rarelyNull(
    fc.constantFrom(
      ...[bothScreened, bothScreened, bothScreened],
      { ...bothScreened, screened: 1 },
      datedAhead,
      { ...bothScreened, matches: [{ source: "DPL", entry: "1", clearedBy: "officer-1" }] },
      { ...bothScreened, matches: [{ source: "UVL", entry: "1", clearedBy: null }] },
    ),
  ),
});

/** A license that covers much: with plausible facts it often decides. */
const wideLicense: fc.Arbitrary<License> = fc
  .record({
    license,
    all: fc.constantFrom("destinations", "nationalities", "both"),
    named: fc.boolean(),
  })
  .map(({ license: { scope, ...rest }, all, named }) => ({
    ...rest,
    state: "active",
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
    scope: {
      ...scope,
      eccns: [
        "4E091",
        "EAR99",
        "3E001",
        "4E001",
        "4D001",
        "4D090",
        "5E002",
        "5D002",
        "5D992",
        "3E992",
      ],
      repositories: null,
      destinations: all === "nationalities" ? [] : everywhere,
      nationalities: all === "destinations" ? [] : everywhere,
      parties: named
        ? { persons: ["person-1", "person-2"], workloads: ["workload-1"], entities: ["entity-1"] }
        : null,
    },
  }));

/** The same facts with all known and in good standing, so that what is left turns on the law and the licenses. */
const plausible: fc.Arbitrary<Facts> = fc
  .record({
    given: facts,
    wide: fc.array(wideLicense, { maxLength: 3 }),
    screening: fc.constantFrom(bothScreened, bothScreened, bothScreened, datedAhead),
  })
  .map(({ given, wide, screening }) => ({
    ...base,
    item: { ...base.item, classification: settledItem(given) },
    subject:
      given.subject.kind === "person"
        ? { kind: "person", person: settled(given.subject.person) }
        : {
            kind: "workload",
            workload: workload({}, settled(given.subject.workload.accountable)),
          },
    screening,
    destination: {
      country: settledPlace(given.destination.country),
      basis: "site",
      site: "site-1",
    },
    licenses: [...given.licenses, ...wide],
  }));

const anyFacts = fc.oneof(facts, plausible);
const runs = { numRuns: 800 };

test("a decision lists every check, in the one order, whatever the facts", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      expect(decide(given, rulebook).checks.map(({ check }) => check)).toEqual(checkIds);
    }),
    runs,
  );
});

test("the same facts give the same bytes, and they are canonical JSON that names the rulebook", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const decision = decide(given, rulebook);
      const again = decide(structuredClone(given), rulebook);
      expect(canonicalize(again)).toBe(canonicalize(decision));
      expect(JSON.parse(canonicalize(decision) ?? "")).toEqual(decision);
      expect(decision.rulebook).toBe(rulebook.digest);
    }),
    runs,
  );
});

test("the verdict follows from the checks: unknown never allows, a failure always denies", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const { verdict, checks, licenses } = decide(given, rulebook);
      const outcomes = new Set(checks.map(({ outcome }) => outcome));
      const expected: Verdict = outcomes.has("fail")
        ? "deny"
        : outcomes.has("unknown")
          ? "hold"
          : "allow";
      expect(verdict).toBe(expected);
      if (verdict !== "allow") expect(licenses).toEqual([]);
    }),
    runs,
  );
});

test("adding a license never turns an allow into anything else", () => {
  fc.assert(
    fc.property(plausible, fc.oneof(license, wideLicense), (given, another) => {
      fc.pre(decide(given, rulebook).verdict === "allow");
      const richer = { ...given, licenses: [...given.licenses, another] };
      expect(decide(richer, rulebook).verdict).toBe("allow");
    }),
    { numRuns: 300, maxSkipsPerRun: 1_000 },
  );
});

test("the order in which licenses are given changes nothing", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const turned = { ...given, licenses: given.licenses.toReversed() };
      expect(decide(turned, rulebook)).toEqual(decide(given, rulebook));
    }),
    runs,
  );
});

test("removing any fact never turns a hold or a denial into an allow, an employer that restricts set apart", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      fc.pre(decide(given, rulebook).verdict !== "allow");
      for (const poorer of withoutOneFact(given)) {
        expect({ poorer, verdict: decide(poorer, rulebook).verdict }).not.toMatchObject({
          verdict: "allow",
        });
      }
    }),
    runs,
  );
}, 180_000);

test("an employer on record only restricts the embargo and the end use, and taking it off lifts nothing else", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const recorded = refusing(given);
      for (const without of withoutEmployment(given)) {
        const silent = refusing(without);
        const added = recorded.filter((check) => !silent.includes(check));
        const lifted = silent.filter((check) => !recorded.includes(check));
        expect(added.filter((check) => !byEmployer.includes(check))).toEqual([]);
        expect(lifted.filter((check) => byEmployer.includes(check))).toEqual([]);
      }
    }),
    runs,
  );
});

test("every license relied on is needed: without it the same release is not allowed", () => {
  fc.assert(
    fc.property(plausible, (given) => {
      const { verdict, licenses } = decide(given, rulebook);
      fc.pre(verdict === "allow" && licenses.length > 0);
      const without = {
        ...given,
        licenses: given.licenses.filter(({ id }) => !licenses.includes(id)),
      };
      expect(decide({ ...without, licenses: [] }, rulebook).verdict).not.toBe("allow");
      const exactly = {
        ...given,
        licenses: given.licenses.filter(({ id }) => licenses.includes(id)),
      };
      expect(decide(exactly, rulebook)).toEqual(decide(given, rulebook));
    }),
    { numRuns: 150, maxSkipsPerRun: 1_000 },
  );
});

test("advice turns a denial or a hold into an allowance whenever it is given, and no part of it does", () => {
  fc.assert(
    fc.property(anyFacts, (given) => {
      const { verdict } = decide(given, rulebook);
      const { ways, obstacles } = suppose(given, rulebook);
      if (verdict === "allow") expect({ ways, obstacles }).toEqual({ ways: [], obstacles: [] });
      else expect(ways.length > 0).toBe(obstacles.length === 0);
      const after = (way: (typeof ways)[number]) =>
        decide(
          way.reduce((facts, { apply }) => apply(facts), given),
          rulebook,
        ).verdict;
      for (const way of ways) {
        expect({ given, way, verdict: after(way) }).toMatchObject({ verdict: "allow" });
        for (const left of way)
          expect(after(way.filter((each) => each !== left))).not.toBe("allow");
      }
    }),
    { numRuns: 100 },
  );
});

test("the same facts give the same advice, however often and however little it may decide", () => {
  fc.assert(
    fc.property(anyFacts, fc.integer({ min: 1, max: 40 }), (given, decisions) => {
      const within = { decisions, ways: 2 };
      const cut = advise(given, rulebook, within);
      expect(advise(structuredClone(given), rulebook, within)).toEqual(cut);
      expect(cut.ways.length).toBeLessThanOrEqual(2);
      if (cut.ways.length === 0 && cut.obstacles.length === 0)
        expect(decide(given, rulebook).verdict).toBe("allow");
    }),
    { numRuns: 50 },
  );
});

/** The two checks in which a recorded employer counts without being asked for. */
const byEmployer: readonly CheckId[] = ["embargo-nationality", "end-use"];

function refusing(given: Facts): readonly CheckId[] {
  const { checks } = decide(given, rulebook);
  return checks
    .filter(({ outcome }) => outcome === "fail" || outcome === "unknown")
    .map(({ check }) => check);
}

function withoutEmployment(given: Facts): readonly Facts[] {
  const { subject } = given;
  if (subject.kind === "person") {
    return lessEmployed(subject.person).map((person) => ({
      ...given,
      subject: { kind: "person", person },
    }));
  }
  return lessEmployed(subject.workload.accountable).map((accountable) => ({
    ...given,
    subject: { kind: "workload", workload: { ...subject.workload, accountable } },
  }));
}

/** The facts with one thing unknown, one way after another. */
function withoutOneFact(given: Facts): readonly Facts[] {
  const { item, destination } = given;
  const poorer: Facts[] = [
    { ...given, grant: null },
    { ...given, screening: null },
    { ...given, licenses: [] },
    { ...given, destination: { ...destination, country: null } },
    { ...given, item: { ...item, classification: null } },
    ...withoutOneFactOfTheScreening(given),
    ...given.licenses.map((_, at) => ({ ...given, licenses: given.licenses.toSpliced(at, 1) })),
    {
      ...given,
      licenses: given.licenses.map((each) => ({
        ...each,
        riders: each.riders.map((rider) => ({ ...rider, state: null })),
      })),
    },
  ];
  if (item.classification !== null) {
    const { classification } = item;
    const unstated = ["paragraph", "form", "published", "statements", "computer", "determination"];
    for (const name of unstated)
      poorer.push({
        ...given,
        item: { ...item, classification: { ...classification, [name]: null } },
      });
  }
  return [...poorer, ...withoutOneFactOfTheSubject(given)];
}

function withoutOneFactOfTheScreening(given: Facts): readonly Facts[] {
  const { screening } = given;
  if (screening === null) return [];
  const { list, screened } = screening;
  return [
    { ...given, screening: { ...screening, screened: screened - 1 } },
    { ...given, screening: { ...screening, list: { ...list, asOf: null } } },
  ];
}

function withoutOneFactOfTheSubject(given: Facts): readonly Facts[] {
  const { subject } = given;
  if (subject.kind === "person") {
    return lessOf(subject.person).map((each) => ({
      ...given,
      subject: { kind: "person", person: each },
    }));
  }
  const { entity: whole, accountable } = subject.workload;
  const entities: readonly EntityFacts[] = [
    { ...whole, country: null },
    { ...whole, headquarters: null },
    { ...whole, ultimateParentHeadquarters: null },
    { ...whole, ownership: null },
    { ...whole, acknowledgements: null },
  ];
  const workloads = [
    ...entities.map((each) => ({ ...subject.workload, entity: each })),
    ...lessOf(accountable).map((each) => ({ ...subject.workload, accountable: each })),
  ];
  return workloads.map((each) => ({ ...given, subject: { kind: "workload", workload: each } }));
}

/** An employer that restricts is left on record: nobody is asked for one, and the test of employers covers its absence. */
function lessOf(person: PersonFacts): readonly PersonFacts[] {
  return [
    { ...person, usPerson: null },
    { ...person, citizenships: null },
    { ...person, permanentResidencies: null },
    { ...person, engagement: null },
    { ...person, acknowledgements: null },
    ...withoutPapers(person),
    ...expired(person),
    ...(restricts(person.employment) ? [] : lessEmployed(person)),
  ];
}

function withoutPapers(person: PersonFacts): readonly PersonFacts[] {
  const { acknowledgements, engagement } = person;
  return [
    ...(acknowledgements ?? []).slice(0, 2).map((_, at) => ({
      ...person,
      acknowledgements: acknowledgements?.toSpliced(at, 1) ?? null,
    })),
    ...(engagement === null
      ? []
      : [
          { ...person, engagement: { ...engagement, entityCountry: null } },
          { ...person, engagement: { ...engagement, employer: null } },
          { ...person, engagement: { ...engagement, capacity: null } },
        ]),
  ];
}

/** The same person with the verification of one group after another run out, an employer that restricts among them. */
function expired(person: PersonFacts): readonly PersonFacts[] {
  const ended = {
    by: "officer-1",
    on: "2026-01-01",
    evidence: "own-statement",
    expiresOn: "2026-11-22",
  } as const;
  const none = { usPerson: null, nationality: null, employment: null, acknowledgements: null };
  const groups = ["usPerson", "nationality", "employment", "acknowledgements"] as const;
  return groups.map((group) => ({
    ...person,
    verifications: { ...none, ...person.verifications, [group]: ended },
  }));
}

function lessEmployed(person: PersonFacts): readonly PersonFacts[] {
  const { employment } = person;
  if (employment === null) return [];
  return [
    { ...person, employment: null },
    { ...person, employment: { ...employment, ultimateParentHeadquarters: null } },
  ];
}

function restricts(employment: PersonFacts["employment"]): boolean {
  const places = [employment?.entityHeadquarters, employment?.ultimateParentHeadquarters];
  return places.some((place) => ["IR", "CN", "MO", "ZZ"].includes(place ?? ""));
}

function settled(person: PersonFacts): PersonFacts {
  const { citizenships, employment, usPerson } = person;
  const known = (citizenships ?? []).filter(
    (each) =>
      each.from < "2026" && each.until === null && each.country !== "US" && each.country !== "ZZ",
  );
  return {
    ...person,
    state: "active",
    usPerson: usPerson ?? { value: false, category: null },
    citizenships: known.length > 0 ? known : [held("DE")],
    permanentResidencies: [],
    employment: employment ?? {
      entityHeadquarters: "US",
      ultimateParentHeadquarters: "US",
      permanentRegular: true,
    },
  };
}

function settledItem({ item: { classification } }: Facts): ClassificationFacts {
  const stated = classification?.eccn ?? "4E091";
  return classified(stated === "9E003" || stated === "3A090" ? "4E091" : stated, {
    ...classification,
    eccn: stated === "9E003" || stated === "3A090" ? "4E091" : stated,
  });
}

function settledPlace(stated: string | null): string {
  return stated === null || stated === "ZZ" ? "US" : stated;
}
