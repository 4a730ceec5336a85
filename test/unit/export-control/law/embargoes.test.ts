import { expect, test } from "@jest/globals";
import { decide } from "../../../../src/export-control/decide.ts";
import type { Outcome } from "../../../../src/export-control/decision.ts";
import { supplementFiveDestinations } from "../../../../src/export-control/rulebook/countries.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks, base, citizen, nationalOf, runs, screenedClean, workload } from "../builders.ts";

type Demands = readonly [listed: string, ear99: string];

/** Part 746 as of 2025-01-27: what an act to each country, or a release to its national, needs for listed items and for EAR99. */
// biome-ignore format: a table reads by its rows
const sanctioned: readonly (readonly [country: string, citation: string, destination: Demands, nationality: Demands, confidence: string])[] = [
  ["CU", "15 CFR 746.2(a)", ["license", "license"], ["license", "license"], "text"],
  ["IR", "15 CFR 746.7(a); 31 CFR Part 560", ["license", "license"], ["unsettled", "unsettled"], "inferred"],
  ["KP", "15 CFR 746.4(a), 742.19", ["license", "license"], ["unsettled", "unsettled"], "inferred"],
  ["SY", "15 CFR 746.9(a)", ["license", "license"], ["license", "license"], "inferred"],
  ["RU", "15 CFR 746.8(a)", ["license", "question"], ["none", "none"], "text"],
  ["BY", "15 CFR 746.8(a)", ["license", "question"], ["none", "none"], "text"],
  ["UA", "15 CFR 746.6(a)", ["question", "question"], ["none", "none"], "text"],
];

const outcomes: Readonly<Record<string, Outcome>> = {
  license: "fail",
  unsettled: "unknown",
  question: "unknown",
  none: "pass",
};

test.each(sanctioned)("%s: %s", (country, citation, destination, nationality, confidence) => {
  const row = rulebook.embargoes.find((embargo) => embargo.country === country);
  expect(row).toMatchObject({
    id: `embargo-${country}`,
    citation,
    confidence,
    asOf: "2025-01-27",
    status: { kind: "in-force" },
    destination: { listed: destination[0], ear99: destination[1] },
    nationality: { listed: nationality[0], ear99: nationality[1] },
  });
  for (const [at, eccn] of ["4E001", "EAR99"].entries()) {
    expect(outcomeOf("embargo-destination", asks(citizen, { to: country, eccn }))).toBe(
      outcomes[destination[at] ?? ""],
    );
    expect(outcomeOf("embargo-nationality", asks(nationalOf(country), { eccn }))).toBe(
      outcomes[nationality[at] ?? ""],
    );
  }
});

test("Part 746 is asked of seven countries, and of every other nothing", () => {
  const named = sanctioned.map(([country]) => country);
  expect(rulebook.embargoes.map(({ country }) => country)).toEqual(named);
  for (const { code } of rulebook.countries) {
    if (code === "US" || named.includes(code)) continue;
    const sent = asks(citizen, { to: code, eccn: "EAR99" });
    const released = asks(nationalOf(code), { eccn: "EAR99" });
    expect([code, outcomeOf("embargo-destination", sent)]).toEqual([code, "pass"]);
    expect([code, outcomeOf("embargo-nationality", released)]).toEqual([code, "pass"]);
  }
});

/** What an uncleared match means, list by list, as of 2026-07-31. A denial order and the Entity List bar; a list that bars particular dealings holds. */
// biome-ignore format: a table reads by its rows
const lists: readonly (readonly [code: string, effect: "fail" | "hold", citation: string])[] = [
  ["DPL", "fail", "15 CFR Part 764 Supp. No. 2"],
  ["EL", "fail", "15 CFR 744.11, 744.16"],
  ["SDN", "fail", "15 CFR 744.8; 31 CFR Chapter V"],
  ["MEU", "hold", "15 CFR 744.21; Part 744 Supp. No. 7"],
  ["UVL", "hold", "15 CFR 744.15, 740.2(a)(17)"],
  ["ISN", "hold", "State Department nonproliferation sanctions"],
  ["DTC", "hold", "22 CFR 127.7"],
  ["SSI", "hold", "31 CFR Part 589"],
  ["CMIC", "hold", "E.O. 13959 as amended"],
  ["NS-MBS", "hold", "OFAC menu-based sanctions"],
  ["CAP", "hold", "OFAC correspondent account sanctions"],
  ["PLC", "hold", "OFAC, Palestinian Legislative Council list"],
  ["FSE", "hold", "OFAC, Foreign Sanctions Evaders list"],
];

