import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { Check, CheckId, Outcome } from "../../../src/export-control/decision.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { binds } from "../../../src/export-control/item.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  citizen,
  classified,
  held,
  license,
  naming,
  namingEntities,
  nationalOf,
  runs,
  screenedClean,
  workload,
} from "./builders.ts";

function checkOf(facts: Facts, id: CheckId): Check {
  const found = decide(facts, rulebook).checks.find(({ check }) => check === id);
  if (found === undefined) throw new Error(`the decision lacks ${id}`);
  return found;
}

const cuban = nationalOf("CU");
const dual = nationalOf("DE", { citizenships: [held("DE"), held("IR")] });
const inChina = { parties: naming(citizen.id), eccns: ["EAR99"] };
const ear99 = (...licenses: Facts["licenses"]): Facts =>
  asks(citizen, { to: "CN", eccn: "EAR99", licenses });

const matching = (source: string): Facts => ({
  ...base,
  screening: { ...screenedClean, matches: [{ source, entry: "1", clearedBy: null }] },
});

// biome-ignore format: a table reads by its rows
const needs: readonly (readonly [name: string, facts: Facts, check: CheckId, outcome: Outcome])[] = [
  ["a license for exports to Cuba is none for releases to Cubans", asks(cuban, { licenses: [license({ destinations: ["CU"], parties: naming(cuban.id) })] }), "embargo-nationality", "fail"],
  ["a license for releases to Cubans that names this one is", asks(cuban, { licenses: [license({ nationalities: ["CU"], parties: naming(cuban.id) })] }), "embargo-nationality", "covered"],
  ["a license for releases to Cubans that names nobody is not", asks(cuban, { licenses: [license({ nationalities: ["CU"] })] }), "embargo-nationality", "fail"],
  ["a license for releases to Cubans for one reason is not", asks(cuban, { licenses: [license({ nationalities: ["CU"], parties: naming(cuban.id), reasons: ["RS"] })] }), "embargo-nationality", "fail"],
  ["a license for releases to Cubans is none for exports to Cuba", asks(citizen, { to: "CU", licenses: [license({ nationalities: ["CU"], parties: naming(citizen.id) })] }), "embargo-destination", "fail"],
  ["a license for exports to Cuba that names the recipient is", asks(citizen, { to: "CU", licenses: [license({ destinations: ["CU"], parties: naming(citizen.id) })] }), "embargo-destination", "covered"],
  ["a determination is none for Cuba", asks(citizen, { to: "CU", licenses: [license({ destinations: ["CU"], parties: naming(citizen.id) }, { kind: "no-license-required" })] }), "embargo-destination", "fail"],
  ["a determination on an end use in China may stand under its exports", ear99(license({ ...inChina, destinations: ["CN"] }, { kind: "no-license-required" })), "end-use", "covered"],
  ["or under its nationalities", ear99(license({ ...inChina, nationalities: ["CN"] }, { kind: "no-license-required" })), "end-use", "covered"],
  ["and not under another country's", ear99(license({ ...inChina, destinations: ["DE"] }, { kind: "no-license-required" })), "end-use", "unknown"],
  ["a license exception is none on an end use in China", ear99(license({ ...inChina, destinations: ["CN"] }, { kind: "license-exception" })), "end-use", "unknown"],
  ["a date that cannot be read beside one that can", asks(nationalOf("DE", { citizenships: [held("DE"), held("FR", "someday")] })), "nationality", "unknown"],
  ["a status whose end cannot be read", asks(nationalOf("DE", { citizenships: [held("DE", "1990-01-01", "someday")] })), "nationality", "unknown"],
  ["a status that ends on the day of the decision", asks(nationalOf("DE", { citizenships: [held("DE", "1990-01-01", "2026-11-23")] })), "nationality", "unknown"],
  ["a status that begins on the day of the decision", asks(nationalOf("DE", { citizenships: [held("DE", "2026-11-23")] })), "nationality", "pass"],
  ["a status that began and ended on the day of the decision", asks(nationalOf("DE", { citizenships: [held("DE"), held("IR", "2026-11-23", "2026-11-23")] })), "embargo-nationality", "unknown"],
  ["a person recorded as none who is a citizen of the United States besides", asks(nationalOf("DE", { citizenships: [held("DE", "2000-01-01"), held("US")] })), "nationality", "unknown"],
  ["a license that names the workload alone, for its foreign entity", runs(workload({ country: "DE" }), { licenses: [license({ nationalities: ["DE"], parties: { persons: [], workloads: ["workload-1"], entities: [] } })] }), "deemed-export-rs", "covered"],
  ["a license that names the entity alone, for a workload of it", runs(workload({ country: "DE" }), { licenses: [license({ nationalities: ["DE"], parties: namingEntities("entity-1") })] }), "deemed-export-rs", "covered"],
  ["a license that names the entity alone, for its accountable person", runs(workload({}, nationalOf("DE")), { licenses: [license({ nationalities: ["DE"], parties: namingEntities("entity-1") })] }), "deemed-export-rs", "fail"],
  ["a national of Germany and Iran since one day", asks(dual), "embargo-nationality", "unknown"],
];

test.each(needs)("%s", (_, facts, check, outcome) => {
  expect(checkOf(facts, check).outcome).toBe(outcome);
});

