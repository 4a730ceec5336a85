import { expect, test } from "@jest/globals";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { assertNamesNoPlace } from "../../../src/ledger/names-no-place.ts";
import { rolesOfKinds } from "../../../src/ledger/verify-roles.ts";

const kinds = Object.keys(rolesOfKinds);
const id = "5b3f2a7c-0f6e-4d0a-9c55-3f1f0b2d9e11";

const ordinary = {
  release: id,
  by: id,
  state: "active",
  version: 1,
  eccn: "4E091",
  row: "4E091-rs-1",
  commitment: "ab".repeat(32),
  decision: {
    verdict: "allow",
    checks: [{ check: "deemed-export-ns", outcome: "covered", exceptions: ["exception-sta"] }],
  },
  roles: ["export-officer", "reader"],
} as const;

test.each(kinds)("an entry of %s holds ids, verdicts and checks, and no country", (kind) => {
  expect(() => assertNamesNoPlace(kind, ordinary)).not.toThrow();
  for (const told of ["IR", "embargo-IR", "country-DE", "national of CN.", "A:6", "D:5"]) {
    const bodies = [
      { ...ordinary, row: told },
      { ...ordinary, decision: { checks: [{ check: told, outcome: "fail" }] } },
      { ...ordinary, rows: [["list", told]] },
    ];
    for (const body of bodies) expect(() => assertNamesNoPlace(kind, body)).toThrow(TypeError);
  }
  const member = { ...ordinary, decision: { checks: [], nationalities: { CU: 1 } } };
  expect(() => assertNamesNoPlace(kind, member)).toThrow(`the member decision of ${kind}`);
});

test("no row's id of a country, an embargo or a license exception may stand in an entry", () => {
  const rows = [...rulebook.countries, ...rulebook.embargoes, ...rulebook.exceptions];
  const symbols = rulebook.exceptions.map(({ symbol }) => `exception-${symbol.toLowerCase()}`);
  for (const row of rows.filter((each) => !symbols.includes(each.id)))
    expect(() => assertNamesNoPlace("release.allowed", { row: row.id })).toThrow(TypeError);
  for (const symbol of symbols)
    expect(() => assertNamesNoPlace("release.allowed", { exceptions: [symbol] })).not.toThrow();
});

test("an override's entry names its requirement, whose id tells no country", () => {
  for (const { id: row } of rulebook.requirements)
    expect(() => assertNamesNoPlace("override.proposed", { row })).not.toThrow();
});

test("a repository may be called as its owner likes, in the entry that creates it alone", () => {
  const body = { repository: id, namespace: "US", name: "DE" };
  expect(() => assertNamesNoPlace("repository.created", body)).not.toThrow();
  expect(() => assertNamesNoPlace("revision.committed", body)).toThrow(TypeError);
});

test("the base64 of a rotation's statement is never taken for a country, and no other member of it is exempt", () => {
  const statement = "vault.example/ledger+0a1b2c3d+AbC/US+x/A:5/IR==\n";
  expect(() => assertNamesNoPlace("ledger.key-rotated", { statement })).not.toThrow();
  expect(() => assertNamesNoPlace("ledger.key-rotated", { statement, reason: "IR" })).toThrow(
    "the member reason",
  );
  expect(() => assertNamesNoPlace("grant.made", { statement })).toThrow("the member statement");
});
