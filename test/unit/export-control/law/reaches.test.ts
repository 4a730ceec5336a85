import { expect, test } from "@jest/globals";
import { decide } from "../../../../src/export-control/decide.ts";
import type { CheckId, Outcome } from "../../../../src/export-control/decision.ts";
import type { Facts } from "../../../../src/export-control/facts.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks, held, license, nationalOf } from "../builders.ts";
import { papers, someone, works } from "../policies/policy.ts";
import { members } from "./country-tables.ts";

const among = (...groups: readonly string[]) =>
  new Set(groups.flatMap((group) => (members[group] ?? "").split(" ")));
const advanced = among("D:1", "D:4", "D:5");
const leftOut = among("A:5", "A:6");
const inD5 = among("D:5");
const inE1 = among("E:1");
const isOfTheLowerTier = (code: string) =>
  code === "AE" || (advanced.has(code) && !leftOut.has(code));
const isMacauOrD5 = (code: string) => code === "MO" || inD5.has(code);

type Walk = readonly [
  name: string,
  citation: string,
  item: { readonly eccn: string; readonly paragraph: string | null },
  reason: string,
  exported: (code: string) => boolean,
  /** Null where the reason does not reach deemed exports. */
  released: ((code: string) => boolean) | null,
];

const everywhere = () => true;

// biome-ignore format: a table reads by its rows
const walks: readonly Walk[] = [
  ["weights, worldwide as printed", "742.6(a)(13)", { eccn: "4E091", paragraph: null }, "rs", everywhere, everywhere],
  ["the higher tier, worldwide as printed", "742.6(a)(6)(iii)(A), (iv)", { eccn: "4D090", paragraph: "4A090.a" }, "rs", everywhere, null],
  ["the lower tier, the United Arab Emirates and D:1, D:4 and D:5 without A:5 and A:6", "742.6(a)(6)(iii)(B), (iv)", { eccn: "4D090", paragraph: "4A090.b" }, "rs", isOfTheLowerTier, null],
  ["technology sent out of Macau or D:5, which this vault sends nothing out of, beside the lower tier", "742.6(a)(6)(ii)", { eccn: "3E001", paragraph: "3A090.b" }, "rs", isOfTheLowerTier, null],
  ["memory, to Macau and D:5", "742.6(a)(6)(i)(B), (iv)", { eccn: "3E001", paragraph: "3A090.c" }, "rs", isMacauOrD5, null],
  ["manufacturing equipment, to Macau and D:5 for RS reasons", "742.6(a)(6)(i), (iv)", { eccn: "3E992", paragraph: "3B001.d" }, "rs", isMacauOrD5, null],
  ["manufacturing equipment, to Macau and D:5 for NS reasons", "742.4(a)(4)", { eccn: "3E992", paragraph: "3B001.d" }, "ns", isMacauOrD5, isMacauOrD5],
  ["lithography, worldwide for NS reasons", "742.4(a)(5)", { eccn: "3E992", paragraph: "3B001.c.1.a" }, "ns", everywhere, everywhere],
  ["lithography, worldwide for RS reasons", "742.6(a)(10)", { eccn: "3E992", paragraph: "3B001.c.1.a" }, "rs", everywhere, everywhere],
  ["encryption", "742.15", { eccn: "5E002", paragraph: "5A002.a" }, "ei", everywhere, everywhere],
  ["anti-terrorism, Iran, North Korea and Syria", "742.8, 742.9, 742.19", { eccn: "4E993", paragraph: null }, "at", (code) => inE1.has(code), (code) => inE1.has(code)],
  ["a temporary control", "742.6(a)(8)", { eccn: "0E521", paragraph: null }, "rs", everywhere, everywhere],
];

test.each(walks)("every country: %s (%s)", (_, _citation, item, reason, exported, released) => {
  for (const { code } of rulebook.countries) {
    if (code === "US") continue;
    const sent = outcomeOf(asks(someone("US", works()), { ...item, to: code }), `export-${reason}`);
    expect([code, sent]).toEqual([code, exported(code) ? "fail" : "pass"]);
    const person = nationalOf(code, works({ permanentRegular: false }));
    const deemed = outcomeOf(asks(person, item), `deemed-export-${reason}`);
    const expected = released === null ? "not-applicable" : released(code) ? "fail" : "pass";
    expect([code, deemed]).toEqual([code, expected]);
  }
});

test("the lower tier follows headquarters in Macau or D:5 to wherever they send, parent or not, and those of nobody else", () => {
  const item = { eccn: "4D090", paragraph: "4A090.b", to: "DE" } as const;
  for (const { code } of rulebook.countries) {
    const expected = isMacauOrD5(code) ? "fail" : "pass";
    const of = (headquarters: string, parent: string) =>
      outcomeOf(asks(someone("US", works({ headquarters, parent })), item), "export-rs");
    expect([code, of(code, "US"), of("US", code)]).toEqual([code, expected, expected]);
  }
});

test("what is open names its controls, and what is settled for one reading alone stays open", () => {
  const turning = asks(someone("US"), { eccn: "4D090", paragraph: "4A090.b", to: "DE" });
  expect(checkOf(turning, "export-rs")?.reason).toContain("RS controls on entry 4D090 (software");
  const dual = nationalOf("CA", { citizenships: [held("CA"), held("DE")] });
  const open = checkOf(asks(dual, { eccn: "4E001", paragraph: "4A001.b" }), "deemed-export-ns");
  expect(open?.outcome).toBe("unknown");
  expect(open?.reason).toContain("NS controls on entry 4E001 (the whole entry");
  expect(open?.rows).toEqual(["4E001-ns-1"]);
  const both = nationalOf("DE", { citizenships: [held("FR"), held("DE")] });
  const closed = checkOf(asks(both, { eccn: "4E001", paragraph: "4A001.b" }), "deemed-export-ns");
  expect(closed?.outcome).toBe("fail");
});

test("a check that is covered says first what was required, then what covers it", () => {
  const assured = papers("tsr-written-assurance");
  const facts = asks(someone("DE", assured), { eccn: "3E001", paragraph: "3B001.h" });
  const covered = checkOf(facts, "deemed-export-ns");
  expect(covered?.reason).toMatch(/^NS controls on entry 3E001 .* License Exception TSR /);
  expect(covered).toMatchObject({
    remedy: null,
    citation: "15 CFR 738.4(a)(2); Commerce Country Chart, NS column 1",
    rows: ["3E001-ns-1"],
  });
  const licensed = asks(nationalOf("DE"), { licenses: [license({ nationalities: ["DE"] })] });
  expect(checkOf(licensed, "deemed-export-rs")?.reason).toMatch(/^RS controls on entry 4E091/);
});

test("where nobody foreign receives, the deemed check cites why and applies no row", () => {
  const home = checkOf(asks(someone("US"), { eccn: "4E001" }), "deemed-export-ns");
  expect(home).toMatchObject({
    outcome: "not-applicable",
    citation: "15 CFR 734.13(a)(2), 734.14(a)(2)",
    rows: [],
  });
  const own = checkOf(asks(nationalOf("DE"), { eccn: "4E001", to: "DE" }), "deemed-export-ns");
  expect(own).toMatchObject({ outcome: "not-applicable", rows: [] });
});

function checkOf(facts: Facts, id: CheckId) {
  return decide(facts, rulebook).checks.find(({ check }) => check === id);
}

function outcomeOf(facts: Facts, id: string): Outcome | undefined {
  return decide(facts, rulebook).checks.find(({ check }) => check === id)?.outcome;
}
