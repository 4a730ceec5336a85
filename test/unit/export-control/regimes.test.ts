import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { policies, sent } from "./policies/european-union.ts";

test.each(policies)("%s (%s)", (_name, _citation, facts, result, verdict, checks = {}) => {
  const decision = decide(facts, rulebook);
  const outcomes = Object.fromEntries(
    decision.checks.map(({ check, outcome }) => [check, outcome]),
  );
  expect(outcomes).toMatchObject(checks);
  const own = decision.regimes?.find(({ jurisdiction }) => jurisdiction === "EU");
  expect({ result: own?.result ?? null, verdict: decision.verdict }).toEqual({ result, verdict });
});

test("at least forty policies of the Union are named, each with its citation, both ways, and no two alike", () => {
  const allowed = policies.filter(([, , , result]) => result === "allow");
  const refused = policies.filter(([, , , result]) => result !== "allow" && result !== null);
  expect(allowed.length).toBeGreaterThanOrEqual(20);
  expect(refused.length).toBeGreaterThanOrEqual(40);
  expect(new Set(policies.map(([name]) => name)).size).toBe(policies.length);
  for (const [, citation] of policies)
    expect(citation).toMatch(/Art\. \d|Annex I|General (Technology|Software) Note|15 CFR/);
});

test("a hold for want of a code spells the question out, and cites the article", () => {
  const { checks } = decide(sent({ stated: null }), rulebook);
  const check = checks.find(({ check: id }) => id === "eu-item");
  expect(check?.reason).toContain("Which entry of Annex I of the European Union names the files");
  expect(check?.citation).toBe("Regulation (EU) 2021/821, Art. 3(1), Annex I");
});

test("every row that a check of the Union names is in the rulebook, from memory or second hand, and unsigned", () => {
  const union = rulebook.regimes?.find(({ jurisdiction }) => jurisdiction === "EU");
  if (union === undefined) throw new Error("the rulebook has no European Union");
  const { lists, decontrols, generalAuthorizations, embargoes, principles } = union;
  const rows = [
    union,
    ...lists,
    ...decontrols,
    ...generalAuthorizations,
    ...embargoes,
    ...principles,
  ];
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const { confidence, counsel, citation, note } of rows) {
    expect(["inferred", "secondary"]).toContain(confidence);
    expect([counsel, citation === "", note === ""]).toEqual(["needs-sign-off", false, false]);
  }
  const ids = new Set(rows.map(({ id }) => id));
  for (const [, , facts] of policies)
    for (const { check, rows: named } of decide(facts, rulebook).checks)
      if (check.startsWith("eu-")) for (const id of named) expect(ids).toContain(id);
});
