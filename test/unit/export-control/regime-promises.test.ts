import { expect, test } from "@jest/globals";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { decide } from "../../../src/export-control/decide.ts";
import {
  type CheckId,
  checkIds,
  type Decision,
  isEveryCheck,
  type RegimeResult,
} from "../../../src/export-control/decision.ts";
import type { Facts, License } from "../../../src/export-control/facts.ts";
import { helpFor } from "../../../src/export-control/help.ts";
import type {
  Regime,
  RegimeClassification,
} from "../../../src/export-control/regimes/classification.ts";
import { digested, type Rulebook, rulebook } from "../../../src/export-control/rulebook.ts";
import {
  asks,
  base,
  citizen,
  classified,
  license,
  nationalOf,
  runs,
  workload,
} from "./builders.ts";
import { authorized, eu001, general, on, policies, sent } from "./policies/european-union.ts";

/** The same rulebook as it was before it had other regimes. */
const { digest: _digest, regimes: _regimes, ...content } = rulebook;
const earAlone: Rulebook = digested(content);

const country = fc.constantFrom("US", "DE", "FR", "AU", "IN", "CN", "RU", "GB", "JP", "GF", "ZZ");

const statement: fc.Arbitrary<RegimeClassification> = fc.record({
  jurisdiction: fc.constantFrom<Regime>("EU", "EU", "EU", "UK", "JP"),
  list: fc.constantFrom("annex-I", "annex-I", "annex-IV", "annex-II-I", "dual-use"),
  code: fc.constantFrom(null, "4E001", "4D001", "5D002", "3A090", "4E091", "3A001"),
  decontrol: fc.constantFrom(null, null, "public-domain", "generally-available"),
  determination: fc.constantFrom(null, "as counsel advised"),
});

const authorization: fc.Arbitrary<License> = fc.constantFrom(
  authorized(),
  authorized({ state: "suspended" }),
  authorized({ id: "authorization-2", kind: "global-license" }, { parties: null }),
  general("EU001", eu001),
  license({ eccns: ["EAR99", "4E091"], destinations: ["AU", "DE"], nationalities: ["IN"] }),
);

const facts: fc.Arbitrary<Facts> = fc
  .record({
    from: fc.option(country),
    to: fc.option(country),
    by: fc.constantFrom(citizen, nationalOf("IN"), nationalOf("CN")),
    stated: fc.option(fc.array(statement, { maxLength: 4 })),
    approvedBy: fc.constantFrom("officer-2", "officer-2", "officer-1", null),
    licenses: fc.array(authorization, { maxLength: 3 }),
  })
  .map((given) => sent(given));

const numRuns = { numRuns: 400 };

function resultIn({ regimes = [] }: Decision, of: RegimeResult["jurisdiction"]) {
  return regimes.find(({ jurisdiction }) => jurisdiction === of)?.result;
}

const stated: readonly (readonly [string, Facts])[] = [
  ["a citizen at home", base],
  ["a citizen abroad", asks(citizen, { to: "DE" })],
  [
    "a foreign national with a license",
    asks(nationalOf("IN"), { licenses: [license({ nationalities: ["IN"] })] }),
  ],
  ["a workload", runs(workload({ country: "CN" }), { eccn: "3E001" })],
  ["an item without a classification", { ...base, item: { ...base.item, classification: null } }],
  [
    "an item under another jurisdiction",
    {
      ...base,
      item: { ...base.item, classification: classified("4E091", { jurisdiction: "ITAR" }) },
    },
  ],
];

test.each(stated)(
  "facts that state the EAR alone give the bytes that they gave before there were other regimes: %s",
  (_name, given) => {
    const bytes = (of: Facts) => {
      const { rulebook: _of, ...decision } = decide(of, rulebook);
      return canonicalize(decision);
    };
    const { rulebook: _before, ...before } = decide(given, earAlone);
    expect(bytes(given)).toBe(canonicalize(before));
    expect(bytes({ ...given, departure: { country: "US" } })).toBe(canonicalize(before));
    expect(before.checks.map(({ check }) => check)).toEqual(checkIds);
    expect("regimes" in before).toBe(false);
  },
);

