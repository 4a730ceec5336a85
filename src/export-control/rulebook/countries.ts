import { countryRows } from "./country-rows.ts";
import type { ChartColumn, Country, DatedGroup, Group } from "./rule.ts";

/** Rows that need a word, each with how sure we are of it. Every other row was read in the regulation. */
const remarks: Readonly<Record<string, Pick<Country, "confidence" | "note">>> = {
  AE: {
    confidence: "text",
    note: "In A:5 since 91 FR 43038 (July 2026), which helps only the entities of Supplement No. 8 to Part 740; the advanced-computing rows name it besides.",
  },
  CU: {
    confidence: "text",
    note: "No mark in the chart, which is no permission: Part 746 decides.",
  },
  HK: {
    confidence: "inferred",
    note: "No row of its own since 2020-12-23: the entry for China governs (85 FR 83788). The row repeats China's.",
  },
  IQ: {
    confidence: "text",
    note: "746.3 adds requirements for Iraq that the chart does not show.",
  },
  IR: {
    confidence: "text",
    note: "No mark in the chart, which is no permission: Part 746 decides.",
  },
  KH: {
    confidence: "secondary",
    note: "Out of D:5 since 2026 (91 FR 5091, by a secondary source); in D:1 still.",
  },
  KP: {
    confidence: "text",
    note: "No mark in the chart, which is no permission: 742.19 and Part 746 decide.",
  },
  LI: {
    confidence: "inferred",
    note: "Footnote 5 refers to Switzerland, so the chart row repeats it. No Country Group names Liechtenstein.",
  },
  MO: {
    confidence: "text",
    note: "Not in D:5: where the text says `Macau or D:5`, both are meant.",
  },
  PK: {
    confidence: "text",
    note: "Footnote 8 as found repeats the text of footnote 9 on Ukraine, which looks wrong; the number is kept and its text relied on for nothing.",
  },
  SY: {
    confidence: "text",
    note: "No mark in the chart, which is no permission: 746.9 decides. In E:1 on 2026-09-24.",
  },
  UA: {
    confidence: "text",
    note: "746.6 treats Crimea and the so-called DNR and LNR apart from the rest of Ukraine.",
  },
  US: {
    confidence: "text",
    note: "Not in the chart: sending within the United States is no export.",
  },
};

/**
 * What is known to have changed. Neither day of effect was found, so a membership that helps is taken from the earliest text that shows it, and one that restricts until
 * the day before the earliest text without it.
 */
const changes: Readonly<Record<string, readonly DatedGroup[]>> = {
  AE: [{ group: "A:5", from: "2026-07-23", until: null, citation: "91 FR 43038" }],
  KH: [{ group: "D:5", from: null, until: "2026-07-22", citation: "91 FR 5091" }],
};

/** Every country that the rulebook knows. A code that is not here is not known, and holds. */
export const countries: readonly Country[] = countryRows.map(
  ([code, name, groups, columns, footnotes]) => ({
    id: `country-${code}`,
    citation: "15 CFR Part 738 Supp. No. 1; 15 CFR Part 740 Supp. No. 1",
    asOf: "2026-07-23",
    status: { kind: "in-force" },
    counsel: "needs-sign-off",
    confidence: remarks[code]?.confidence ?? "text",
    note: remarks[code]?.note ?? "",
    code,
    name,
    groups: words<Group>(groups),
    ...(changes[code] === undefined ? {} : { dated: changes[code] }),
    columns: words<ChartColumn>(columns),
    footnotes: words<string>(footnotes ?? "").map(Number),
  }),
);

/** Supplement No. 5(a) to Part 740, as of 2026-09-24: the destinations that 742.6(a)(13) and License Exception AIA refer to. */
export const supplementFiveDestinations: readonly string[] = words<string>(
  "AU BE CA DE DK ES FI FR GB IE IT JP KR NL NO NZ SE TW US",
);

/** Split a cell. That every word is a group or column that exists is held by a test. */
function words<Word extends string>(cell: string): readonly Word[] {
  return cell.split(" ").filter((word) => word !== "") as Word[];
}
