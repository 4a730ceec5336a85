import { expect, test } from "@jest/globals";
import { advise, suppose } from "../../../src/export-control/advise.ts";
import type { Facts, License, PersonFacts } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  bothScreened,
  citizen,
  classified,
  held,
  license,
  nationalOf,
  runs,
  screenedClean,
  workload,
} from "./builders.ts";

/** What a change says, and what the facts are like once it is made; what is not named is as it was. */
type Row = readonly [
  name: string,
  facts: Facts,
  change: string,
  says: string,
  after: Readonly<Record<string, unknown>>,
];

const ended = {
  by: "officer-1",
  on: "2025-01-01",
  evidence: "contract",
  expiresOn: "2026-11-22",
} as const;
const none = { usPerson: null, nationality: null, employment: null, acknowledgements: null };
const lapsed = (group: keyof typeof none): Partial<PersonFacts> => ({
  verifications: { ...none, [group]: ended },
});
const renewed = (group: keyof typeof none) => ({
  verifications: { ...none, [group]: { ...ended, on: "2026-11-23", expiresOn: null } },
});
const person = (members: unknown) => ({ subject: { kind: "person", person: members } });
const accountable = (members: unknown) => ({ subject: { workload: { accountable: members } } });
const entity = (members: unknown) => ({ subject: { workload: { entity: members } } });
const classification = (more: Parameters<typeof classified>[1]): Facts => ({
  ...base,
  item: { ...base.item, classification: classified("4E091", more) },
});
const employed = (entityHeadquarters: string, ultimateParentHeadquarters: string | null) => ({
  employment: { entityHeadquarters, ultimateParentHeadquarters, permanentRegular: true },
});
const rider = (
  id: string,
  state: License["riders"][number]["state"],
  kind = "manual" as const,
) => ({
  id,
  text: "As printed.",
  kind,
  state,
});
const suspended = license(
  { nationalities: ["IN"] },
  { state: "suspended", id: "l-1", number: "D1" },
);
const known = { met: true, on: "2026-11-01", by: "officer-1" } as const;
const unread = { country: "GB", from: "someday", until: null };

