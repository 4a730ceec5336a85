import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { decide } from "../../../src/export-control/decide.ts";
import { binds } from "../../../src/export-control/item.ts";
import { hasEffect } from "../../../src/export-control/override.ts";
import { reachesPlace } from "../../../src/export-control/reach.ts";
import {
  countries,
  supplementFiveDestinations,
} from "../../../src/export-control/rulebook/countries.ts";
import type {
  ChartColumn,
  Group,
  Override,
  Requirement,
} from "../../../src/export-control/rulebook/rule.ts";
import {
  digested,
  fits,
  requirementDigest,
  rulebook,
  rulebookDigest,
  withOverrides,
} from "../../../src/export-control/rulebook.ts";
import { parseCsv } from "../../../src/screening/csv.ts";
import { asks, citizen, nationalOf } from "./builders.ts";

const columns = "CB1 CB2 CB3 NP1 NP2 NS1 NS2 MT1 RS1 RS2 FC1 CC1 CC2 CC3 AT1 AT2".split(" ");
const groups = "A:1 A:2 A:3 A:4 A:5 A:6 B D:1 D:2 D:3 D:4 D:5 E:1 E:2".split(" ");

test("every group and column that a row names exists", () => {
  for (const country of countries) {
    for (const column of country.columns) expect(columns).toContain(column);
    for (const group of country.groups) expect(groups).toContain(group);
  }
});

test("D:5, E:1, E:2 and A:6 hold exactly whom the regulation lists", () => {
  const members = (group: Group) =>
    countries
      .filter((country) => country.groups.includes(group))
      .map(({ code }) => code)
      .join(" ");
  expect(members("D:5")).toBe(
    "AF BY CD CF CN CU ER HK HT IQ IR KP LB LY MM NI RU SD SO SS SY VE ZW",
  );
  expect(members("E:1")).toBe("IR KP SY");
  expect(members("E:2")).toBe("CU");
  expect(members("A:6")).toBe("AL CY IL MT MX SG TW ZA");
  expect(members("A:5").split(" ")).toHaveLength(38);
});

test("Hong Kong's row is China's, and Liechtenstein's chart is Switzerland's", () => {
  const row = (code: string) => countries.find((country) => country.code === code);
  expect(row("HK")?.columns).toEqual(row("CN")?.columns);
  expect(row("HK")?.groups).toEqual(row("CN")?.groups);
  expect(row("LI")?.columns).toEqual(row("CH")?.columns);
});

test("the four countries without marks are decided by an embargo, not by the chart's silence", () => {
  for (const code of ["CU", "IR", "KP", "SY"]) {
    expect(countries.find((country) => country.code === code)?.columns).toEqual([]);
    const demand = code === "IR" || code === "KP" ? "unsettled" : "license";
    expect(rulebook.embargoes.find(({ country }) => country === code)).toMatchObject({
      destination: { listed: "license", ear99: "license" },
      nationality: { listed: demand, ear99: demand },
    });
  }
});

test("every row has its own id, a citation, a date and a status, and none is signed by counsel", () => {
  const { entries, exceptions, exceptionListings, staBars, ...more } = rulebook;
  const { requirements, embargoes, lists, principles, regimes } = more;
  const rows = [
    ...[...countries, ...entries, ...requirements, ...embargoes, ...lists, ...principles],
    ...[...exceptions, ...exceptionListings, ...staBars, ...(regimes ?? [])],
    ...[...(more.supplementEight ?? []), ...(more.safeguards ?? []), ...(more.thresholds ?? [])],
  ];
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const { citation, asOf, counsel, status } of rows) {
    expect(citation).not.toBe("");
    expect(["in-force", "not-enforced", "stayed", "superseded"]).toContain(status.kind);
    expect(asOf).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(counsel).toBe("needs-sign-off");
  }
});