// biome-ignore format: a table reads by its rows
const rows: readonly (readonly [check: CheckId, facts: Facts, rows: readonly string[]])[] = [
  ["destination", base, ["principle-export", "principle-keys"]],
  ["destination", asks(citizen, { to: "DE" }), ["principle-export", "principle-keys"]],
  ["destination", asks(citizen, { to: "ZZ" }), ["principle-export", "principle-keys"]],
  ["nationality", base, ["principle-deemed-export"]],
  ["nationality", asks(nationalOf("DE")), ["principle-deemed-export"]],
  ["nationality", asks({ ...citizen, usPerson: null }), ["principle-deemed-export"]],
  ["embargo-destination", asks(citizen, { to: "CU" }), ["embargo-CU"]],
  ["embargo-destination", asks(citizen, { to: "UA" }), ["embargo-UA"]],
  ["embargo-nationality", base, ["principle-affiliation"]],
  ["embargo-nationality", asks({ ...citizen, usPerson: null }), ["principle-affiliation"]],
  ["embargo-nationality", asks(cuban), ["embargo-CU", "principle-affiliation"]],
  ["end-use", base, ["principle-end-use", "principle-affiliation"]],
  ["end-use", { ...base, grant: null }, ["principle-end-use", "principle-affiliation"]],
  ["end-use", asks(citizen, { to: "CN" }), ["principle-end-use", "principle-affiliation"]],
  ["denied-party", base, []],
  ["denied-party", matching("MEU"), ["list-MEU"]],
  ["denied-party", matching("EL"), ["list-EL"]],
  ["denied-party", matching("NEW"), []],
  ["ownership", base, []],
  ["ownership", runs(workload()), ["principle-affiliates"]],
  ["ownership", runs(workload({ ownership: null })), ["principle-affiliates"]],
  ["ownership", runs(workload({ ownership: "listed-owner-below-half" })), ["principle-affiliates"]],
  ["ownership", runs(workload({ ownership: "listed-owner-half-or-more" })), ["principle-affiliates"]],
  ["export-rs", asks(citizen, { to: "DE" }), ["4E091-rs-1"]],
  ["deemed-export-rs", asks(nationalOf("DE")), ["4E091-rs-1"]],
];

test.each(rows)("%s names the rows that it applied", (check, facts, applied) => {
  expect(checkOf(facts, check).rows).toEqual(applied);
});

test("half ownership says whether the Affiliates Rule was stayed, on each side of both its dates", () => {
  const half = runs(workload({ ownership: "listed-owner-half-or-more" }));
  const saysStayed = (at: string) =>
    checkOf({ ...half, at: `${at}T12:00:00Z` }, "ownership").reason.includes("stayed");
  const days = ["2025-11-09", "2025-11-10", "2026-11-09", "2026-11-10"];
  expect(days.map(saysStayed)).toEqual([false, true, true, false]);
});

test("a requirement that is not enforced says so, and names who it leaves out", () => {
  const { reason, remedy } = checkOf(asks(nationalOf("DE")), "deemed-export-rs");
  expect(reason).toContain("would not enforce it");
  expect(remedy).toContain("Supplement No. 5(a)");
  expect(checkOf(asks(nationalOf("IN"), { eccn: "3E001" }), "deemed-export-ns")).toMatchObject({
    reason: expect.not.stringContaining("enforce"),
    remedy: expect.not.stringContaining("Supplement"),
  });
});

test("an open requirement says on what it turns", () => {
  const turning = asks(citizen, { to: "DE", eccn: "4E001", paragraph: "4A090.b" });
  expect(checkOf(turning, "export-rs")).toMatchObject({
    outcome: "unknown",
    reason: expect.stringContaining("headquartered"),
    remedy: expect.stringContaining("employment"),
  });
  const two = nationalOf("DE", { citizenships: [held("DE"), held("IN")] });
  const differing = asks(two, { eccn: "3E001" });
  const open = decide(differing, rulebook).checks.filter(({ outcome }) => outcome === "unknown");
  expect(open.length).toBeGreaterThan(0);
  for (const { reason, remedy } of open) {
    expect(reason).toContain("differs between the countries");
    expect(remedy).toContain("determination");
  }
});

test("a country without marks in the chart is told to be none that is free", () => {
  const syrian = asks(nationalOf("SY"), { eccn: "5D992" });
  const { outcome, reason } = checkOf(
    asks(nationalOf("CU"), { eccn: "3E001" }),
    "deemed-export-ns",
  );
  expect({ outcome, says: reason.includes("no marks for CU") }).toEqual({
    outcome: "pass",
    says: true,
  });
  expect(checkOf(syrian, "deemed-export-at").outcome).toBe("fail");
});

test("a row binds on each side of the dates of its status as they say", () => {
  const at = (day: string) => `${day}T12:00:00Z`;
  const superseded = { status: { kind: "superseded", since: "2026-01-01" } } as const;
  expect(binds(superseded, at("2025-12-31"))).toBe(true);
  expect(binds(superseded, at("2026-01-01"))).toBe(false);
  const stayed = { status: { kind: "stayed", from: "2026-01-01", until: "2026-06-30" } } as const;
  const days = ["2025-12-31", "2026-01-01", "2026-06-30", "2026-07-01"];
  expect(days.map((day) => binds(stayed, at(day)))).toEqual([true, false, false, true]);
  expect([binds(superseded, "soon"), binds(stayed, "soon")]).toEqual([true, true]);
});

test("a match says what its list means, and cites it", () => {
  expect(checkOf(matching("MEU"), "denied-party")).toMatchObject({
    citation: expect.stringContaining("744.21"),
    reason: expect.stringContaining("Supplement No. 2"),
  });
});

test("a jurisdiction that is not known is told apart from one that is not decided here", () => {
  const unclassified = { ...base, item: { ...base.item, classification: null } };
  expect(checkOf(unclassified, "jurisdiction").reason).toContain("without a classification");
  const itar = {
    ...base,
    item: { ...base.item, classification: classified("4E091", { jurisdiction: "ITAR" as const }) },
  };
  expect(checkOf(itar, "jurisdiction").reason).toContain("jurisdiction ITAR");
});
