import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import { checkIds } from "../../../src/export-control/decision.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { exceptionSymbols } from "../../../src/export-control/rulebook/rule.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { assertNamesNoPlace } from "../../../src/ledger/names-no-place.ts";
import { outline } from "../../../src/vault/outline.ts";
import { asks } from "../export-control/builders.ts";
import * as exceptions from "../export-control/policies/exceptions.ts";
import { listedEntities } from "../export-control/policies/listed-entities.ts";
import { type Policy, papers, someone, stating } from "../export-control/policies/policy.ts";
import { reexports } from "../export-control/policies/reexports.ts";
import { salesTechnology } from "../export-control/policies/sales-and-source.ts";
import { unsettled } from "../export-control/policies/unsettled.ts";

const policies: readonly Policy[] = [
  ...Object.values(exceptions).flat(),
  ...listedEntities,
  ...reexports,
  ...salesTechnology,
  ...unsettled,
];

const outlined = (facts: Facts) => outline(decide(facts, rulebook));

test("what an entry says of a decision is verdict, rulebook, check ids, outcomes and symbols, whatever was decided", () => {
  const names = exceptionSymbols.map((symbol) => `exception-${symbol.toLowerCase()}`);
  for (const [, , facts] of policies) {
    const body = outlined(facts);
    expect(() => assertNamesNoPlace("release.allowed", { decision: body })).not.toThrow();
    expect(body.checks.map(({ check }) => check)).toEqual(checkIds);
    for (const { exceptions: covering = [] } of body.checks)
      for (const name of covering) expect(names).toContain(name);
  }
});

test("two rows of one exception, for other nationals, leave the same outline", () => {
  const consigned = papers("sta-eccn-furnished", "sta-consignee-statement");
  const facts = (country: string) =>
    stating(asks(someone(country, consigned), { eccn: "4E001", paragraph: "4A001.b" }), {
      computer: { peakPerformanceWt: 10, purpose: "use" },
    });
  const [german, mexican] = [facts("DE"), facts("MX")];
  const rowOf = (given: Facts) =>
    decide(given, rulebook)
      .checks.flatMap((check) => check.exceptions)
      .find(({ covers }) => covers)?.exception;
  expect([rowOf(german), rowOf(mexican)]).toEqual(["exception-sta-c-1", "exception-sta-c-2"]);
  expect(outlined(german)).toEqual(outlined(mexican));
});