test.each(lists)("a match on %s: %s (%s)", (code, effect, citation) => {
  const facts = {
    ...base,
    screening: { ...screenedClean, matches: [{ source: code, entry: "1", clearedBy: null }] },
  };
  const found = decide(facts, rulebook).checks.find(({ check }) => check === "denied-party");
  expect(found).toMatchObject({
    outcome: effect === "fail" ? "fail" : "unknown",
    citation,
    rows: [`list-${code}`],
  });
  expect(rulebook.lists.find((list) => list.code === code)).toMatchObject({
    id: `list-${code}`,
    effect,
    asOf: "2026-07-31",
    status: { kind: "in-force" },
    confidence: "text",
  });
});

test("no list has a meaning that the table does not state", () => {
  expect(rulebook.lists.map(({ code }) => code)).toEqual(lists.map(([code]) => code));
});

/** The rules that the engine applies in its own code: where each stands, and how sure its reading is. */
// biome-ignore format: a table reads by its rows
const principles: readonly (readonly [id: string, citation: string, confidence: "text" | "inferred"])[] = [
  ["principle-export", "15 CFR 734.13(a)(1)", "text"],
  ["principle-deemed-export", "15 CFR 734.13(a)(2), (b); 734.14(a)(2), (b)", "text"],
  ["principle-keys", "15 CFR 734.15(b), 734.19", "text"],
  ["principle-affiliates", "90 FR 47201; 90 FR 50857; 15 CFR 744.11", "text"],
  ["principle-end-use", "15 CFR Part 744; 736.2(b)(5)", "inferred"],
  ["principle-affiliation", "15 CFR Parts 744 and 746; 736.2(b)(5), (b)(6)", "inferred"],
  ["principle-exceptions-sanctioned", "15 CFR 740.2(a)(6)", "text"],
  ["principle-exceptions-advanced-computing", "15 CFR 740.2(a)(9)(ii)", "text"],
  ["principle-exceptions-temporary", "15 CFR 740.2(a)(14)", "text"],
  ["principle-exceptions-unverified", "15 CFR 740.2(a)(17)", "text"],
  ["principle-exceptions-uae", "15 CFR 740.2(a)(26); Part 740 Supp. No. 8", "text"],
  ["principle-published", "15 CFR 734.3(b)(3), 734.7", "text"],
  ["principle-deemed-reexport", "15 CFR 734.14(a)(2), (b), 734.20", "text"],
  ["principle-weights-below-threshold", "15 CFR 734.3(c); Part 774 Supp. No. 1, 4E091", "inferred"],
  ["principle-supplement-five", "15 CFR Part 740 Supp. No. 5(a)", "text"],
];

test.each(principles)("%s stands in %s", (id, citation, confidence) => {
  const row = rulebook.principles.find((principle) => principle.id === id);
  expect(row).toMatchObject({ citation, confidence, asOf: "2026-09-24" });
  expect(row?.status.kind).toBe(id === "principle-affiliates" ? "stayed" : "in-force");
});

test("the Affiliates Rule is stayed from 2025-11-10 to 2026-11-09, and in force the day before and the day after (90 FR 50857)", () => {
  const half = runs(workload({ ownership: "listed-owner-half-or-more" }));
  const told = ["2025-11-09", "2025-11-10", "2026-11-09", "2026-11-10"].map((day) => {
    const facts = { ...half, at: `${day}T12:00:00.000Z` };
    const check = decide(facts, rulebook).checks.find(({ check: id }) => id === "ownership");
    return [check?.outcome, check?.reason.includes("stayed")];
  });
  expect(told).toEqual([
    ["fail", false],
    ["fail", true],
    ["fail", true],
    ["fail", false],
  ]);
});

test("employees of entities within Supplement No. 5(a) are left out, of entities outside it are not, parent by parent (742.6(a)(13))", () => {
  const german = (entityHeadquarters: string, ultimateParentHeadquarters: string | null) =>
    nationalOf("DE", {
      employment: { entityHeadquarters, ultimateParentHeadquarters, permanentRegular: true },
    });
  for (const { code } of rulebook.countries) {
    const expected = supplementFiveDestinations.includes(code) ? "pass" : "fail";
    const outcomesOf = [german(code, "US"), german("US", code)].map((person) =>
      outcomeOf("deemed-export-rs", asks(person)),
    );
    expect([code, ...outcomesOf]).toEqual([code, expected, expected]);
  }
  expect(outcomeOf("deemed-export-rs", asks(german("US", null)))).toBe("unknown");
});

test("the rulebook says what it is, as of when, and how it reads an expiry", () => {
  const { format, asOf, licenseExpiry, overrides } = rulebook;
  expect([format, asOf, licenseExpiry]).toEqual([
    "weightvault/rulebook/v1",
    "2026-09-24",
    "printed-date",
  ]);
  expect(overrides).toEqual([]);
});

function outcomeOf(id: string, facts: Parameters<typeof decide>[0]): Outcome | undefined {
  return decide(facts, rulebook).checks.find(({ check }) => check === id)?.outcome;
}
