import type { Requirement } from "../../../../src/export-control/rulebook/rule.ts";

/** What one control says, without its entry: for which reason, where it bites, by which section, and whether it reaches deemed exports. */
type Control = Pick<Requirement, "reason" | "reach" | "citation" | "deemed" | "confidence"> & {
  readonly isEnforced: boolean;
};

const inChart = (column: Extract<Requirement["reach"], { kind: "chart" }>["column"]): Control => ({
  reason: column.slice(0, 2) as Requirement["reason"],
  reach: { kind: "chart", column },
  citation: `15 CFR 738.4(a)(2); Commerce Country Chart, ${column.slice(0, 2)} column ${column.slice(2)}`,
  deemed: "yes",
  confidence: "text",
  isEnforced: true,
});
const worldwide = { kind: "worldwide" } as const;
const macauOrD5 = {
  kind: "places",
  groups: ["D:5"],
  countries: ["MO"],
  except: [],
  headquarters: false,
} as const;
const asPrinted = { deemed: "yes", confidence: "text", isEnforced: true } as const;
const notDeemed = { ...asPrinted, deemed: "no" } as const;

/** Every control that an entry of the rulebook can name, by the short word that the tables use. */
export const controls = {
  NS1: inChart("NS1"),
  NS2: inChart("NS2"),
  MT1: inChart("MT1"),
  NP1: inChart("NP1"),
  RS1: inChart("RS1"),
  RS2: inChart("RS2"),
  CC1: inChart("CC1"),
  /** The whole entry, through 742.8 (Iran), 742.9 (Syria) and 742.19 (North Korea): the column itself has no mark. */
  AT: {
    ...asPrinted,
    reason: "AT",
    reach: { ...macauOrD5, groups: ["E:1"], countries: [] },
    citation: "15 CFR 742.8, 742.9, 742.19",
  },
  /** The higher tier of advanced computing, worldwide as 90 FR 4544 prints it and BIS does not enforce it. */
  "higher-printed": {
    ...notDeemed,
    reason: "RS",
    reach: worldwide,
    citation: "15 CFR 742.6(a)(6)(iii)(A), (iv)",
    isEnforced: false,
  },
  /** The higher tier as it stood before: D:1, D:4 and D:5 without A:5 and A:6, and whoever is headquartered in Macau or D:5. */
  "higher-enforced": {
    ...notDeemed,
    reason: "RS",
    reach: {
      kind: "places",
      groups: ["D:1", "D:4", "D:5"],
      countries: [],
      except: ["A:5", "A:6"],
      headquarters: true,
    },
    citation: "15 CFR 742.6(a)(6)(iii), (iv) as enforced",
    confidence: "secondary",
  },
  /** The lower tier: the United Arab Emirates besides, although they are of A:5. */
  lower: {
    ...notDeemed,
    reason: "RS",
    reach: {
      kind: "places",
      groups: ["D:1", "D:4", "D:5"],
      countries: ["AE"],
      except: ["A:5", "A:6"],
      headquarters: true,
    },
    citation: "15 CFR 742.6(a)(6)(iii)(B), (iv)",
  },
  /** To Macau and D:5. */
  "macau-d5": {
    ...notDeemed,
    reason: "RS",
    reach: macauOrD5,
    citation: "15 CFR 742.6(a)(6)(i), (iv)",
  },
  /** The same for memory of 3A090.c. */
  "macau-d5-memory": {
    ...notDeemed,
    reason: "RS",
    reach: macauOrD5,
    citation: "15 CFR 742.6(a)(6)(i)(B), (iv)",
  },
  /** The same places for national security, where nothing takes deemed exports out. */
  "macau-d5-ns": {
    ...asPrinted,
    reason: "NS",
    reach: macauOrD5,
    citation: "15 CFR 742.4(a)(4)",
  },
  /** Out of Macau or D:5. */
  "out-of-d5": {
    ...notDeemed,
    reason: "RS",
    reach: { kind: "exported-from", groups: ["D:5"] },
    citation: "15 CFR 742.6(a)(6)(ii)",
  },
  /** Manufacturing equipment, worldwide. */
  "equipment-ns": {
    ...asPrinted,
    reason: "NS",
    reach: worldwide,
    citation: "15 CFR 742.4(a)(5)",
  },
  "equipment-rs": {
    ...asPrinted,
    reason: "RS",
    reach: worldwide,
    citation: "15 CFR 742.6(a)(10)",
  },
  /** Model weights, worldwide as printed and not enforced, without the employees that the section describes. */
  weights: {
    reason: "RS",
    reach: worldwide,
    citation: "15 CFR 742.6(a)(13)",
    deemed: "not-employees",
    confidence: "text",
    isEnforced: false,
  },
  EI: {
    ...asPrinted,
    reason: "EI",
    reach: worldwide,
    citation: "15 CFR 742.15",
    confidence: "inferred",
  },
  /** The temporary controls of 0Y521. */
  temporary: {
    ...asPrinted,
    reason: "RS",
    reach: worldwide,
    citation: "15 CFR 742.6(a)(8); Part 774 Supp. No. 5",
    confidence: "inferred",
  },
} as const satisfies Readonly<Record<string, Control>>;

/** The words of what an entry controls an item by, as the tables write them. */
export type Controls = readonly (readonly [paragraphs: string, controls: string])[];

/** One entry: what it names, and by which controls each paragraph is caught that an item is, or is for. */
export type EntryTable = {
  readonly eccn: string;
  readonly kind: "commodity" | "software" | "technology";
  /** Everything together, where no paragraph is stated or none that the entry knows. */
  readonly whole: string;
  readonly paragraphs: Controls;
};