test("an entry says from which text it was read, and Supplement No. 5(a) is a row that names its destinations", () => {
  for (const { id, eccn, citation, asOf, status, confidence, note } of rulebook.entries)
    expect({ id, citation, asOf, status, confidence, note }).toEqual({
      id: `entry-${eccn}`,
      citation: `15 CFR Part 774 Supp. No. 1, ${eccn}`,
      asOf: "2026-07-23",
      status: { kind: "in-force" },
      confidence: "text",
      note: "",
    });
  const row = rulebook.principles.find(({ id }) => id === "principle-supplement-five");
  expect(row).toMatchObject({ asOf: "2026-09-24", citation: "15 CFR Part 740 Supp. No. 5(a)" });
  const named = row?.rule.match(/\b[A-Z]{2}\b/g);
  expect(named).toEqual(rulebook.supplementFiveDestinations);
});

test("the RS rows of 742.6(a)(6) leave deemed exports out, and no row for another reason does", () => {
  for (const { id, reason, citation, deemed } of rulebook.requirements) {
    expect([id, deemed === "no"]).toEqual([
      id,
      reason === "RS" && citation.includes("742.6(a)(6)"),
    ]);
  }
});

test("a stayed row binds before and after its stay, and not within", () => {
  const row = { status: { kind: "stayed", from: "2025-11-10", until: "2026-11-09" } } as const;
  const days = ["2025-11-09", "2025-11-10", "2026-11-09", "2026-11-10"];
  expect(days.map((day) => binds(row, `${day}T12:00:00Z`))).toEqual([true, false, false, true]);
});

test("the digest is of the content, and changes with any row", () => {
  const { digest: _, ...content } = rulebook;
  expect(digested(content).digest).toBe(rulebookDigest);
  expect(digested({ ...content, asOf: "2026-09-25" }).digest).not.toBe(rulebookDigest);
  expect(rulebookDigest).toMatch(/^[0-9a-f]{64}$/);
});

function setAsideOf(row: string): Override {
  const requirement = rulebook.requirements.find(({ id }) => id === row);
  return {
    id: "override-1",
    row,
    rowSha256: requirement === undefined ? "" : requirementDigest(requirement),
    action: "set-aside",
    from: "2026-11-01",
    until: "2026-12-31",
    proposedBy: "officer-1",
    approvedBy: "officer-2",
    commitment: "ab".repeat(32),
  };
}
const setAside = setAsideOf("4E091-rs-1");

test("an override sets a requirement aside, shows in the check and changes the digest", () => {
  const overridden = withOverrides(rulebook, [setAside]);
  const decision = decide(asks(citizen, { to: "DE" }), overridden);
  const check = decision.checks.find(({ check: id }) => id === "export-rs");
  expect(check).toMatchObject({ outcome: "pass", rows: ["4E091-rs-1"] });
  expect(check?.reason).toContain("override");
  expect(decision.verdict).toBe("allow");
  expect(decision.rulebook).toBe(overridden.digest);
  expect(overridden.digest).not.toBe(rulebookDigest);
});

test("an override of the printed reach leaves the reach that BIS goes on enforcing", () => {
  const worldwide = rulebook.requirements.filter(
    ({ eccn, status }) => eccn === "4D090" && status.kind === "not-enforced",
  );
  const overridden = withOverrides(
    rulebook,
    worldwide.map(({ id }) => setAsideOf(id)),
  );
  const verdictTo = (to: string) => {
    const employment = {
      entityHeadquarters: "US",
      ultimateParentHeadquarters: "US",
      permanentRegular: true,
    };
    const facts = asks({ ...citizen, employment }, { to, eccn: "4D090", paragraph: "4A090.a" });
    return decide(facts, overridden).verdict;
  };
  expect([verdictTo("DE"), verdictTo("VN"), verdictTo("CN")]).toEqual(["allow", "deny", "deny"]);
});

