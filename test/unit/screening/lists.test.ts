import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { parseConsolidatedList } from "../../../src/screening/csl.ts";
import { buildIndex, isComparable, match } from "../../../src/screening/index.ts";
import { ListError, type ScreeningList, sourceCode } from "../../../src/screening/list.ts";
import { parseSdnList } from "../../../src/screening/ofac.ts";
import { sampleList } from "../../../src/screening/sample-list.ts";

const about = { name: "A list", asOf: "2026-07-31", kind: "loaded" } as const;
const header = "_id,source,entity_number,type,name,alt_names";
const denied = "Denied Persons List (DPL) - Bureau of Industry and Security";
const csl = (text: string) => parseConsolidatedList(text, about);
const sdn = (text: string, alternates = "") => parseSdnList({ sdn: text, alternates }, about);
const sdnRow = (number: string, name: string) =>
  `${number},"${name}",-0- ,"CUBA"${",-0- ".repeat(8)}`;

test("the CSV of the Consolidated Screening List gives entries with code, number and alternate names", () => {
  const text = `${header}\r\nx1,"${denied}",,,"HERON, Ada","Ada Q. Heron; A. Heron"\r\nx2,Other list,77,Entity,Heron Ltd,\r\n`;
  const list = csl(text);
  expect(list.entries).toEqual([
    {
      source: "DPL",
      entry: "x1",
      name: "HERON, Ada",
      alternateNames: ["Ada Q. Heron", "A. Heron"],
      type: "",
    },
    { source: "OTHER", entry: "77", name: "Heron Ltd", alternateNames: [], type: "Entity" },
  ]);
  expect(list).toMatchObject(about);
});

test("the digest is the SHA-256 of the bytes that were parsed", () => {
  const text = `${header}\nx1,${denied},,,Héron,\n`;
  expect(csl(text).digest).toBe(createHash("sha256").update(text, "utf8").digest("hex"));
});

test("the consolidated JSON gives the same entries as the CSV", () => {
  const json = JSON.stringify({
    results: [
      { id: "x1", source: denied, name: "HERON, Ada", alt_names: ["Ada Q. Heron", "A. Heron"] },
      {
        id: "x2",
        entity_number: 77,
        source: "Other list",
        type: "Entity",
        name: "Heron Ltd",
        alt_names: null,
      },
    ],
  });
  const text = `${header}\nx1,"${denied}",,,"HERON, Ada","Ada Q. Heron; A. Heron"\nx2,Other list,77,Entity,Heron Ltd,\n`;
  expect(csl(json).entries).toEqual(csl(text).entries);
});

test("the JSON with shortened keys resolves its sources, and numbers what the list does not", () => {
  const json = JSON.stringify({
    entryCount: 2,
    fieldKey: { n: "name" },
    tables: { sources: [denied] },
    entries: [
      { n: "Heron", s: 0, a: ["Ada"] },
      { n: "Egret", s: 0, e: "9", t: "Individual" },
    ],
  });
  expect(csl(json).entries).toEqual([
    { source: "DPL", entry: "#1", name: "Heron", alternateNames: ["Ada"], type: "" },
    { source: "DPL", entry: "9", name: "Egret", alternateNames: [], type: "Individual" },
  ]);
});

