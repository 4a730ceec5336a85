import { expect, test } from "@jest/globals";
import { decide } from "../../../../src/export-control/decide.ts";
import type { CheckId } from "../../../../src/export-control/decision.ts";
import type { Facts } from "../../../../src/export-control/facts.ts";
import { lies } from "../../../../src/export-control/item.ts";
import {
  type ExceptionCondition,
  type ExceptionListing,
  exceptionSymbols,
  type Group,
} from "../../../../src/export-control/rulebook/rule.ts";
import { rulebook } from "../../../../src/export-control/rulebook.ts";
import { asks } from "../builders.ts";
import { papers, someone, stating, works } from "../policies/policy.ts";
import { chart, members } from "./country-tables.ts";
import { exceptionTables, offers, performanceLimits, staBars } from "./exception-tables.ts";

test.each(exceptionTables.map((stated) => [stated.id, stated.citation, stated] as const))(
  "%s says what %s says: acts, items, reasons, bars and conditions",
  (id, _, stated) => {
    const row = rulebook.exceptions.find((each) => each.id === id);
    const { conditions, enforced, listed, alone, advanced, confidence, ...words } = stated;
    expect({
      id: row?.id,
      citation: row?.citation,
      acts: row?.acts.join(" "),
      kinds: row?.kinds.join(" "),
      eccns: row?.eccns?.join(" ") ?? null,
      reasons: row?.reasons.join(" "),
      never: row?.never.join(" "),
    }).toEqual(words);
    expect([row?.offered, row?.whole, row?.advancedComputing]).toEqual([listed, alone, advanced]);
    if (conditions !== null) expect(row?.conditions.map(toldIn)).toEqual(conditions);
    expect(row?.status).toMatchObject(
      enforced ? { kind: "in-force" } : { kind: "not-enforced", since: "2025-05-13" },
    );
    expect([row?.confidence, row?.asOf]).toEqual([confidence, "2026-09-24"]);
    expect(row?.id.startsWith(`exception-${row.symbol.toLowerCase()}`)).toBe(true);
  },
);

test.each(offers)(
  "entry %s offers %s as it prints (Part 774 Supp. No. 1, list-based license exceptions)",
  (eccn, symbol, yes, no) => {
    const rows = rulebook.exceptionListings.filter(
      (listing) => listing.eccn === eccn && listing.symbol === symbol,
    );
    expect(rows).toHaveLength(1);
    const isOffered = ({ only, except }: ExceptionListing, paragraph: string) =>
      (only === null || only.some((each) => lies(paragraph, each))) &&
      !except.some((each) => lies(paragraph, each));
    for (const row of rows) {
      if (yes === "anything") expect([row.only, row.except]).toEqual([null, []]);
      else expect(wordsOf(yes).filter((each) => !isOffered(row, each))).toEqual([]);
      expect(wordsOf(no).filter((each) => isOffered(row, each))).toEqual([]);
      const limit = performanceLimits.find(([each]) => each === eccn)?.[1] ?? null;
      expect(row.aboveWt).toBe(symbol === "TSR" ? limit : null);
      expect([row.asOf, row.confidence, row.status]).toEqual([
        "2026-07-23",
        "text",
        { kind: "in-force" },
      ]);
    }
  },
);

test("no row of an exception, an offer, a bar, an embargo, a list or a principle ships signed", () => {
  const { exceptions, exceptionListings, staBars: bars, embargoes, lists, principles } = rulebook;
  for (const { id, counsel, citation } of [
    ...[...exceptions, ...exceptionListings, ...bars],
    ...[...embargoes, ...lists, ...principles],
  ]) {
    expect([id, counsel]).toEqual([id, "needs-sign-off"]);
    expect([id, citation.trim() === ""]).toEqual([id, false]);
  }
});

test("an offer and a bar are named by their entry, and say that they stand in it", () => {
  for (const { id, eccn, symbol, citation } of rulebook.exceptionListings)
    expect([id, citation]).toEqual([
      `listing-${eccn}-${symbol.toLowerCase()}`,
      `15 CFR Part 774 Supp. No. 1, ${eccn}, list-based license exceptions`,
    ]);
  const barsOf = Map.groupBy(rulebook.staBars, ({ eccn }) => eccn);
  for (const [eccn, bars] of barsOf)
    expect(bars.map(({ id }) => id)).toEqual(bars.map((_, at) => `sta-bar-${eccn}-${at + 1}`));
});

test("no entry offers what the tables do not print", () => {
  expect(rulebook.exceptionListings.map(({ eccn, symbol }) => `${eccn} ${symbol}`)).toEqual(
    offers.map(([eccn, symbol]) => `${eccn} ${symbol}`),
  );
});

test("no paragraph is named in an offer that the tables do not try", () => {
  const tried = new Map(offers.map(([eccn, symbol, yes, no]) => [`${eccn} ${symbol}`, [yes, no]]));
  for (const { eccn, symbol, only, except } of rulebook.exceptionListings) {
    const [yes = "", no = ""] = tried.get(`${eccn} ${symbol}`) ?? [];
    const untried = [
      ...(only ?? []).filter((each) => !wordsOf(yes).some((word) => lies(word, each))),
      ...except.filter((each) => !wordsOf(no).some((word) => lies(word, each))),
    ];
    expect([eccn, symbol, untried]).toEqual([eccn, symbol, []]);
  }
});

