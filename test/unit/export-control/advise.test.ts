import { expect, test } from "@jest/globals";
import { advise, suppose } from "../../../src/export-control/advise.ts";
import { decide } from "../../../src/export-control/decide.ts";
import type { CheckId } from "../../../src/export-control/decision.ts";
import type { Facts, License, PersonFacts } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  bothScreened,
  citizen,
  classified,
  license,
  nationalOf,
  runs,
  screenedClean,
  workload,
} from "./builders.ts";

type Advised = readonly [name: string, facts: Facts, ways: readonly (readonly string[])[]];

const matched = (source: string): Partial<Facts> => ({
  screening: { ...screenedClean, matches: [{ source, entry: "7", clearedBy: null }] },
});
const reclassified = (more: Parameters<typeof classified>[1]): Facts => ({
  ...base,
  item: { ...base.item, classification: classified("4E091", more) },
});
const granted = (more: Partial<NonNullable<Facts["grant"]>>): Facts => ({
  ...base,
  grant: base.grant === null ? null : { ...base.grant, ...more },
});
const conditioned = (state: License["riders"][number]["state"]): License => {
  const rider = { id: "plan", text: "A plan is kept.", kind: "technology-control-plan" } as const;
  return license({ nationalities: ["DE"] }, { riders: [{ ...rider, state }] });
};
const ended = (group: keyof NonNullable<PersonFacts["verifications"]>) => ({
  usPerson: null,
  nationality: null,
  employment: null,
  acknowledgements: null,
  [group]: { by: "officer-1", on: "2025-01-01", evidence: "contract", expiresOn: "2026-11-22" },
});
const suspendedLicense = license({ nationalities: ["IN"] }, { state: "suspended" });

// biome-ignore format: a table reads by its rows
const advised: readonly Advised[] = [
  ["an allowance asks for nothing", base, []],
  ["a classification that nobody approved", reclassified({ state: "proposed", approvedBy: null }), [["approve-classification"]]],
  ["a rejected classification", reclassified({ state: "rejected" }), [["classify-anew"]]],
  ["a classification approved by its proposer", reclassified({ approvedBy: "officer-1" }), [["classify-anew"]]],
  ["no classification", { ...base, item: { ...base.item, classification: null } }, [["classify"]]],
  ["an entry for commodities", asks(citizen, { eccn: "3A090" }), [["classify"]]],
  ["no grant", { ...base, grant: null }, [["make-grant"]]],
  ["a suspended grant", granted({ state: "suspended" }), [["reinstate-grant"]]],
  ["a suspended grant that has ended", granted({ state: "suspended", validUntil: base.at }), [["make-grant"]]],
  ["a revoked grant", granted({ state: "revoked" }), [["make-grant"]]],
  ["a grant without a purpose", granted({ purpose: "" }), [["make-grant"]]],
  ["a suspended person", asks({ ...citizen, state: "suspended" }), [["reinstate-person"]]],
  ["a suspended workload of a suspended entity", runs({ ...workload({ state: "suspended" }), state: "suspended" }), [["reinstate-workload", "reinstate-entity"]]],
  ["a person of whom it is not known whether a U.S. person", asks({ ...citizen, usPerson: null }), [["record-us-person"]]],
  ["a person recorded as none who is a U.S. citizen", asks(nationalOf("US")), [["record-us-person"]]],
  ["a foreign person of unknown nationality, for EAR99", asks(nationalOf("DE", { citizenships: null }), { eccn: "EAR99" }), [["record-nationality"]]],
  ["an Indian whose employer is not known, for model weights", asks(nationalOf("IN", { employment: null })), [["record-employment"], ["obtain-bis-license"]]],
  ["an Indian employee whose employer's parent is not known", asks(nationalOf("IN", { employment: { entityHeadquarters: "US", ultimateParentHeadquarters: null, permanentRegular: true } })), [["record-employer-headquarters"], ["obtain-bis-license"]]],
  ["an Indian, for technology controlled for three reasons", asks(nationalOf("IN"), { eccn: "3E001" }), [["obtain-bis-license"], ["record-license-exception"]]],
  ["an Indian whose license is suspended", asks(nationalOf("IN"), { licenses: [suspendedLicense] }), [["reinstate-license"], ["obtain-bis-license"], ["record-license-exception"], ["record-license-exception-papers"]]],
  ["an Indian whose license is a draft", asks(nationalOf("IN"), { licenses: [{ ...suspendedLicense, state: "draft" }] }), [["activate-license"], ["obtain-bis-license"], ["record-license-exception"], ["record-license-exception-papers"]]],
  ["an Indian whose suspended license has ended", asks(nationalOf("IN"), { licenses: [{ ...suspendedLicense, validUntil: "2026-11-22" }] }), [["obtain-bis-license"], ["record-license-exception"], ["record-license-exception-papers"]]],
  ["a German whose license has a condition of which nobody spoke", asks(nationalOf("DE"), { licenses: [conditioned(null)] }), [["record-conditions"], ["obtain-bis-license"], ["record-license-exception"], ["record-license-exception-papers"]]],
  ["a German whose license has a condition that is not met", asks(nationalOf("DE"), { licenses: [conditioned({ met: false, on: "2026-11-01", by: "officer-1" })] }), [["obtain-bis-license"], ["record-license-exception"], ["record-license-exception-papers"]]],
  ["a citizen whose verification has ended", asks({ ...citizen, verifications: ended("usPerson") }), [["renew-verification"]]],
  ["a German whose verified nationality has ended, for EAR99", asks(nationalOf("DE", { verifications: ended("nationality") }), { eccn: "EAR99" }), [["renew-verification"]]],
  ["EAR99 that the exporter alone determined, without a basis", reclassified({ eccn: "EAR99", basis: "self" }), [["state-determination"]]],
  ["technology that the exporter alone classified, without a basis", reclassified({ eccn: "3E001", basis: "self" }), [["state-determination"]]],
  ["a Cuban", asks(nationalOf("CU")), [["obtain-bis-license"]]],
  ["an export of EAR99 to China", asks(citizen, { to: "CN", eccn: "EAR99" }), [["record-determination"], ["obtain-bis-license"]]],
  ["a match on the Entity List", asks(citizen, matched("EL")), [["clear-matches"]]],
  ["nobody was screened", { ...base, screening: null }, [["screen"]]],
  ["the sample list outside a trial, with a match on it", asks(citizen, { screening: { ...screenedClean, list: { ...screenedClean.list, kind: "sample" }, matches: [{ source: "DPL", entry: "1", clearedBy: null }] } }), [["clear-matches", "screen"]]],
  ["an unknown destination", { ...base, destination: { country: null, basis: "unknown", site: null } }, [["record-destination"]]],
  ["an entity of unknown ownership and parent", runs(workload({ ownership: null, ultimateParentHeadquarters: null })), [["record-entity-places", "record-ownership"]]],
  ["nothing is known", { ...runs(workload({ ownership: null }, { ...citizen, usPerson: null })), grant: null, screening: null }, [["make-grant", "record-us-person", "record-ownership", "screen"]]],
];

