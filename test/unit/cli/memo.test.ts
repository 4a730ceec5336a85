import { expect, test } from "@jest/globals";
import { memo } from "../../../src/cli/memo.ts";
import { advise } from "../../../src/export-control/advise.ts";
import { decide } from "../../../src/export-control/decide.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { asks } from "../export-control/builders.ts";
import { sent } from "../export-control/policies/european-union.ts";
import { papers, someone } from "../export-control/policies/policy.ts";

const circuits = { eccn: "3E001", paragraph: "3B001.h" } as const;

function memoOf(facts: Facts): string {
  return memo({
    ...decide(facts, rulebook),
    advice: advise(facts, rulebook),
    rulebookAsOf: rulebook.asOf,
    overrides: [],
    about: [],
  });
}

test("the memo of an allowance under license exceptions names them", () => {
  const text = memoOf(asks(someone("DE", papers("tsr-written-assurance")), circuits));
  expect(text).toContain("The release is allowed under license exceptions");
  expect(text).toContain("- covered by: exception-tsr");
  expect(text).not.toContain("no authorization is needed");
});

test("the memo of a denial says what a license exception lacks", () => {
  const text = memoOf(asks(someone("DE"), circuits));
  expect(text).toContain("- exception-tsr (15 CFR 740.6(a)) would cover it, with on record:");
});

test("the memo names what each regime says, where another than the EAR is asked", () => {
  const text = memoOf(sent());
  expect(text).toMatch(/\| Under EAR +\| allowed +\|/);
  expect(text).toMatch(/\| Under EU +\| a license is required and none covers it +\|/);
  expect(text).toContain("### eu-transfer: fail");
  expect(text).toContain("- law: Regulation (EU) 2021/821, Art. 2(2)(d), 3(1), 12(1)");
  expect(text).toContain("1. An individual license that names lab/frontier, EU annex-I 4E001");
  expect(text).toContain("eur-lex.europa.eu");
  const alone = memoOf(asks(someone("DE"), circuits));
  expect(alone).not.toMatch(/\| Under |eur-lex/);
});

test("a decision at an instant before the rulebook's text says so, and one after it does not", () => {
  const facts = asks(someone("DE"), circuits);
  const caution = /The instant is before 2026-09-24, the date of the rulebook's text/;
  expect(memoOf({ ...facts, at: "2026-09-23T23:59:59.999Z" })).toMatch(caution);
  expect(memoOf({ ...facts, at: "2026-09-24T00:00:00.000Z" })).not.toMatch(caution);
});
