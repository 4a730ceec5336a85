import { expect, test } from "@jest/globals";
import { decide } from "../../../../src/export-control/decide.ts";
import type { CheckId } from "../../../../src/export-control/decision.ts";
import type { Facts } from "../../../../src/export-control/facts.ts";
import { helpFor } from "../../../../src/export-control/help.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks, license, naming } from "../builders.ts";
import { papers, someone, stating, works } from "../policies/policy.ts";

const advanced = { eccn: "4D001", paragraph: "4A004.z.2" } as const;
const other = { eccn: "4D001", paragraph: "4A001.b" } as const;
const regional = { eccn: "3E992", paragraph: "3B001.d" } as const;
const assured = papers("sta-eccn-furnished", "sta-consignee-statement");

type Item = { readonly eccn: string; readonly paragraph: string };
type Work = Parameters<typeof works>[0];
const national = (country: string, item: Item, work: Work = {}) =>
  stating(asks(someone(country, works(work), assured), item), {
    computer: { peakPerformanceWt: 10, purpose: "use" },
  });

/** How License Exception STA stands for a national's deemed export for NS reasons: it covers, turns on a doubt, or is closed. */
// biome-ignore format: a table reads by its rows
const strategic: readonly (readonly [name: string, citation: string, facts: Facts, sta: "covers" | "doubtful" | "closed"])[] = [
  ["other computers, to a German", "740.20(c)(1)", national("DE", other), "covers"],
  ["the lower tier, to a German", "740.20(c)(1)", national("DE", advanced), "covers"],
  ["the lower tier, to a German whose employer has its headquarters in Macau", "740.2(a)(9)(ii)", national("DE", advanced, { headquarters: "MO", parent: "US" }), "closed"],
  ["the lower tier, to a German whose employer's parent is in D:5", "740.2(a)(9)(ii)", national("DE", advanced, { parent: "CD" }), "closed"],
  ["the lower tier, to a German whose employer's parent is in D:1 alone", "740.2(a)(9)(ii)", national("DE", advanced, { parent: "AM" }), "covers"],
  ["the lower tier, to a German whose employer's parent is not known", "740.2(a)(9)(ii)", national("DE", advanced, { parent: null }), "doubtful"],
  ["other computers, to a German whose employer's parent is not known", "740.20(c)(1)", national("DE", other, { parent: null }), "covers"],
  ["other computers, to an Israeli, of A:6 and D:4", "740.20(c)(2)", national("IL", other), "covers"],
  ["the lower tier, to an Israeli, of A:6 and D:4: read cautiously", "740.2(a)(9)(ii)", national("IL", advanced), "doubtful"],
  ["the lower tier, to a national of Taiwan, of A:6 and in none of D:1, D:4 and D:5", "740.20(c)(2)", national("TW", advanced), "covers"],
  ["the lower tier of 4A003, to a national of Taiwan, where CC asks for a license too", "740.20(c)(2), NS alone", national("TW", { eccn: "4D001", paragraph: "4A003.z.1.b" }), "closed"],
  ["other computers, to a Jordanian, of neither A:5 nor A:6", "740.20(c)", national("JO", other), "closed"],
];

test.each(strategic)("STA for %s (%s)", (_, _citation, facts, sta) => {
  const check = checkOf(facts, "deemed-export-ns");
  const found = check?.exceptions.filter(({ symbol }) => symbol === "STA") ?? [];
  if (sta === "covers") {
    expect([check?.outcome, found.map(({ covers }) => covers)]).toEqual(["covered", [true]]);
    return;
  }
  expect(check?.outcome).toBe("fail");
  expect(found.map(({ covers }) => covers)).toEqual(sta === "closed" ? [] : [false]);
  const last = found[0]?.conditions.at(-1);
  if (sta === "doubtful")
    expect([last?.state, last?.condition]).toEqual([
      "unknown",
      expect.stringContaining("740.2(a)(9)(ii)"),
    ]);
});

/** An officer's own record of an exception that is not evaluated here, for the item and the national. */
const recorded = (country: string, item: Item) =>
  asks(someone(country, works()), {
    ...item,
    licenses: [
      license(
        { eccns: [item.eccn], nationalities: [country], parties: naming(`person-${country}`) },
        { kind: "license-exception", number: "TMP" },
      ),
    ],
  });

// biome-ignore format: a table reads by its rows
const officers: readonly (readonly [name: string, citation: string, facts: Facts, outcome: "covered" | "fail"])[] = [
  ["the lower tier to a national of D:1 alone", "740.2(a)(9)(ii)", recorded("AM", advanced), "fail"],
  ["the lower tier to a national of D:4 without D:1 and D:5", "740.2(a)(9)(ii)", recorded("JO", advanced), "fail"],
  ["the lower tier to a national of D:5 without D:1 and D:4", "740.2(a)(9)(ii)", recorded("CD", advanced), "fail"],
  ["the lower tier to a national of D:3 alone", "740.2(a)(9)(ii)", recorded("TW", advanced), "covered"],
  ["the lower tier to a Brazilian, of none of them", "740.2(a)(9)(ii)", recorded("BR", advanced), "covered"],
  ["other computers to a national of D:1", "Part 740", recorded("AM", other), "covered"],
  ["other computers to a national of D:4", "Part 740", recorded("JO", other), "covered"],
  ["other computers to a national of D:5", "Part 740", recorded("CD", other), "covered"],
  ["equipment technology to a national of Macau", "740.2(a)(9)(i)", recorded("MO", regional), "fail"],
  ["equipment technology to a national of D:5", "740.2(a)(9)(i)", recorded("CD", regional), "fail"],
];

test.each(officers)("an officer's exception for %s (%s)", (_, _citation, facts, outcome) => {
  expect(checkOf(facts, "deemed-export-ns")?.outcome).toBe(outcome);
});

test("every check has a word of help of its own, and an unknown one the general sentence", () => {
  const general = helpFor("export-ns");
  expect(helpFor("deemed-export-ns")).toContain("the nationality for this reason");
  expect(general).toContain("the country for this reason");
  expect([helpFor("export-something"), helpFor("toString")]).toEqual([general, general]);
  const own = ["classification", "jurisdiction", "eccn", "grant", "subject", "denied-party"];
  const others = ["ownership", "destination", "nationality", "embargo-destination"];
  const named = [...own, ...others, "embargo-nationality", "end-use"].map((id) => helpFor(id));
  expect(new Set([...named, general]).size).toBe(13);
});

function checkOf(facts: Facts, id: CheckId) {
  return decide(facts, rulebook).checks.find(({ check }) => check === id);
}