test.each(advised)("the shortest advice on: %s", (_, facts, ways) => {
  const advice = advise(facts, rulebook);
  expect(advice.ways.map((way) => way.map(({ change }) => change))).toEqual(ways);
  expect(advice).toMatchObject({ obstacles: [], isCut: false });
});

test("what officers can do, what has to be asked and what has to be obtained are told apart", () => {
  const told = advised.flatMap(([, facts]) => advise(facts, rulebook).ways.flat());
  const kindOf = (change: string) => {
    if (/^(obtain|record-license|record-determination)/.test(change)) return "authorization";
    return /^(record|classify$|clear|screen|renew|state-determination)/.test(change)
      ? "question"
      : "act";
  };
  expect(new Set(told.map(({ kind }) => kind)).size).toBe(3);
  for (const { change, kind } of told) expect([change, kind]).toEqual([change, kindOf(change)]);
});

// biome-ignore format: a table reads by its rows
const hopeless: readonly (readonly [name: string, facts: Facts, obstacles: readonly CheckId[]])[] = [
  ["half ownership by listed parties", runs(workload({ ownership: "listed-owner-half-or-more" })), ["ownership"]],
  ["a revoked person", asks({ ...citizen, state: "revoked" }), ["subject"]],
  ["an item under the ITAR", reclassified({ jurisdiction: "ITAR" }), ["jurisdiction"]],
  ["half ownership, whatever else could be obtained", runs(workload({ ownership: "listed-owner-half-or-more" }, nationalOf("CU")), { grant: null }), ["ownership"]],
];

test.each(hopeless)("nothing lawful is advised on: %s", (_, facts, obstacles) => {
  const advice = advise(facts, rulebook);
  expect(advice.ways).toEqual([]);
  expect(advice.obstacles.map(({ check }) => check)).toEqual(obstacles);
});

test("what is recorded and known is never supposed to be otherwise", () => {
  const settled = asks(nationalOf("IN"), { eccn: "3E001" });
  const kinds = advise(settled, rulebook)
    .ways.flat()
    .map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(["authorization"]));
});

test("a missing fact is asked for, with what follows from its answer", () => {
  const unknown = runs(workload({ ownership: null }, { ...citizen, usPerson: null }), {
    screening: { ...bothScreened, matches: [{ source: "SDN", entry: "9", clearedBy: null }] },
  });
  const questions = advise(unknown, rulebook).ways.flat();
  expect(questions).toHaveLength(3);
  for (const { kind, sentence } of questions) {
    expect(kind).toBe("question");
    expect(sentence).toMatch(/\? .*\b(if|where)\b.*\.$/i);
  }
});