// biome-ignore format: a table reads by its rows
const rows: readonly Row[] = [
  ["a classification that is proposed", classification({ state: "proposed", approvedBy: null }), "approve-classification", "An officer other than officer-1 approves classification classification-1.", { item: { classification: { state: "approved", approvedBy: "not officer-1", proposedBy: "officer-1" } } }],
  ["a classification that was rejected", classification({ state: "rejected" }), "classify-anew", "lab/frontier anew and another approves it; this was tried with 4E091", { item: { classification: { state: "approved", eccn: "4E091" } } }],
  ["EAR99 without a determination", classification({ eccn: "EAR99", basis: "self" }), "state-determination", "no higher control than EAR99 applies to lab/frontier", { item: { classification: { state: "approved", eccn: "EAR99", determination: "as the officers state it", proposedBy: "one officer", approvedBy: "another officer" } } }],
  ["no classification", { ...base, item: { ...base.item, classification: null } }, "classify", "names the files of lab/frontier", { item: { classification: { id: "to be proposed", state: "approved", jurisdiction: "EAR", eccn: "0D521", paragraph: null, basis: "self", form: null, published: null, statements: null, computer: null, determination: "as the officers state it", proposedBy: "one officer", approvedBy: "another officer" } } }],
  ["an entry for commodities, of which more is stated", asks(citizen, { item: { repository: "lab/frontier", classification: classified("3A090", { basis: "CCATS", form: "technology", statements: ["bug-fix"], computer: { peakPerformanceWt: 3, purpose: "use" }, determination: "a ruling" }) } }), "classify", "Under 0D521", { item: { classification: { id: "classification-1", eccn: "0D521", basis: "CCATS", form: "technology", statements: ["bug-fix"], computer: { peakPerformanceWt: 3 }, determination: "a ruling" } } }],
  ["no grant", { ...base, grant: null }, "make-grant", "An officer makes a grant on lab/frontier for the subject, in force at 2026-11-23T12:00:00.000Z", { grant: { id: "to be made", state: "active", purpose: "as the officer states it", validFrom: "2026-11-23T12:00:00.000Z", validUntil: "2026-11-24T12:00:00.000Z" } }],
  ["a grant without a purpose that is suspended besides", { ...base, grant: { id: "grant-1", state: "suspended", purpose: " ", validFrom: "2026-01-01T00:00:00Z", validUntil: "2027-01-01T00:00:00Z" } }, "make-grant", "states the purpose", { grant: { id: "to be made" } }],
  ["a suspended grant", { ...base, grant: { id: "grant-1", state: "suspended", purpose: "tests", validFrom: "2026-01-01T00:00:00Z", validUntil: "2027-01-01T00:00:00Z" } }, "reinstate-grant", "An officer reinstates grant grant-1, which is suspended.", { grant: { id: "grant-1", state: "active", purpose: "tests" } }],
  ["a suspended person", asks({ ...citizen, state: "suspended" }), "reinstate-person", "person person-citizen", person({ state: "active", id: "person-citizen" })],
  ["a suspended accountable person", runs(workload({}, { ...citizen, state: "suspended" })), "reinstate-person", "person person-citizen", { subject: { kind: "workload", workload: { id: "workload-1", accountable: { state: "active" } } } }],
  ["a suspended workload", runs({ ...workload(), state: "suspended" }), "reinstate-workload", "workload workload-1", { subject: { kind: "workload", workload: { state: "active", entity: { id: "entity-1" } } } }],
  ["a suspended entity", runs(workload({ state: "suspended" })), "reinstate-entity", "entity entity-1", { subject: { kind: "workload", workload: { entity: { state: "active", id: "entity-1" } } } }],
  ["a verification of the status that has ended", asks({ ...citizen, ...lapsed("usPerson") }), "renew-verification", "U.S.-person status of person person-citizen", person(renewed("usPerson"))],
  ["a verification of the nationality that has ended", asks(nationalOf("DE", lapsed("nationality")), { eccn: "EAR99" }), "renew-verification", "citizenships and permanent residencies of person person-DE", person(renewed("nationality"))],
  ["a verification of the employment that has ended", asks(nationalOf("IN", { ...employed("US", "US"), ...lapsed("employment") })), "renew-verification", "the employment of person person-IN", person(renewed("employment"))],
  ["a verification of the papers that has ended", asks(nationalOf("DE", { acknowledgements: [{ kind: "tsr-written-assurance", signedOn: "2026-01-01", expiresOn: null, eccns: ["3E001"], name: null }], ...lapsed("acknowledgements") }), { eccn: "3E001", paragraph: "3B001.h" }), "renew-verification", "the papers of person person-DE", person(renewed("acknowledgements"))],
  ["a person of whom nobody knows whether a U.S. person", asks({ ...citizen, usPerson: null }), "record-us-person", "protected individual; 15 CFR 772.1)? If so", person({ usPerson: { value: true, category: null } })],
  ["an accountable person of whom nobody knows", runs(workload({}, { ...citizen, usPerson: null })), "record-us-person", "person person-citizen", accountable({ usPerson: { value: true, category: null } })],
  ["a record that contradicts itself", asks(nationalOf("US")), "record-us-person", "names the United States among the statuses", person({ usPerson: { value: true } })],
  ["a U.S. citizenship since today", asks(nationalOf("US", { citizenships: [held("US", "2026-11-23")] })), "record-us-person", "names the United States", {}],
  ["a U.S. residency that ends tomorrow", asks(nationalOf("DE", { permanentResidencies: [held("US", "2000-01-01", "2026-11-24")] })), "record-us-person", "names the United States", {}],
  ["a U.S. residency that ended today", asks(nationalOf("DE", { citizenships: [unread], permanentResidencies: [held("US", "2000-01-01", "2026-11-23")] }), { eccn: "EAR99" }), "record-nationality", "a citizenship of AU", {}],
  ["a nationality that nobody knows", asks(nationalOf("DE", { citizenships: null }), { eccn: "EAR99" }), "record-nationality", "tried with a citizenship of AU", person({ citizenships: [{ country: "AU", from: "2026-11-23", until: null }], permanentResidencies: [] })],
  ["a nationality that nobody knows, abroad: the destination's own", asks(nationalOf("DE", { citizenships: null }), { eccn: "EAR99", to: "BR" }), "record-nationality", "a citizenship of BR", person({ citizenships: [{ country: "BR" }] })],
  ["statuses of which one cannot be read", asks(nationalOf("DE", { citizenships: [held("FR"), unread, held("ZZ"), held("SE", "1990-01-01", "never")] }), { eccn: "EAR99" }), "record-nationality", "no more than is recorded", person({ citizenships: [{ country: "FR" }] })],
  ["a status that begins today", asks(nationalOf("DE", { citizenships: [held("FR", "2026-11-23"), unread] }), { eccn: "EAR99" }), "record-nationality", "no more than is recorded", person({ citizenships: [{ country: "FR" }] })],
  ["a status that begins tomorrow", asks(nationalOf("DE", { citizenships: [held("FR", "2026-11-24"), unread] }), { eccn: "EAR99" }), "record-nationality", "a citizenship of AU", person({ citizenships: [{ country: "FR" }, { country: "AU" }] })],
  ["an employer that nobody knows", asks(nationalOf("IN", { employment: null })), "record-employment", "For whom does person person-IN work?", person({ employment: { entityHeadquarters: "US", ultimateParentHeadquarters: "US", permanentRegular: true } })],
  ["a parent that nobody knows", asks(nationalOf("IN", employed("DE", null))), "record-employer-headquarters", "the employer of person person-IN", person({ employment: { entityHeadquarters: "DE", ultimateParentHeadquarters: "US", permanentRegular: true } })],
  ["an employer's code that stands for no country", asks(nationalOf("IN", employed("ZZ", "DE")), { eccn: "EAR99" }), "record-employer-headquarters", "its ultimate parent", person({ employment: { entityHeadquarters: "US", ultimateParentHeadquarters: "DE" } })],
  ["an entity of unknown country", runs(workload({ country: null, headquarters: "DE" })), "record-entity-places", "Where is entity entity-1 organised", entity({ country: "US", headquarters: "DE", ultimateParentHeadquarters: "US" })],
  ["an entity of a code that stands for no country", runs(workload({ headquarters: "ZZ", ultimateParentHeadquarters: "NL" })), "record-entity-places", "entity entity-1", entity({ country: "US", headquarters: "US", ultimateParentHeadquarters: "NL" })],
  ["an ownership that nobody recorded", runs(workload({ ownership: null })), "record-ownership", "Does any party on the Entity List", entity({ ownership: "no-listed-owner" })],
  ["an ownership below one half", runs(workload({ ownership: "listed-owner-below-half" })), "record-ownership", "Has counsel resolved the red flag", entity({ ownership: "no-listed-owner" })],
  ["a place that nobody knows", { ...base, destination: { country: null, basis: "unknown", site: "site-9" } }, "record-destination", "recorded in US, with which", { destination: { country: "US", basis: "site", site: "site-9" } }],
  ["a place that no site vouches for", { ...asks(citizen, { eccn: "EAR99" }), destination: { country: "DE", basis: "unknown", site: null } }, "record-destination", "recorded in DE, with which", { destination: { country: "DE", basis: "site" } }],
  ["a code of no country", { ...base, destination: { country: "ZZ", basis: "site", site: null } }, "record-destination", "recorded in US", { destination: { country: "US", basis: "site" } }],
  ["two matches, one of them cleared", { ...base, screening: { ...screenedClean, matches: [{ source: "EL", entry: "7", clearedBy: null }, { source: "DPL", entry: "8", clearedBy: "officer-3" }] } }, "clear-matches", "listed as EL 7?", { screening: { matches: [{ source: "EL", clearedBy: "an officer" }, { source: "DPL", clearedBy: "officer-3" }] } }],
  ["nobody was screened", { ...base, screening: null }, "screen", "each of the 1 parties", { screening: { maxAgeDays: null, isTrial: false, matches: [], parties: 1, screened: 1, list: { name: "a current list", digest: "", asOf: "2026-11-23", kind: "loaded" } } }],
  ["one of two parties was screened", runs(workload(), { screening: { ...bothScreened, screened: 1 } }), "screen", "each of the 2 parties", { screening: { parties: 2, screened: 2, maxAgeDays: 14 } }],
  ["an old list", { ...base, screening: { ...screenedClean, list: { ...screenedClean.list, asOf: "2026-01-01" } } }, "screen", "a current list", { screening: { list: { asOf: "2026-11-23" } } }],
  ["a suspended license", asks(nationalOf("IN"), { licenses: [suspended, license({}, { id: "l-2" })] }), "reinstate-license", "An officer reinstates license D1 (l-1), which is suspended.", { licenses: [{ id: "l-1", state: "active" }, { id: "l-2", state: "active" }] }],
  ["a draft", asks(nationalOf("IN"), { licenses: [{ ...suspended, state: "draft" }] }), "activate-license", "activates license D1 (l-1), which is a draft.", { licenses: [{ id: "l-1", state: "active" }] }],
  ["conditions of which nobody spoke", asks(nationalOf("IN"), { licenses: [{ ...suspended, state: "active", riders: [rider("plan", null), rider("notice", known), { ...rider("later", null), kind: "report" }] }] }), "record-conditions", "license D1 (l-1) met: plan?", { licenses: [{ riders: [{ id: "plan", state: { met: true, on: "2026-11-23", by: "an officer" } }, { id: "notice", state: known }, { id: "later" }] }] }],
];

