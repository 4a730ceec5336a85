import { expect, test } from "@jest/globals";
import { propose } from "../../../../src/export-control/datasheet/propose.ts";
import { limitsOf, said } from "../../../../src/export-control/datasheet/thresholds.ts";
import { type Threshold, thresholdNames } from "../../../../src/export-control/rulebook/rule.ts";
import { thresholds } from "../../../../src/export-control/rulebook/thresholds.ts";
import { digested, type Rulebook, rulebook } from "../../../../src/export-control/rulebook.ts";
import {
  about,
  circuit,
  confidentiality,
  derived,
  encryption,
  generator,
  memory,
  proposed,
  trained,
  weights,
} from "../../../support/datasheets.ts";

/** The shipped rulebook with one number changed. */
function changed(name: Threshold["name"], change: Partial<Threshold>): Rulebook {
  const { digest: _, ...content } = rulebook;
  const rows = thresholds.map((row) => (row.name === name ? { ...row, ...change } : row));
  return digested({ ...content, thresholds: rows });
}

test("every number of the arithmetic is a dated row with a citation and a status, once", () => {
  expect(thresholds.map(({ name }) => name).sort()).toEqual([...thresholdNames].sort());
  expect(new Set(thresholds.map(({ id }) => id)).size).toBe(thresholds.length);
  for (const { id, citation, asOf, status, counsel } of thresholds) {
    expect([id, citation]).toEqual([id, expect.stringMatching(/^15 CFR /)]);
    expect([id, asOf, status, counsel]).toEqual([
      id,
      "2026-07-23",
      { kind: "in-force" },
      "needs-sign-off",
    ]);
  }
});

test("the rows hold the numbers of the text", () => {
  expect(
    thresholds.map(({ name, relation, value, unit }) => `${name} ${relation} ${value} ${unit}`),
  ).toEqual([
    "trainingOperations >= 1e26 operations",
    "syntheticShare > 0.1 of the operations",
    "extraOperations > 2.5e25 operations",
    "extraShare > 0.25 of the operations",
    "higherPerformance >= 4800 TPP",
    "lowerPerformance >= 2400 TPP",
    "leastPerformance >= 1600 TPP",
    "higherDensity >= 5.92 TPP/mm2",
    "middleDensity >= 3.2 TPP/mm2",
    "lowerDensity >= 1.6 TPP/mm2",
    "memoryDensity > 2 GB/s/mm2",
    "memoryExceptionDensity < 3.3 GB/s/mm2",
    "symmetricBits > 56 bits",
    "factorizationBits > 512 bits",
    "fieldBits > 512 bits",
    "groupBits > 112 bits",
  ]);
});

test.each(thresholdNames)("the rulebook's digest covers %s", (name) => {
  expect(changed(name, { value: "7" }).digest).not.toBe(rulebook.digest);
  expect(changed(name, { status: { kind: "superseded", since: "2027-01-01" } }).digest).not.toBe(
    rulebook.digest,
  );
});

test("each line of the arithmetic names the row that it compares with, and every row is named somewhere", () => {
  const ciphers = [
    confidentiality("symmetric", "128"),
    confidentiality("factorization", "2048"),
    confidentiality("discrete-logarithm-field", "2048"),
    confidentiality("discrete-logarithm-group", "256"),
  ];
  const sheets = [
    weights({ syntheticData: [generator("teacher")] }),
    derived("2e25", { trainingOperations: "1e24" }),
    derived("3e25", { trainingOperations: "2e26" }),
    about("technology", circuit("60", "628")),
    memory("320", "100"),
    encryption("software", ciphers),
  ];
  const named = sheets.flatMap((sheet) =>
    proposed(sheet).steps.flatMap(({ threshold }) => (threshold === null ? [] : [threshold])),
  );
  for (const { row } of named)
    expect([row, thresholds.some(({ id }) => id === row)]).toEqual([row, true]);
  expect(new Set(named.map(({ row }) => row))).toEqual(new Set(thresholds.map(({ id }) => id)));
});

test("a bar that the sheet itself states names no row", () => {
  const floatingBar = {
    operations: "9e26",
    asOf: "2026-11-01",
    basis: "CCATS",
    source: "a CCATS",
  } as const;
  const bar = proposed(trained("2e26", { floatingBar })).steps.at(-1);
  expect(bar?.threshold).toMatchObject({ row: null, value: "9e26" });
});

test("another number in the row leads elsewhere, and the sentences say that number", () => {
  const sheet = trained("5e25");
  expect(propose(sheet, rulebook).conclusion.says).toContain("fewer than 10^26");
  const lower = propose(sheet, changed("trainingOperations", { value: "3e25" }));
  expect(lower.candidates[0]).toMatchObject({
    eccn: "4E091",
    because: expect.stringContaining("which is 3 x 10^25 or more"),
  });
  expect(lower.rulebook).not.toBe(rulebook.digest);
});

test("no arithmetic is done on a rulebook that does not state every number, or only a superseded one", () => {
  const { thresholds: _, ...kept } = rulebook;
  expect(() => propose(trained("1e26"), kept)).toThrow(TypeError);
  const superseded = changed("groupBits", { status: { kind: "superseded", since: "2026-01-01" } });
  expect(() => limitsOf(superseded)).toThrow(/groupBits/);
});

test.each([
  ["1e26", "10^26"],
  ["2.5e25", "2.5 x 10^25"],
  ["4800", "4800"],
  ["5.92", "5.92"],
])("the number %s is said as %s", (value, words) => {
  const { leastPerformance } = limitsOf(changed("leastPerformance", { value }));
  expect(said(leastPerformance)).toBe(words);
});
