import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { Facts, License } from "../../../src/export-control/facts.ts";
import { stands } from "../../../src/export-control/licenses.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks, license, naming, nationalOf } from "./builders.ts";

const german = nationalOf("DE");

/** A German in France: an export to France and a deemed reexport to Germany, both under RS. */
const inFrance = (...licenses: readonly License[]): Facts => asks(german, { to: "FR", licenses });

const both = { destinations: ["FR"], nationalities: ["DE"] };

test("one license that covers everything is relied on alone, whatever else could help", () => {
  const facts = inFrance(
    license({ destinations: ["FR"] }, { id: "a" }),
    license({ nationalities: ["DE"] }, { id: "b" }),
    license(both, { id: "c" }),
  );
  expect(decide(facts, rulebook).licenses).toEqual(["c"]);
});

test("two licenses are relied on together where neither suffices", () => {
  const facts = inFrance(
    license({ nationalities: ["DE"] }, { id: "b" }),
    license({ destinations: ["FR"] }, { id: "a" }),
  );
  const decision = decide(facts, rulebook);
  expect(decision.licenses).toEqual(["a", "b"]);
  const covered = decision.checks.filter(({ outcome }) => outcome === "covered");
  expect(covered.map(({ check, licenses }) => [check, licenses])).toEqual([
    ["export-rs", ["a"]],
    ["deemed-export-rs", ["b"]],
  ]);
});

test("of equal licenses one whose releases are not counted is relied on, then the one that ends first, then the lower id", () => {
  const counted = license(both, { id: "a", releasesLeft: 5, validUntil: "2026-12-01" });
  const later = license(both, { id: "b", validUntil: "2028-01-01" });
  const sooner = license(both, { id: "d", validUntil: "2027-01-01" });
  const twin = license(both, { id: "c", validUntil: "2027-01-01" });
  expect(decide(inFrance(counted, later), rulebook).licenses).toEqual(["b"]);
  expect(decide(inFrance(counted, later, sooner), rulebook).licenses).toEqual(["d"]);
  expect(decide(inFrance(counted, later, sooner, twin), rulebook).licenses).toEqual(["c"]);
  expect(decide(inFrance(counted), rulebook).licenses).toEqual(["a"]);
});

test("no license is relied on, and so none loses a use, where nothing requires one", () => {
  const facts = asks(german, { eccn: "EAR99", licenses: [license({ ...both, eccns: ["EAR99"] })] });
  expect(decide(facts, rulebook)).toMatchObject({ verdict: "allow", licenses: [] });
});

test("a denial relies on no license although one covers a part", () => {
  const decision = decide(inFrance(license({ destinations: ["FR"] })), rulebook);
  expect(decision).toMatchObject({ verdict: "deny", licenses: [] });
  expect(decision.checks.find(({ check }) => check === "export-rs")).toMatchObject({
    outcome: "covered",
    licenses: ["license-1"],
  });
});

test("a dual national since one day needs a license for each reading", () => {
  const dual = nationalOf("DE", {
    citizenships: [
      { country: "DE", from: "1990-01-01", until: null },
      { country: "FR", from: "1990-01-01", until: null },
    ],
  });
  const forDe = license({ nationalities: ["DE"] }, { id: "a" });
  const forFr = license({ nationalities: ["FR"] }, { id: "b" });
  expect(decide(asks(dual, { licenses: [forDe] }), rulebook).verdict).toBe("deny");
  expect(decide(asks(dual, { licenses: [forDe, forFr] }), rulebook).licenses).toEqual(["a", "b"]);
});

test("a license for one reason leaves the other reasons uncovered", () => {
  const indian = nationalOf("IN");
  const scope = { eccns: ["3E001"], nationalities: ["IN"], parties: naming(indian.id) };
  const ns = license({ ...scope, reasons: ["NS"] }, { id: "ns", kind: "license-exception" });
  const rest = license({ ...scope, reasons: ["MT", "NP"] }, { id: "rest" });
  const decided = (...licenses: readonly License[]) =>
    decide(asks(indian, { eccn: "3E001", paragraph: "3A001.a", licenses }), rulebook);
  expect(decided(ns)).toMatchObject({ verdict: "deny" });
  expect(decided(ns, rest)).toMatchObject({ verdict: "allow", licenses: ["ns", "rest"] });
});

test("a license stands from 05:00 UTC on its first day to 24:00 UTC on its last", () => {
  const oneDay = license({}, { validFrom: "2026-11-23", validUntil: "2026-11-23" });
  const instants = [
    "2026-11-23T04:59:59.999Z",
    "2026-11-23T05:00:00Z",
    "2026-11-23T23:59:59.999Z",
    "2026-11-24T00:00:00Z",
  ];
  expect(instants.map((at) => stands(oneDay, at))).toEqual([false, true, true, false]);
});

test("a license does not stand at a time that cannot be read, nor on dates that do not exist", () => {
  expect(stands(license(), "now")).toBe(false);
  expect(stands(license({}, { validFrom: "2026-02-30" }), "2026-11-23T12:00:00Z")).toBe(false);
  expect(stands(license({}, { validUntil: "" }), "2026-11-23T12:00:00Z")).toBe(false);
});
