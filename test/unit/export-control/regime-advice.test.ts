import { expect, test } from "@jest/globals";
import { advise, suppose } from "../../../src/export-control/advise.ts";
import { consultedFacts } from "../../../src/export-control/consulted.ts";
import { decide } from "../../../src/export-control/decide.ts";
import type { Facts } from "../../../src/export-control/facts.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { base, classified } from "./builders.ts";
import { listed, on, policies, sent } from "./policies/european-union.ts";

const with001 = [listed, on("annex-II-I", null)];

const advised: readonly (readonly [
  name: string,
  facts: Facts,
  ways: readonly (readonly string[])[],
])[] = [
  ["technology of Annex I to Australia", sent(), [["obtain-individual-license"]]],
  [
    "the same where EU001 reaches it",
    sent({ stated: with001 }),
    [["obtain-individual-license"], ["record-general-authorization"]],
  ],
  [
    "an item on no entry to Yemen",
    sent({ to: "YE", stated: [on("annex-I", null)] }),
    [["record-determination"], ["obtain-individual-license"]],
  ],
  ["nothing stated, inside Germany", sent({ to: "DE", stated: null }), [["classify-under-regime"]]],
  [
    "nothing stated, from Germany to Australia",
    sent({ stated: null }),
    [["classify-under-regime", "obtain-individual-license"]],
  ],
  [
    "nothing said of Annex IV, from Germany to France",
    sent({ to: "FR" }),
    [["classify-under-annex-IV"]],
  ],
  ["nobody knows whence, with a code of Annex I", sent({ from: null }), [["record-departure"]]],
  [
    "weights that both regimes want a license for",
    {
      ...sent(),
      item: { ...base.item, classification: classified("4E091", { regimes: [listed] }) },
    },
    [["obtain-bis-license", "obtain-individual-license"]],
  ],
];

test.each(advised)("%s: the advice is the shortest, and was tried", (_name, given, ways) => {
  const supposed = suppose(given, rulebook);
  expect(supposed.ways.map((way) => way.map(({ change }) => change))).toEqual(ways);
  for (const way of supposed.ways) {
    const after = way.reduce((facts, { apply }) => apply(facts), given);
    expect(decide(after, rulebook).verdict).toBe("allow");
  }
});

test("the advice on a general authorization names its conditions, and on a license the list with the code", () => {
  const { ways } = advise(sent({ stated: with001 }), rulebook);
  expect(ways.flat().map(({ sentence }) => sentence)).toEqual([
    "An individual license that names lab/frontier, EU annex-I 4E001, person person-citizen and covers exports to AU, in force at 2026-11-23T12:00:00.000Z.",
    "General authorization EU001, on record with the conditions no-barred-end-use, records-kept, registered, each met, that names lab/frontier, EU annex-I 4E001, person person-citizen and covers exports to AU, in force at 2026-11-23T12:00:00.000Z.",
  ]);
});

test("an item is never supposed to stand on no entry of Annex I", () => {
  for (const from of ["DE", null])
    for (const to of ["DE", "AU", "YE"]) {
      const { ways } = suppose(sent({ from, to, stated: null }), rulebook);
      for (const way of ways) {
        const { item } = way.reduce<Facts>(
          (facts, { apply }) => apply(facts),
          sent({ from, to, stated: null }),
        );
        const main = item.classification?.regimes?.find(({ list }) => list === "annex-I");
        expect(main?.code).not.toBeNull();
      }
    }
});

test("what only counsel decides is told as an obstacle", () => {
  const code = {
    jurisdiction: "JP",
    list: "foreign-exchange-order",
    code: "8",
    decontrol: null,
    determination: null,
  } as const;
  const { ways, obstacles } = advise(sent({ from: "JP", stated: [code] }), rulebook);
  expect([ways, obstacles.map(({ check }) => check)]).toEqual([[], ["jp-transfer"]]);
});

test("a memo's checks of another regime say which facts they read", () => {
  for (const [, , given] of policies.slice(0, 12)) {
    const { checks } = decide(given, rulebook);
    expect([...consultedFacts(given, rulebook).keys()]).toEqual(checks.map(({ check }) => check));
  }
  const read = consultedFacts(sent(), rulebook).get("eu-transfer") ?? [];
  const facts = read.map(({ fact }) => fact);
  expect(facts).toContain("departure.country");
  expect(facts).toContain("item.classification.regimes[0].code");
  expect(facts).not.toContain("subject.person.citizenships");
});