test.each([
  ["an empty file", "", /line 1: the header has no column _id/],
  ["a header alone", `${header}\n`, /lists nobody/],
  ["another header", "id,who\n1,Heron\n", /line 1: the header has no column _id/],
  [
    "a row too short",
    `${header}\nx1,${denied},,,Heron,\nx2,${denied},,,Egret\n`,
    /line 3: 5 fields where the header has 6/,
  ],
  ["a row without a name", `${header}\nx1,${denied},,," ",\n`, /line 2: no name/],
  ["a row without a source", `${header}\nx1,,,,Heron,\n`, /line 2: no source/],
  [
    "a quote that never closes",
    `${header}\nx1,"${denied},,,Heron,\n`,
    /line 2: a quoted field never ends/,
  ],
  ["broken JSON", '{"results": [', /not JSON/],
  ["an array", "[]", /not an object/],
  ["JSON of something else", "{}", /neither/],
  ["JSON without entries", '{"results": []}', /lists nobody/],
  ["a result that is no object", '{"results": [7]}', /result 1: not an object/],
  [
    "a result without a name",
    `{"results": [{"id": "1", "source": "${denied}"}]}`,
    /result 1: no name/,
  ],
  [
    "alternate names that are no text",
    `{"results": [{"id": "1", "source": "${denied}", "name": "H", "alt_names": [7]}]}`,
    /result 1: `alt_names` is not a list of text/,
  ],
  [
    "a name that is no text",
    `{"results": [{"id": "1", "source": "${denied}", "name": {}}]}`,
    /result 1: `name` is not text/,
  ],
  [
    "fewer entries than declared",
    '{"entryCount": 2, "fieldKey": {}, "tables": {"sources": ["S"]}, "entries": [{"n": "H", "s": 0}]}',
    /1 entries where the file declares 2/,
  ],
  [
    "a source outside the table",
    '{"fieldKey": {}, "tables": {"sources": ["S"]}, "entries": [{"n": "H", "s": 4}]}',
    /entry 1: its source is not in the table/,
  ],
])("refuses %s as a whole", (_name, text, message) => {
  expect(() => csl(text)).toThrow(ListError);
  expect(() => csl(text)).toThrow(message);
});

test("OFAC's files give names and alternate names, and -0- is nothing", () => {
  const list = sdn(`${sdnRow("36", "HERON AIRLINES")}\n\u001a`, '36,12,"aka","AERO-HERON",-0- \n');
  expect(list.entries).toEqual([
    {
      source: "SDN",
      entry: "36",
      name: "HERON AIRLINES",
      alternateNames: ["AERO-HERON"],
      type: "",
    },
  ]);
});

test("an alternate name whose entry is missing is not lost", () => {
  const list = sdn(sdnRow("36", "HERON AIRLINES"), '99,1,"aka","EGRET LINES",-0- \n');
  expect(match(buildIndex(list), ["Egret Lines"])).toMatchObject([{ source: "SDN", entry: "99" }]);
});

test.each([
  ["a row of another width", "1,HERON", "", /SDN.CSV line 1: 2 fields, not 12/],
  [
    "a row without a name",
    `${sdnRow("1", "HERON")}\n${sdnRow("2", "-0- ")}`,
    "",
    /SDN.CSV line 2: no name/,
  ],
  [
    "an alternate of another width",
    sdnRow("1", "HERON"),
    "1,2,aka\n",
    /ALT.CSV line 1: 3 fields, not 5/,
  ],
  ["a quote that never closes", '1,"HERON', "", /SDN.CSV line 1: a quoted field never ends/],
  ["files without entries", "", "", /lists nobody/],
])("refuses OFAC's files with %s", (_name, text, alternates, message) => {
  expect(() => sdn(text, alternates)).toThrow(message);
});

test.each([
  [denied, "DPL"],
  ["Non-SDN Menu-Based Sanctions List (NS-MBS List) - Treasury Department", "NS-MBS"],
  ["Military End User (MEU) List - Bureau of Industry and Security", "MEU"],
  ["Some list (of note)", "OTHER"],
])("the code of %s is %s", (source, code) => {
  expect(sourceCode(source)).toBe(code);
});

test("a match gives each listed party once, in the order of the list, and says by which name", () => {
  const index = buildIndex(sampleList);
  expect(
    match(index, ["isolda van der poel", "Isolde VANTERPOEL", "ZLW computing", "nobody at all"]),
  ).toEqual([
    {
      source: "EL",
      entry: "SAMPLE-2",
      listedName: "ZLW Computing",
      askedName: "ZLW computing",
      by: "alternate",
    },
    {
      source: "SDN",
      entry: "SAMPLE-4",
      listedName: "Isolda van der Poel",
      askedName: "isolda van der poel",
      by: "alternate",
    },
  ]);
  expect(match(index, [])).toEqual([]);
  expect(match(index, ["--"])).toEqual([]);
});

test("a party is compared by any one name that can be, and by none that cannot", () => {
  expect(isComparable(["--", "Ada Heron"])).toBe(true);
  expect(isComparable(["--", ""])).toBe(false);
  expect(isComparable([])).toBe(false);
});