test.each(rows)(
  "%s: what is advised, and what it makes of the facts",
  (_, facts, change, says, after) => {
    const found = suppose(facts, rulebook)
      .ways.flat()
      .find((each) => each.change === change);
    expect(found?.sentence).toContain(says);
    expect(found?.apply(facts)).toMatchObject(after);
  },
);

test("a license to be obtained is the narrowest that is enough", () => {
  const facts = asks(nationalOf("IN"), { to: "FR", eccn: "3E001", paragraph: "3B001.h" });
  const ways = suppose(facts, rulebook).ways.flat();
  const made = (change: string) =>
    ways.find((each) => each.change === change)?.apply({ ...facts, licenses: [] }).licenses[0];
  const common = {
    id: "authorization-to-be-obtained",
    state: "active",
    validFrom: "2026-11-22",
    validUntil: "2026-11-23",
    releasesLeft: null,
    riders: [],
    scope: {
      eccns: ["3E001"],
      repositories: ["lab/frontier"],
      destinations: ["FR"],
      nationalities: ["IN"],
      parties: { persons: ["person-IN"], workloads: [], entities: [] },
      reasons: ["NS"],
    },
  };
  expect(made("obtain-bis-license")).toEqual({ ...common, kind: "bis-license", number: "" });
  expect(made("record-license-exception")).toEqual({
    ...common,
    kind: "license-exception",
    number: "TSU",
  });
});

