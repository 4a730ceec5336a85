import { expect, test } from "@jest/globals";
import { decide } from "../../../../src/export-control/decide.ts";
import type { CheckId } from "../../../../src/export-control/decision.ts";
import {
  countries,
  supplementFiveDestinations,
} from "../../../../src/export-control/rulebook/countries.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks } from "../builders.ts";
import { someone, works } from "../policies/policy.ts";
import { chart, footnotes, members, namedOtherwise, supplementFive } from "./country-tables.ts";

const codes = countries.map(({ code }) => code);
const charted = codes.filter((code) => code !== "US");

test("202 countries have a row, each of them once: 201 of the chart, and the United States", () => {
  expect(new Set(codes).size).toBe(202);
  expect(countries).toHaveLength(202);
});

test.each(Object.entries(members))(
  "Country Group %s lists (Part 740 Supp. No. 1)",
  (group, listed) => {
    const ours = countries.filter(({ groups }) => groups.some((each) => each === group));
    expect(ours.map(({ code }) => code).join(" ")).toBe(listed);
  },
);

test("no country stands in a group or has a mark that the supplements do not print", () => {
  for (const { code, groups, columns } of countries) {
    expect([code, groups.filter((group) => !(group in members))]).toEqual([code, []]);
    expect([code, columns.filter((column) => !(column in chart))]).toEqual([code, []]);
  }
});

test.each(Object.keys(chart))(
  "column %s of the chart is marked for (Part 738 Supp. No. 1)",
  (column) => {
    const ours = countries.filter(({ columns }) => columns.some((each) => each === column));
    expect(ours.map(({ code }) => code)).toEqual(markedFor(column));
  },
);

test.each(Object.entries(footnotes))(
  "footnote %s of the chart stands beside",
  (footnote, beside) => {
    const ours = countries.filter((country) => country.footnotes.includes(Number(footnote)));
    expect(ours.map(({ code }) => code).join(" ")).toBe(beside);
  },
);

test("a footnote that the chart does not have stands beside nobody", () => {
  const known = Object.keys(footnotes).map(Number);
  for (const { code, footnotes: ours } of countries)
    expect([code, ours.filter((footnote) => !known.includes(footnote))]).toEqual([code, []]);
});

test("Supplement No. 5(a) to Part 740 lists nineteen destinations", () => {
  expect(supplementFiveDestinations.toSorted()).toEqual(supplementFive.split(" ").sort());
  expect(supplementFiveDestinations).toHaveLength(19);
});

test("every country bears its own name", () => {
  const unicode = new Intl.DisplayNames(["en"], { type: "region" });
  for (const { code, name } of countries)
    expect([code, name]).toEqual([code, namedOtherwise[code] ?? unicode.of(code)]);
});

test("a row of which something is unusual says so, and every other was read in the text", () => {
  const noted = countries.filter(({ note }) => note !== "").map(({ code }) => code);
  expect(noted.join(" ")).toBe("AE CU HK IQ IR KH KP LI MO PK SY UA US");
  const read = (country: (typeof countries)[number]) => country.confidence;
  const byConfidence = Map.groupBy(countries, read);
  expect(byConfidence.get("inferred")?.map(({ code }) => code)).toEqual(["HK", "LI"]);
  expect(byConfidence.get("secondary")?.map(({ code }) => code)).toEqual(["KH"]);
  expect(byConfidence.get("text")).toHaveLength(199);
});

test("every row stands in both supplements, in force, as of 2026-07-23, and unsigned", () => {
  for (const { code, id, citation, asOf, status, counsel } of countries) {
    expect([code, id]).toEqual([code, `country-${code}`]);
    expect({ citation, asOf, status, counsel }).toEqual({
      citation: "15 CFR Part 738 Supp. No. 1; 15 CFR Part 740 Supp. No. 1",
      asOf: "2026-07-23",
      status: { kind: "in-force" },
      counsel: "needs-sign-off",
    });
  }
});

/** Items that one column decides for one reason, with nothing else of that reason. */
const walked = [
  ["NS1", "ns", "4E001", "4A001.b"],
  ["MT1", "mt", "3E001", "3A101"],
  ["NP1", "np", "3E001", "3A201"],
  ["CC1", "cc", "4E001", "4A003.b"],
  ["RS2", "rs", "3E001", "3A004"],
] as const;

test.each(walked)(
  "column %s, walked country by country for %s reasons (738.4(a)(2), 734.13(b))",
  (column, reason, eccn, paragraph) => {
    const marked = markedFor(column);
    const item = { eccn, paragraph };
    const outcomeOf = (facts: Parameters<typeof decide>[0], check: string) =>
      decide(facts, rulebook).checks.find(({ check: id }) => id === (check as CheckId))?.outcome;
    for (const code of charted) {
      const expected = marked.includes(code) ? "fail" : "pass";
      const sent = asks(someone("US", works()), { ...item, to: code });
      expect([code, outcomeOf(sent, `export-${reason}`)]).toEqual([code, expected]);
      const released = outcomeOf(asks(someone(code), item), `deemed-export-${reason}`);
      expect([code, released]).toEqual([code, expected]);
    }
  },
);

function markedFor(column: string): readonly string[] {
  const cell = chart[column];
  if (cell === undefined) return [];
  const listed = Object.values(cell).join("").split(" ");
  return charted.filter((code) => listed.includes(code) === "marked" in cell);
}