test.each(staBars)(
  "the special conditions of %s bar STA (Part 774 Supp. No. 1)",
  (eccn, both, six, open) => {
    const rows = rulebook.staBars.filter((bar) => bar.eccn === eccn && bar.aboveWt === null);
    const barredTo = (group: Group, paragraph: string) =>
      rows.some(
        ({ only, groups }) =>
          groups.includes(group) && (only === null || only.some((each) => lies(paragraph, each))),
      );
    for (const paragraph of both === "anything" ? ["1A001", "9Z999"] : wordsOf(both))
      expect([paragraph, barredTo("A:5", paragraph), barredTo("A:6", paragraph)]).toEqual([
        paragraph,
        true,
        true,
      ]);
    for (const paragraph of wordsOf(six))
      expect([paragraph, barredTo("A:5", paragraph), barredTo("A:6", paragraph)]).toEqual([
        paragraph,
        false,
        true,
      ]);
    for (const paragraph of wordsOf(open))
      expect([paragraph, barredTo("A:5", paragraph), barredTo("A:6", paragraph)]).toEqual([
        paragraph,
        false,
        false,
      ]);
    const named = rows.flatMap(({ only }) => only ?? []);
    const told = [...wordsOf(both), ...wordsOf(six)];
    expect(named.filter((each) => !told.some((word) => lies(word, each)))).toEqual([]);
  },
);

test("STA is barred to A:6 above 29 weighted teraflops in 4D001 and above 70 in 4E001, for any paragraph", () => {
  const byPerformance = rulebook.staBars.filter(({ aboveWt }) => aboveWt !== null);
  expect(
    byPerformance.map(({ eccn, aboveWt, groups, only }) => [eccn, aboveWt, groups, only]),
  ).toEqual(performanceLimits.map(([eccn, limit]) => [eccn, limit, ["A:6"], null]));
  expect(new Set(rulebook.staBars.map(({ eccn }) => eccn))).toEqual(
    new Set(staBars.map(([eccn]) => eccn)),
  );
});

test("the symbols that are evaluated are these eight, and each has a paragraph", () => {
  expect(exceptionSymbols).toEqual(["TSU", "TSR", "ENC", "GOV", "STA", "APP", "AIA", "ACM"]);
  expect(new Set(rulebook.exceptions.map(({ symbol }) => symbol))).toEqual(
    new Set(exceptionSymbols),
  );
});

const circuits = { eccn: "3E001", paragraph: "3B001.h" } as const;
const computers = { eccn: "4E001", paragraph: "4A001.b" } as const;
const encryption = { eccn: "5E002", paragraph: "5A002.a" } as const;
const lowerTier = { eccn: "4D090", paragraph: "4A090.b" } as const;
const among = (...groups: readonly string[]) =>
  new Set(groups.flatMap((group) => wordsOf(members[group] ?? "")));
const embargoed = among("E:1", "E:2");
const unmarked = (column: string) => new Set(wordsOf(Object.values(chart[column] ?? {}).join("")));
const withoutNs1 = unmarked("NS1");
const inD1 = among("D:1");
const inD5 = among("D:5");
const inA5 = among("A:5");
const inA6 = among("A:6");
const cooperating = among("A:1");
const inB = among("B");
const advanced = among("D:1", "D:4", "D:5");
const closedToWeights = new Set([...among("D:5", "E:1", "E:2"), "MO", "UA"]);
const atTenWeightedTeraflops = (facts: Facts) =>
  stating(facts, { computer: { peakPerformanceWt: 10, purpose: "use" } });

type Walk = readonly [
  name: string,
  check: CheckId,
  facts: (code: string) => Facts,
  covers: (code: string) => boolean,
];