test("a question about an end use is answered under the export, by a license that is not limited to some reasons", () => {
  const facts = asks(citizen, { to: "CN", eccn: "EAR99" });
  const [way] = suppose(facts, rulebook).ways;
  expect(way?.[0]?.apply(facts).licenses).toMatchObject([
    {
      kind: "no-license-required",
      scope: { destinations: ["CN"], nationalities: [], reasons: null },
    },
  ]);
  expect(way?.[0]?.sentence).toContain("has to name lab/frontier, EAR99, person person-citizen");
  expect(way?.[0]?.sentence).toContain("and is not limited to some reasons for control");
});

test("a revoked license, one that has ended and one that lacks a release are never moved", () => {
  for (const more of [
    { state: "revoked" },
    { validUntil: "2026-11-22" },
    { releasesLeft: 0 },
  ] as const) {
    const facts = asks(nationalOf("IN"), { licenses: [{ ...suspended, ...more }] });
    const changes = advise(facts, rulebook).ways.flat();
    expect(changes.map(({ change }) => change)).not.toContain("reinstate-license");
  }
});

test("of many licenses that could be moved six are looked at", () => {
  const many = Array.from({ length: 8 }, (_, at) => ({ ...suspended, id: `l-${at}` }));
  const facts = asks(nationalOf("IN"), { licenses: many });
  const moved = advise(facts, rulebook, { decisions: 100_000, ways: 20 })
    .ways.flat()
    .filter(({ change }) => change === "reinstate-license");
  expect(moved.map(({ sentence }) => /\((l-\d)\)/.exec(sentence)?.[1])).toEqual([
    ...["l-0", "l-1", "l-2", "l-3", "l-4", "l-5"],
  ]);
});

test("nothing is asked of a subject, an item and a place of which all is known", () => {
  const facts = asks(nationalOf("IN", employed("US", "US")), { eccn: "3E001" });
  const kinds = suppose(facts, rulebook)
    .ways.flat()
    .map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(["authorization"]));
});