test("an authorization says what it has to name, for whom, for what and when", () => {
  const [way] = advise(asks(nationalOf("IN"), { to: "FR", eccn: "3E001" }), rulebook).ways;
  expect(way?.[0]?.sentence).toBe(
    "A BIS license that names lab/frontier, 3E001, person person-IN, covers exports to FR and deemed exports to IN, and is for MT, NP, NS, RS, in force at 2026-11-23T12:00:00.000Z.",
  );
});

test("a determination is advised as one that an officer may come to, and not as a license", () => {
  const ways = advise(asks(citizen, { to: "CN", eccn: "EAR99" }), rulebook).ways.flat();
  expect(ways.map(({ kind, sentence }) => [kind, sentence.slice(0, 38)])).toEqual([
    ["authorization", "An officer's determination that no lic"],
    ["authorization", "A BIS license that has to name lab/fro"],
  ]);
});

test("a license exception is named with the symbols that reach, and as none of those where none does", () => {
  const exceptionFor = (facts: Facts) =>
    advise(facts, rulebook)
      .ways.flat()
      .find(({ change }) => change === "record-license-exception")?.sentence;
  const circuits = { eccn: "3E001", paragraph: "3B001.h" } as const;
  expect(exceptionFor(asks(nationalOf("DE"), circuits))).toContain(
    "(TSU or TSR or GOV or STA), where",
  );
  expect(exceptionFor(asks(nationalOf("IN"), { eccn: "3E001" }))).toContain("(other than TSU, ");
});

// biome-ignore format: a table reads by its rows
const papered: readonly (readonly [name: string, facts: Facts, sentence: string])[] = [
  ["technology under restriction without the written assurance", asks(nationalOf("DE"), { eccn: "3E001", paragraph: "3B001.h" }), "License Exception TSR (15 CFR 740.6(a)), which lacks on record, and covers it by itself once this is there and true: the recipient's written assurance not to release the item to nationals of D:1, E:1 or E:2 (person person-DE)."],
  ["weights for an employee in Supplement No. 5(a) without the certification", asks(nationalOf("DE")), "License Exception AIA (15 CFR 740.27), which lacks on record, and covers it by itself once this is there and true: the consignee's certification (person person-DE); that the facility meets paragraphs 14, 15 and 18 of Supplement No. 10 to Part 748 (person person-DE)."],
  ["an entity without the prior consignee statement", runs(workload({ country: "DE", headquarters: "DE", ultimateParentHeadquarters: "DE" }), { eccn: "3E001", paragraph: "3B001.h" }), "the prior consignee statement that names the ECCN (entity entity-1)"],
];

test.each(papered)(
  "an exception is advised with the papers that it lacks, and covers with them: %s",
  (_, facts, sentence) => {
    const ways = suppose(facts, rulebook).ways.filter(
      ([first]) => first?.change === "record-license-exception-papers",
    );
    const [way] = ways.filter(([first]) => first?.sentence.includes(sentence));
    expect(way).toHaveLength(1);
    const after = decide(way?.[0]?.apply(facts) ?? facts, rulebook);
    expect(after).toMatchObject({ verdict: "allow", licenses: [] });
    expect(after.checks.flatMap(({ exceptions }) => exceptions).some(({ covers }) => covers)).toBe(
      true,
    );
  },
);

test("an exception that lacks more than papers, or reaches a part alone, is not advised with its papers", () => {
  const changes = (facts: Facts) =>
    advise(facts, rulebook)
      .ways.flat()
      .map(({ change }) => change);
  const elsewhere = {
    entityHeadquarters: "SG",
    ultimateParentHeadquarters: "SG",
    permanentRegular: true,
  };
  for (const facts of [
    asks(nationalOf("DE", { employment: elsewhere })),
    asks(nationalOf("IN"), { eccn: "3E001" }),
    asks(nationalOf("CU")),
  ])
    expect(changes(facts)).not.toContain("record-license-exception-papers");
});

test("no license exception is advised where Part 746 concerns the country", () => {
  for (const country of ["CU", "IR", "KP", "SY", "RU"]) {
    const ways = advise(asks(citizen, { to: country, eccn: "3E001" }), rulebook).ways.flat();
    expect(ways.map(({ change }) => change).join()).not.toContain("record-license-exception");
  }
});

test("an item is never supposed to be EAR99", () => {
  const unclassified = { ...asks(nationalOf("IN")), item: { ...base.item, classification: null } };
  expect(decide(unclassified, rulebook).verdict).toBe("hold");
  expect(JSON.stringify(advise(unclassified, rulebook))).not.toContain("EAR99");
});