// biome-ignore format: a table reads by its rows
const walks: readonly Walk[] = [
  ["TSU for mass-market software, all but E:1 and E:2 (740.13(d))", "deemed-export-ns", (code) => stating(asks(someone(code), { eccn: "4D001", paragraph: "4A001.b" }), { statements: ["mass-market"] }), (code) => !embargoed.has(code) && !withoutNs1.has(code)],
  ["TSU for operation technology, all but E:1 and E:2 (740.13(a))", "deemed-export-ns", (code) => stating(asks(someone(code, papers("earlier-export-to-recipient")), computers), { statements: ["minimum-operation"] }), (code) => !embargoed.has(code) && !withoutNs1.has(code)],
  ["TSU for corrections of errors, all but E:1 and E:2 (740.13(c)); in Russia, Belarus and Ukraine Part 746 closes it", "export-ns", (code) => stating(asks(someone("US", papers("earlier-export-to-recipient")), { eccn: "4D001", paragraph: "4A001.b", to: code }), { statements: ["bug-fix"], form: "object-code" }), (code) => !embargoed.has(code) && !withoutNs1.has(code) && !["RU", "BY", "UA"].includes(code)],
  ["TSU for copies, all but E:1 and E:2 (740.13(g))", "deemed-export-ns", (code) => stating(asks(someone(code, papers("earlier-export-to-recipient")), computers), { statements: ["copy-of-authorized"] }), (code) => !embargoed.has(code) && !withoutNs1.has(code)],
  ["TSU for university employees, all but D:5, E:1 and E:2 (740.13(f))", "deemed-export-ns", (code) => asks(someone(code, works({ employer: "university" }), papers("us-abode", "university-employee-notice")), computers), (code) => !inD5.has(code) && !embargoed.has(code) && !withoutNs1.has(code)],
  ["APP within the lowest limits, all but E:1 and E:2 (740.7)", "deemed-export-ns", (code) => atTenWeightedTeraflops(asks(someone(code, papers("visa-in-force")), { eccn: "4E001", paragraph: "4A003.b" })), (code) => !embargoed.has(code) && !withoutNs1.has(code)],
  ["APP above every limit, A:5 alone (740.7(c))", "deemed-export-ns", (code) => stating(asks(someone(code, papers("visa-in-force")), { eccn: "4E001", paragraph: "4A003.b" }), { computer: { peakPerformanceWt: 9_999, purpose: "use" } }), (code) => inA5.has(code) && !withoutNs1.has(code)],
  ["TSR, Country Group B without D:1, E:1, E:2, Sudan and Ukraine (740.6(a))", "deemed-export-ns", (code) => asks(someone(code, papers("tsr-written-assurance")), circuits), (code) => inB.has(code) && !inD1.has(code) && !embargoed.has(code) && !["SD", "UA"].includes(code) && !withoutNs1.has(code)],
  ["STA, A:5 without the United Arab Emirates, and A:6 (740.20(c), 740.2(a)(26))", "deemed-export-ns", (code) => atTenWeightedTeraflops(asks(someone(code, papers("sta-eccn-furnished", "sta-consignee-statement")), computers)), (code) => (inA5.has(code) ? code !== "AE" : inA6.has(code)) && !withoutNs1.has(code)],
  ["ENC for employees of U.S. companies, all but E:1 and E:2 (740.17(a)(2))", "deemed-export-ei", (code) => asks(someone(code, works(), papers("enc-internal-use")), encryption), (code) => !embargoed.has(code)],
  ["ENC for users that are no government, outside D:1, E:1 and E:2 (740.17(b)(2)(iv)(B)); in Ukraine 746.6 closes it", "export-ei", (code) => stating(asks(someone("FR", works()), { ...encryption, to: code }), { statements: ["encryption-classified"] }), (code) => !inD1.has(code) && !embargoed.has(code) && !["UA", "BY", "RU"].includes(code)],
  ["GOV for the U.S. Government, all but E:1 and E:2 (740.11(b)(2))", "deemed-export-ns", (code) => asks(someone(code, works({ employer: "us-government" }), papers("official-use")), computers), (code) => !embargoed.has(code) && !withoutNs1.has(code)],
  ["GOV for cooperating governments, A:1 with Singapore and Taiwan (740.11(c))", "deemed-export-ns", (code) => asks(someone(code, works({ headquarters: code, employer: "foreign-government" }), papers("official-use")), computers), (code) => (cooperating.has(code) || ["SG", "TW"].includes(code)) && !withoutNs1.has(code)],
  ["AIA for weights, outside Macau, D:5, E:1 and E:2 (740.27); in Ukraine 746.6 closes it", "export-rs", (code) => asks(someone("US", works(), papers("aia-certification", "aia-facility")), { to: code }), (code) => !closedToWeights.has(code)],
  ["ACM for the lower tier, outside Macau, D:5, E:1 and E:2 (740.28)", "export-rs", (code) => asks(someone("US", works(), papers("acm-accounts")), { ...lowerTier, to: code }), (code) => (code === "AE" || (advanced.has(code) && !inA5.has(code) && !inA6.has(code))) && !closedToWeights.has(code)],
];

test.each(walks)("every country: %s", (_, check, facts, covers) => {
  for (const code of rulebook.countries.map((country) => country.code)) {
    if (code === "US") continue;
    const found = decide(facts(code), rulebook).checks.find(({ check: id }) => id === check);
    expect([code, found?.outcome === "covered"]).toEqual([code, covers(code)]);
  }
});

/** A condition as the tables write it. */
function toldIn(condition: ExceptionCondition): string {
  const { kind } = condition;
  if (kind === "acknowledged")
    return `${kind} ${condition.what}${condition.byItem ? " by item" : ""}`;
  if (kind === "stated") return `${kind} ${condition.what}`;
  if (kind === "employer") return `${kind} ${condition.employers.join(" ")}`;
  return kind === "no-status-in" ? `${kind} ${condition.groups.join(" ")}` : kind;
}

function wordsOf(cell: string): readonly string[] {
  return cell.split(" ").filter((word) => word !== "");
}
