import { isDeepStrictEqual } from "node:util";
import { expect, test } from "@jest/globals";
import { requirementsOf } from "../../../../src/export-control/item.ts";
import type { Requirement } from "../../../../src/export-control/rulebook/rule.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks, citizen } from "../builders.ts";
import { controls } from "./controls.ts";
import { categoriesZeroAndThree, categoryFive, categoryFour } from "./entry-tables.ts";

const tables = [...categoriesZeroAndThree, ...categoryFour, ...categoryFive];
const paragraphs = tables.flatMap(({ eccn, paragraphs: rows }) =>
  rows.flatMap(([each, caught]) =>
    each.split(" ").map((paragraph) => [eccn, paragraph, caught] as const),
  ),
);

test("the rulebook has the entries of the tables, and each is what its product group says (738.2(b))", () => {
  expect(rulebook.entries.map(({ eccn, kind }) => [eccn, kind])).toEqual(
    tables.map(({ eccn, kind }) => [eccn, kind]),
  );
});

test.each(tables.map(({ eccn, whole }) => [eccn, whole] as const))(
  "without a paragraph, or with one that it does not know, %s takes all its controls (Part 774 Supp. No. 1)",
  (eccn, whole) => {
    expect(caughtBy(eccn, null)).toBe(whole);
    expect(caughtBy(eccn, "9Z999.a")).toBe(whole);
    expect(caughtBy(eccn, eccn)).toBe(whole);
  },
);

test.each(paragraphs)(
  "%s for %s is caught by %s (Part 774 Supp. No. 1)",
  (eccn, paragraph, caught) => {
    expect(caughtBy(eccn, paragraph)).toBe(caught);
  },
);

test("a requirement names its entry, its reason and its place in the entry, and says from which text it was read", () => {
  for (const { id, eccn, reason, asOf, counsel } of rulebook.requirements) {
    expect(id).toMatch(new RegExp(`^${eccn}-${reason.toLowerCase()}-\\d+$`));
    expect([asOf, counsel]).toEqual(["2026-07-23", "needs-sign-off"]);
  }
});

test("what is not enforced is not since 2025-05-13, and binds before, on and after that day all the same", () => {
  const announced = rulebook.requirements.filter(({ status }) => status.kind !== "in-force");
  const printed = announced.map(({ citation }) => citation);
  expect(new Set(printed)).toEqual(
    new Set([controls["higher-printed"].citation, controls.weights.citation]),
  );
  for (const { status } of announced)
    expect(status).toMatchObject({ kind: "not-enforced", since: "2025-05-13" });
  for (const day of ["2025-05-12", "2025-05-13", "2025-05-14"])
    expect([day, caughtBy("4E091", null, `${day}T12:00:00.000Z`)]).toEqual([day, "weights AT"]);
});

/** The controls that bind an item, by the words of the tables; a row that is none of them is shown whole. */
function caughtBy(eccn: string, paragraph: string | null, at = "2026-11-23T12:00:00.000Z"): string {
  const facts = { ...asks(citizen, { eccn, paragraph }), at };
  return requirementsOf({ facts, rulebook }).binding.map(wordOf).join(" ");
}

function wordOf(row: Requirement): string {
  const stated = { ...row, isEnforced: row.status.kind === "in-force" };
  const found = Object.entries(controls).find(([, { reach, ...control }]) =>
    [holds(stated, control), holds(stated.reach, reach)].every(Boolean),
  );
  return found?.[0] ?? JSON.stringify(row);
}

/** Whether a row says everything that the table does. */
function holds(row: object, stated: object): boolean {
  const members = new Map(Object.entries(row));
  return Object.entries(stated).every(([name, value]) =>
    isDeepStrictEqual(members.get(name), value),
  );
}