const result = { source: denied, id: "x1", name: "Heron" };
const dated = (stated: object, asOf: string | null) =>
  parseConsolidatedList(JSON.stringify({ ...stated, results: [result] }), { ...about, asOf }).asOf;

test("a list that states when it was made is as old as it says", () => {
  const stated = { search_performed_at: "2026-07-31T13:15:00.015113" };
  expect(dated(stated, null)).toBe("2026-07-31T13:15:00.015Z");
  expect(dated(stated, "2026-11-22T00:00:00.000Z")).toBe("2026-07-31T13:15:00.015Z");
  const inZone = { search_performed_at: "2026-07-31T13:15:00-04:00" };
  expect(dated(inZone, null)).toBe("2026-07-31T17:15:00.000Z");
});

test("no statement of a list makes it newer than its publisher's date", () => {
  const stated = { search_performed_at: "2026-11-22T00:00:00Z" };
  expect(dated(stated, "2026-07-31T00:00:00.000Z")).toBe("2026-07-31T00:00:00.000Z");
});

test("a list whose statement cannot be read has the publisher's date or none", () => {
  expect(dated({ search_performed_at: "yesterday" }, "2026-07-31")).toBe("2026-07-31");
  expect(dated({ search_performed_at: "yesterday" }, null)).toBeNull();
  expect(dated({ search_performed_at: "2026-07-99T00:00:00Z" }, null)).toBeNull();
  expect(dated({}, null)).toBeNull();
});

test("the sample list says that it is one", () => {
  expect(sampleList.kind).toBe("sample");
  expect(sampleList.entries.every(({ entry }) => entry.startsWith("SAMPLE-"))).toBe(true);
  expectEveryNameToMatchItself(sampleList);
});

const source = new URL("../../../../shared/screening/", import.meta.url);
const testReal = existsSync(source) ? test : test.skip;
if (!existsSync(source)) console.warn("skipped: the real lists are not at ../shared/screening");
const real = (name: string) => readFileSync(new URL(name, source), "utf8");

testReal(
  "the whole Consolidated Screening List of 2026-07-31 parses, and every name in it matches itself",
  () => {
    const list = csl(real("csl_2026-07-31_reduced.json"));
    expect(list.entries).toHaveLength(25_921);
    const undated = { ...about, asOf: null };
    expect(parseConsolidatedList(real("csl_2026-07-31_reduced.json"), undated).asOf).toBe(
      "2026-07-31T13:15:00.015Z",
    );
    const count = (code: string) => list.entries.filter(({ source: each }) => each === code).length;
    expect(["SDN", "EL", "DPL", "UVL", "MEU", "OTHER"].map(count)).toEqual([
      19_181, 3_420, 1_596, 222, 70, 0,
    ]);
    expectEveryNameToMatchItself(list);
    const index = buildIndex(list);
    expect(match(index, ["Zeinab Naiem Mehanna"])).toMatchObject([
      { source: "SDN", entry: "26385", by: "alternate" },
    ]);
    expect(match(index, ["zeinab mehanna talebzadeh"])).toMatchObject([
      { entry: "26385", by: "name" },
    ]);
    expect(match(index, ["Perfectly Ordinary Researcher"])).toEqual([]);
  },
);

testReal("the real CSV header and OFAC's own files parse", () => {
  const list = csl(real("csl_raw_schema_sample.csv"));
  expect(list.entries.length).toBeGreaterThan(10);
  expect(match(buildIndex(list), ["Sinobright Import and Export Company"])).toMatchObject([
    { source: "ISN" },
  ]);
  const ofac = sdn(real("sdn_sample.csv"), real("alt_sample.csv"));
  expect(match(buildIndex(ofac), ["National Bank of Cuba"])).toMatchObject([
    { entry: "306", by: "alternate" },
  ]);
  expectEveryNameToMatchItself(ofac);
});

function expectEveryNameToMatchItself(list: ScreeningList): void {
  const index = buildIndex(list);
  const missing = list.entries.filter(({ source: from, entry, name, alternateNames }) =>
    [name, ...alternateNames].some(
      (each) =>
        isComparable([each]) &&
        !match(index, [each]).some((found) => found.source === from && found.entry === entry),
    ),
  );
  expect(missing).toEqual([]);
  expect(list.entries.filter(({ name }) => !isComparable([name]))).toEqual([]);
}