test("a search that ends at its bound says so, and what it tells is still enough", () => {
  const many = Array.from({ length: 6 }, (_, at) => ({ ...suspendedLicense, id: `license-${at}` }));
  const facts = asks(nationalOf("IN"), { licenses: many });
  expect(advise(facts, rulebook)).toMatchObject({ isCut: true });
  const hurried = advise(facts, rulebook, { decisions: 3, ways: 4 });
  expect(hurried.isCut).toBe(true);
  expect(hurried.ways).toHaveLength(1);
});

test("more than six changes are told together where each of them is needed", () => {
  const accountable = { ...citizen, usPerson: null, state: "suspended" } as const;
  const entity = { ownership: null, headquarters: null, state: "suspended" } as const;
  const facts: Facts = {
    ...runs({ ...workload(entity, accountable), state: "suspended" }),
    grant: null,
    screening: null,
  };
  const { ways, isCut } = advise(facts, rulebook);
  expect(isCut).toBe(false);
  expect(ways.map((way) => way.map(({ change }) => change))).toEqual([
    [
      ...["make-grant", "reinstate-person", "reinstate-workload", "reinstate-entity"],
      ...["record-us-person", "record-entity-places", "record-ownership", "screen"],
    ],
  ]);
});

test("what is tried for a fact that is missing keeps what is on record", () => {
  const parentUnknown = nationalOf("IN", {
    employment: {
      entityHeadquarters: "DE",
      ultimateParentHeadquarters: null,
      permanentRegular: true,
    },
  });
  const [[change] = []] = suppose(asks(parentUnknown), rulebook).ways;
  expect(change?.apply(asks(parentUnknown)).subject).toMatchObject({
    person: {
      citizenships: [{ country: "IN" }],
      employment: { entityHeadquarters: "DE", ultimateParentHeadquarters: "US" },
    },
  });
  const places = runs(workload({ country: "DE", headquarters: null }));
  const way = suppose(
    { ...places, item: { ...places.item, classification: classified("EAR99") } },
    rulebook,
  ).ways[0];
  expect(way?.[0]?.apply(places).subject).toMatchObject({
    workload: {
      entity: { country: "DE", headquarters: "US", ultimateParentHeadquarters: "US" },
    },
  });
});

test("a nationality is asked where no status on record is held, and what is recorded stays", () => {
  const ended = nationalOf("DE", {
    citizenships: [{ country: "FR", from: "1990-01-01", until: "2000-01-01" }],
  });
  const facts = asks(ended, { eccn: "EAR99" });
  const [[change] = []] = suppose(facts, rulebook).ways;
  expect(change).toMatchObject({ change: "record-nationality", kind: "question" });
  expect(change?.apply(facts).subject).toMatchObject({
    person: {
      citizenships: [{ country: "FR" }, { country: "AU", from: "2026-11-23", until: null }],
    },
  });
  const half = asks(nationalOf("DE", { permanentResidencies: null }), { eccn: "EAR99" });
  const [[other] = []] = suppose(half, rulebook).ways;
  expect(other?.apply(half).subject).toMatchObject({
    person: { citizenships: [{ country: "DE" }], permanentResidencies: [] },
  });
  expect(other?.sentence).toContain("no more than is recorded");
});

test("a status that ends on the day of the decision leaves the nationality to be asked", () => {
  const endsOn = (until: string) =>
    asks(
      nationalOf("DE", {
        citizenships: [{ country: "FR", from: "1990-01-01", until }],
        permanentResidencies: null,
      }),
      { eccn: "EAR99" },
    );
  const tried = (until: string) => suppose(endsOn(until), rulebook).ways[0]?.[0]?.sentence ?? "";
  expect(tried("2026-11-23")).toContain("a citizenship of AU");
  expect(tried("2026-11-24")).toContain("no more than is recorded");
});

test("who is to be reinstated is named by what they are and by id", () => {
  const person = advise(asks({ ...citizen, state: "suspended" }), rulebook).ways.flat();
  expect(person[0]?.sentence).toBe(
    "An officer reinstates person person-citizen, which is suspended.",
  );
  const entity = advise(runs(workload({ state: "suspended" })), rulebook).ways.flat();
  expect(entity[0]?.sentence).toBe("An officer reinstates entity entity-1, which is suspended.");
});

test("a bound of ways says that there are others, and one that is just enough does not", () => {
  const facts = asks(nationalOf("IN"));
  expect(advise(facts, rulebook, { decisions: 1_000, ways: 3 })).toMatchObject({ isCut: false });
  expect(advise(facts, rulebook, { decisions: 1_000, ways: 2 })).toMatchObject({ isCut: true });
});