test("a rulebook that was kept before it had other regimes decides as it did, whatever the facts state of them", () => {
  for (const [, , given] of policies) {
    const { departure: _departure, ...older } = given;
    expect(decide(given, earAlone).checks.map(({ check }) => check)).toEqual(checkIds);
    expect(canonicalize(decide(given, earAlone))).toBe(canonicalize(decide(older, earAlone)));
  }
});

test("unknown never allows: every regime that is asked lets a release pass, or it does not", () => {
  fc.assert(
    fc.property(facts, (given) => {
      const decision = decide(given, rulebook);
      const { verdict, checks, regimes = [] } = decision;
      const outcomes = checks.map(({ outcome }) => outcome);
      if (verdict === "allow") {
        expect(regimes.every(({ result }) => result === "allow")).toBe(true);
        expect(outcomes).not.toContain("unknown");
        expect(outcomes).not.toContain("fail");
      } else expect(decision.licenses).toEqual([]);
    }),
    numRuns,
  );
});

test("the most restrictive regime wins", () => {
  fc.assert(
    fc.property(facts, (given) => {
      const decision = decide(given, rulebook);
      const results = (decision.regimes ?? []).map(({ result }) => result);
      fc.pre(results.length > 0);
      const denies = results.some((result) => result === "deny" || result === "license");
      const holds = results.includes("unknown");
      expect(decision.verdict).toBe(denies ? "deny" : holds ? "hold" : "allow");
      const { verdict: ear } = decide(given, earAlone);
      if (ear !== "allow") expect(decision.verdict).not.toBe("allow");
    }),
    numRuns,
  );
});

test("the same facts give the same bytes, and list every check of each regime that is asked", () => {
  fc.assert(
    fc.property(facts, (given) => {
      const decision = decide(given, rulebook);
      expect(canonicalize(decide(structuredClone(given), rulebook))).toBe(canonicalize(decision));
      expect(JSON.parse(canonicalize(decision) ?? "")).toEqual(decision);
      expect(isEveryCheck(decision.checks.map(({ check }) => check))).toBe(true);
      const turned = { ...given, licenses: given.licenses.toReversed() };
      expect(decide(turned, rulebook).verdict).toBe(decision.verdict);
    }),
    numRuns,
  );
});

test("whoever does not say whence the keys leave, or withdraws an approval, a ground or a license, gains nothing", () => {
  fc.assert(
    fc.property(facts, (given) => {
      fc.pre(decide(given, rulebook).verdict !== "allow");
      const { classification } = given.item;
      if (classification === null) return;
      const poorer: readonly Facts[] = [
        { ...given, departure: { country: null } },
        { ...given, licenses: [] },
        {
          ...given,
          item: { ...given.item, classification: { ...classification, approvedBy: null } },
        },
        {
          ...given,
          item: {
            ...given.item,
            classification: {
              ...classification,
              regimes: (classification.regimes ?? []).map((each) => ({
                ...each,
                determination: null,
              })),
            },
          },
        },
      ];
      for (const each of poorer) expect(decide(each, rulebook).verdict).not.toBe("allow");
    }),
    numRuns,
  );
});

