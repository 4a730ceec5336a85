import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import type { CheckId } from "../../../src/export-control/decision.ts";
import { reachesPlace } from "../../../src/export-control/reach.ts";
import { countryRows } from "../../../src/export-control/rulebook/country-rows.ts";
import type { ChartColumn } from "../../../src/export-control/rulebook/rule.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks } from "./builders.ts";
import { someone, works } from "./policies/policy.ts";

const columns = "CB1 CB2 CB3 NP1 NP2 NS1 NS2 MT1 RS1 RS2 FC1 CC1 CC2 CC3 AT1 AT2".split(" ");
const abroad = countryRows.filter(([code]) => code !== "US");

test("every country answers for every column of the chart as its row is marked, and for no other", () => {
  const facts = asks(someone("US"));
  for (const [code, , , marks] of countryRows) {
    const marked = marks.split(" ");
    for (const column of columns) {
      const reach = { kind: "chart", column: column as ChartColumn } as const;
      const where = `${code} ${column}`;
      expect([where, reachesPlace({ rulebook, facts }, { reach }, code)]).toEqual([
        where,
        marked.includes(column),
      ]);
    }
  }
});

/** Items that one column of the chart decides for one reason, with nothing else of that reason. */
const byColumn = [
  ["NS1", "ns", "4E001", "4A001.b"],
  ["MT1", "mt", "3E001", "3A001.a"],
  ["NP1", "np", "3E001", "3A201"],
  ["CC1", "cc", "4E001", "4A003.g"],
  ["RS2", "rs", "3E001", "3A004"],
] as const;

test.each(byColumn)(
  "column %s decides the export and the deemed export for %s reasons, country by country",
  (column, reason, eccn, paragraph) => {
    for (const [code, , , marks] of abroad) {
      const isMarked = marks.split(" ").includes(column);
      const item = { eccn, paragraph };
      const exported = decide(asks(someone("US", works()), { ...item, to: code }), rulebook);
      const released = decide(asks(someone(code), item), rulebook);
      const outcomeOf = ({ checks }: typeof exported, check: string) =>
        checks.find(({ check: id }) => id === (check as CheckId))?.outcome;
      const expected = isMarked ? "fail" : "pass";
      expect([code, outcomeOf(exported, `export-${reason}`)]).toEqual([code, expected]);
      expect([code, outcomeOf(released, `deemed-export-${reason}`)]).toEqual([code, expected]);
    }
  },
);

const source = new URL("../../../../shared/regulatory/", import.meta.url);
const testSource = existsSync(source) ? test : test.skip;

type Published = {
  readonly eccn: string;
  readonly licenceExceptionFlags: Readonly<Record<string, string>>;
};

testSource(
  "every entry offers the published list-based exceptions, and bars STA where it says so",
  () => {
    const text = readFileSync(new URL("ccl_ai_eccns_2026-07-23.json", source), "utf8");
    const { entries } = JSON.parse(text) as { readonly entries: readonly Published[] };
    const files = entries.filter(({ eccn }) => /^[0-9][DE]/.test(eccn));
    for (const { eccn, licenceExceptionFlags: flags } of files) {
      const offered = ["TSR", "APP", "ENC", "AIA", "ACM"].filter((symbol) =>
        /^yes/i.test(flags[symbol] ?? ""),
      );
      const ours = rulebook.exceptionListings
        .filter((listing) => listing.eccn === eccn)
        .map(({ symbol }) => String(symbol));
      // The source's copy of 3E001 lost the flags after TSR, and its raw heading names no AIA and no ACM.
      expect([eccn, ours.toSorted()]).toEqual([eccn, offered.toSorted()]);
      const isBarred = rulebook.staBars.some((bar) => bar.eccn === eccn);
      expect([eccn, isBarred]).toEqual([eccn, flags["STA"] !== undefined]);
    }
  },
);

testSource("every exception that is evaluated is one of the published catalog", () => {
  const text = readFileSync(new URL("license_exception_catalog_2026-07-23.json", source), "utf8");
  const { exceptions } = JSON.parse(text) as {
    readonly exceptions: readonly { readonly sectionNumber: string; readonly symbols: string[] }[];
  };
  for (const { symbol, citation } of rulebook.exceptions) {
    const published = exceptions.find(({ symbols }) => symbols.includes(symbol));
    expect(citation).toContain(`15 CFR ${published?.sectionNumber}`);
  }
});
