import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import { groupsOf } from "../../../src/export-control/embargo.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks } from "./builders.ts";
import { someone, works } from "./policies/policy.ts";

const at = (day: string) => `${day}T12:00:00.000Z`;

test.each([
  ["AE", "A:5", "2026-07-22", false],
  ["AE", "A:5", "2026-07-23", true],
  ["AE", "A:5", "2026-11-23", true],
  ["AE", "B", "2020-01-01", true],
  ["KH", "D:5", "2020-01-01", true],
  ["KH", "D:5", "2026-07-22", true],
  ["KH", "D:5", "2026-07-23", false],
  ["KH", "D:1", "2026-07-22", true],
] as const)(
  "%s in Country Group %s on %s: %s (91 FR 43038, 91 FR 5091)",
  (code, group, day, is) => {
    const facts = { ...asks(someone("US")), at: at(day) };
    expect(groupsOf({ rulebook, facts }, code).includes(group)).toBe(is);
  },
);

test("an instant that is none helps nobody: no membership that helps has begun, none that restricts has ended", () => {
  const facts = { ...asks(someone("US")), at: "yesterday" };
  expect(groupsOf({ rulebook, facts }, "AE")).not.toContain("A:5");
  expect(groupsOf({ rulebook, facts }, "KH")).toContain("D:5");
});

test.each([
  ["2026-07-22", "fail"],
  ["2026-07-23", "pass"],
])("the lower tier follows headquarters in Cambodia on %s: %s (742.6(a)(6)(i))", (day, outcome) => {
  const works4 = works({ headquarters: "KH", parent: "US" });
  const item = { eccn: "4D090", paragraph: "4A090.b", to: "DE" } as const;
  const facts = { ...asks(someone("US", works4), item), at: at(day) };
  const check = decide(facts, rulebook).checks.find((each) => each.check === "export-rs");
  expect(check?.outcome).toBe(outcome);
});

test("a rulebook that was kept without dates of membership decides as it did", () => {
  const kept = {
    ...rulebook,
    countries: rulebook.countries.map(({ dated: _dated, ...country }) => country),
  };
  const facts = { ...asks(someone("US")), at: at("2020-01-01") };
  expect(groupsOf({ rulebook: kept, facts }, "AE")).toContain("A:5");
  expect(groupsOf({ rulebook: kept, facts }, "KH")).not.toContain("D:5");
});