test("neither embargoes nor lists can be overridden, nor anything by one person alone or without days", () => {
  const refused: readonly Partial<Override>[] = [
    { row: "embargo-IR" },
    { row: "list-DPL" },
    { row: "embargo-IR", action: "enforce" },
    { row: "principle-affiliates" },
    { approvedBy: "officer-1" },
    { approvedBy: "" },
    { proposedBy: "" },
    { from: "2026-02-30" },
    { until: "whenever" },
    { from: "2026-12-31", until: "2026-12-30" },
  ];
  for (const change of refused)
    expect(() => withOverrides(rulebook, [{ ...setAside, ...change }])).toThrow(TypeError);
});

test("an override has effect from its first day to its last, and cautiously so at the edges", () => {
  const verdictAt = (at: string, override = setAside) => {
    const facts = { ...asks(citizen, { to: "DE" }), at };
    const checks = decide(facts, withOverrides(rulebook, [override])).checks;
    return checks.find(({ check }) => check === "export-rs")?.outcome;
  };
  const instants = [
    "2026-11-01T04:59:59Z",
    "2026-11-01T05:00:00Z",
    "2026-12-31T23:59:59Z",
    "2027-01-01T00:00:00Z",
  ];
  expect(instants.map((at) => verdictAt(at))).toEqual(["fail", "pass", "pass", "fail"]);
  expect(hasEffect({ ...setAside, action: "enforce" }, "2026-11-01T00:00:00Z")).toBe(true);
  expect(hasEffect({ ...setAside, action: "enforce" }, "2027-01-01T04:59:59Z")).toBe(true);
  expect(hasEffect({ ...setAside, action: "enforce" }, "2027-01-01T05:00:00Z")).toBe(false);
  for (const action of ["set-aside", "enforce"] as const)
    expect(hasEffect({ ...setAside, action, from: "no day" }, instants[1] ?? "")).toBe(
      action === "enforce",
    );
});

test("a requirement that is stayed is enforced by an override, and one that both set aside and enforce is enforced", () => {
  const stayed = {
    ...rulebook,
    requirements: rulebook.requirements.map((row) =>
      row.id === setAside.row
        ? { ...row, status: { kind: "stayed", from: "2026-01-01", until: "2027-12-31" } as const }
        : row,
    ),
  };
  const row = stayed.requirements.find(({ id }) => id === setAside.row);
  const same = { ...setAside, rowSha256: row === undefined ? "" : requirementDigest(row) };
  const enforced = { ...same, id: "override-2", action: "enforce" } as const;
  const outcomeOf = (overrides: readonly Override[]) => {
    const { checks } = decide(asks(citizen, { to: "DE" }), withOverrides(stayed, overrides));
    return checks.find(({ check }) => check === "export-rs");
  };
  expect(outcomeOf([])?.outcome).toBe("not-applicable");
  expect(outcomeOf([enforced])).toMatchObject({
    outcome: "fail",
    reason: expect.stringContaining("override-2 enforces 4E091-rs-1"),
  });
  expect(outcomeOf([same, enforced])?.outcome).toBe("fail");
});

test("an override that sets aside ends with the text that counsel looked at; one that enforces does not", () => {
  const changed = {
    ...rulebook,
    requirements: rulebook.requirements.map((row) =>
      row.id === setAside.row ? { ...row, applies: "something else" } : row,
    ),
  };
  expect(fits(rulebook, setAside)).toBe(true);
  expect(fits(changed, setAside)).toBe(false);
  expect(fits(changed, { ...setAside, action: "enforce" })).toBe(true);
  expect(() => withOverrides(changed, [setAside])).toThrow(TypeError);
  const noted = rulebook.requirements.map((row) => ({ ...row, note: "x", asOf: "2027-01-01" }));
  expect(fits({ requirements: noted }, setAside)).toBe(true);
});

test("a check on a requirement that is printed and not enforced says so", () => {
  const { checks } = decide(asks(nationalOf("DE")), rulebook);
  const check = checks.find(({ check: id }) => id === "deemed-export-rs");
  expect(check?.reason).toContain("would not enforce it");
  expect(check?.citation).toBe("15 CFR 742.6(a)(13)");
});