test.each([
  ["the United Kingdom", "UK", "GB", "dual-use"],
  ["Japan", "JP", "JP", "foreign-exchange-order"],
] as const)(
  "a code stated under %s holds with the question that counsel has to answer, wherever the keys leave from",
  (_name, jurisdiction, home, list) => {
    const code = { jurisdiction, list, code: "4E001", decontrol: null, determination: null };
    const words =
      jurisdiction === "UK" ? "by location and not by nationality" : "specific category";
    for (const from of [home, "US"]) {
      const decision = decide(sent({ from, to: from, stated: [code] }), rulebook);
      expect(decision.verdict).toBe("hold");
      expect(resultIn(decision, jurisdiction)).toBe("unknown");
      const transfer: CheckId = jurisdiction === "UK" ? "uk-transfer" : "jp-transfer";
      const check = decision.checks.find(({ check: id }) => id === transfer);
      expect(check?.reason).toContain(words);
    }
    const unstated = decide(sent({ from: home, to: home, stated: null }), rulebook);
    expect([unstated.verdict, resultIn(unstated, jurisdiction)]).toEqual(["hold", "unknown"]);
    const elsewhere = decide(sent({ from: "US", to: "US", stated: null }), rulebook);
    expect([elsewhere.verdict, elsewhere.regimes]).toEqual(["allow", undefined]);
  },
);

test("the residency and the specific categories of Japan, and the location of the United Kingdom, are its data", () => {
  const tests = (rulebook.regimes ?? []).map(({ jurisdiction, nexus, subjectTests }) => [
    jurisdiction,
    nexus,
    ...subjectTests,
  ]);
  expect(tests).toEqual([
    ["EU", "ship-from", "location"],
    ["UK", "ship-from", "location"],
    ["JP", "person-following", "residency", "influence-category"],
  ]);
});

test("a row of another regime that is superseded covers nothing and demands nothing", () => {
  const [union, ...others] = rulebook.regimes ?? [];
  if (union === undefined) throw new Error("the rulebook has no regimes");
  const since = { status: { kind: "superseded", since: "2026-01-01" } } as const;
  const later: Rulebook = digested({
    ...content,
    regimes: [
      {
        ...union,
        generalAuthorizations: union.generalAuthorizations.map((row) => ({ ...row, ...since })),
        embargoes: union.embargoes.map((row) => ({ ...row, ...since })),
        decontrols: union.decontrols.map((row) => ({ ...row, ...since })),
      },
      ...others,
    ],
  });
  const results = (given: Facts) => [
    resultIn(decide(given, rulebook), "EU"),
    resultIn(decide(given, later), "EU"),
  ];
  const under001 = sent({
    stated: [on("annex-I", "4E001"), on("annex-II-I", null)],
    licenses: [general("EU001", eu001)],
  });
  expect(results(under001)).toEqual(["allow", "license"]);
  expect(results(sent({ to: "YE", stated: [on("annex-I", null)] }))).toEqual(["unknown", "allow"]);
  const open = sent({ stated: [on("annex-I", "4E001", { decontrol: "public-domain" })] });
  expect(results(open)).toEqual(["allow", "unknown"]);
});

test("what is every check: all of the EAR's, then whole regimes in their order", () => {
  const eu = ["eu-nexus", "eu-item", "eu-transfer", "eu-end-use"];
  const jp = ["jp-nexus", "jp-item", "jp-transfer", "jp-end-use"];
  expect(isEveryCheck(checkIds)).toBe(true);
  expect(isEveryCheck([...checkIds, ...eu])).toBe(true);
  expect(isEveryCheck([...checkIds, ...eu, ...jp])).toBe(true);
  expect(isEveryCheck([...checkIds, ...jp])).toBe(true);
  expect(isEveryCheck([...checkIds, ...jp, ...eu])).toBe(false);
  expect(isEveryCheck([...checkIds, ...eu, ...eu])).toBe(false);
  expect(isEveryCheck([...checkIds, ...eu.slice(1)])).toBe(false);
  expect(isEveryCheck([...checkIds, "moon"])).toBe(false);
  expect(isEveryCheck(checkIds.slice(1))).toBe(false);
  expect(isEveryCheck([...eu, ...checkIds])).toBe(false);
});

test("whoever is refused by another regime hears what would help, and no word about the subject", () => {
  expect(helpFor("eu-transfer")).toContain("under the lists of EU");
  expect(helpFor("jp-item")).toContain("under the lists of JP");
});