const source = new URL("../../../../shared/regulatory/", import.meta.url);
const testSource = existsSync(source) ? test : test.skip;
if (!existsSync(source))
  console.warn("skipped: the regulatory tables are not at ../shared/regulatory");

function table(name: string): readonly Readonly<Record<string, string>>[] {
  const [header, ...records] = parseCsv(readFileSync(new URL(name, source), "utf8"));
  return records.map(({ fields }) =>
    Object.fromEntries((header?.fields ?? []).map((column, at) => [column, fields[at] ?? ""])),
  );
}

testSource("every country and every column of the chart agrees with the published table", () => {
  const facts = asks(citizen);
  const published = table("country_chart.csv");
  expect(published).toHaveLength(201);
  for (const row of published) {
    for (const column of columns) {
      const reach = { kind: "chart", column: column as ChartColumn } as const;
      const where = `${row.iso2} ${column}`;
      expect([where, reachesPlace({ rulebook, facts }, { reach }, row.iso2 ?? "")]).toEqual([
        where,
        row[column] === "X",
      ]);
    }
    const ours = countries.find(({ code }) => code === row.iso2);
    expect(ours?.footnotes.join(" ")).toBe(row.footnotes);
  }
});

testSource("every country and every group agrees with the published table", () => {
  const published = table("country_groups.csv");
  expect(new Set(published.map(({ iso2 }) => iso2))).toEqual(
    new Set(countries.map(({ code }) => code)),
  );
  for (const row of published) {
    expect([row.iso2, countries.find(({ code }) => code === row.iso2)?.groups.join(" ")]).toEqual([
      row.iso2,
      row.groups,
    ]);
  }
});

testSource("Supplement No. 5(a) agrees with the published table", () => {
  const published = table("supp5_part740_aia_destinations.csv").map(({ iso2 }) => iso2);
  expect(new Set(published)).toEqual(new Set(supplementFiveDestinations));
});

type PublishedEntry = {
  readonly eccn: string;
  readonly countryChart: readonly { readonly control: string; readonly countryChart: string }[];
};

testSource(
  "every entry states the published reasons, columns and worldwide controls, and no others",
  () => {
    const text = readFileSync(new URL("ccl_ai_eccns_2026-07-23.json", source), "utf8");
    const { entries } = JSON.parse(text) as { readonly entries: readonly PublishedEntry[] };
    expect(rulebook.entries.map(({ eccn }) => eccn).sort()).toEqual(
      entries.map(({ eccn }) => eccn).sort(),
    );
    for (const { eccn, countryChart } of entries) {
      const published = countryChart.map(
        ({ control, countryChart: where }) => `${control.slice(0, 2)} ${kindOfReach(where)}`,
      );
      const ours = rulebook.requirements
        .filter((row) => row.eccn === eccn && !addedByUs(row))
        .map((row) => `${row.reason} ${kindOfRow(row)}`);
      const expected = published.length > 0 ? published : ["RS worldwide"];
      expect([eccn, ...ours.sort()]).toEqual([eccn, ...expected.sort()]);
    }
  },
);

/** What the entries do not print: the reach that BIS enforces, and in 3E001 the wider text to which the entry refers. */
function addedByUs({ id, citation }: Requirement): boolean {
  return citation.endsWith("as enforced") || id === "3E001-rs-5";
}

function kindOfReach(where: string): string {
  const column = /^(\w\w) Column (\d)/.exec(where);
  if (column !== null) return column[1] === "AT" ? "places" : `chart ${column[1]}${column[2]}`;
  return /worldwide|742\.15/i.test(where) && !where.startsWith("To or within D:1")
    ? "worldwide"
    : "places";
}

function kindOfRow({ reach }: Requirement): string {
  if (reach.kind === "chart") return `chart ${reach.column}`;
  return reach.kind === "exported-from" ? "worldwide" : reach.kind;
}
