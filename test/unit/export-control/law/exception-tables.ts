import type { ExceptionSymbol } from "../../../../src/export-control/rulebook/rule.ts";

/** One paragraph of Part 740 as the table states it; lists are words with spaces between them. */
export type ExceptionTable = {
  readonly id: string;
  readonly citation: string;
  readonly acts: string;
  readonly kinds: string;
  readonly eccns: string | null;
  readonly reasons: string;
  /** Whether any other reason that asks for a license closes it. */
  readonly alone: boolean;
  /** Reasons on the item that close it, be a license required for them or not. */
  readonly never: string;
  readonly listed: "in-entry" | "own-terms";
  /** What 740.2(a)(9)(ii) leaves it open for. */
  readonly advanced: "open" | "weights" | "closed";
  readonly enforced: boolean;
  readonly confidence: "text" | "inferred";
  /** Kind and detail of each condition; null where the cases of the policies hold them. */
  readonly conditions: readonly string[] | null;
};

const acts = "export deemed-export";
const kinds = "software technology";
const plain = {
  acts,
  kinds,
  eccns: null,
  alone: false,
  never: "",
  listed: "own-terms",
  advanced: "closed",
  enforced: true,
  confidence: "text",
} as const;
const unrestricted = { ...plain, reasons: "NS NP RS CC", never: "MT EI" } as const;
const computers = {
  ...plain,
  acts: "deemed-export",
  eccns: "4D001 4E001",
  reasons: "NS",
  listed: "in-entry",
  confidence: "inferred",
  conditions: null,
} as const;

/** 15 CFR 740.6, .7, .11, .13, .17, .20, .27 and .28 as of 2026-09-24: what each paragraph is for, what closes it and what it asks for. */
export const exceptionTables: readonly ExceptionTable[] = [
  {
    ...unrestricted,
    id: "exception-tsu-a",
    citation: "15 CFR 740.13(a)",
    advanced: "open",
    conditions: [
      "stated minimum-operation",
      "object-code",
      "acknowledged earlier-export-to-recipient",
    ],
  },
  {
    ...unrestricted,
    id: "exception-tsu-c",
    citation: "15 CFR 740.13(c)",
    kinds: "software",
    advanced: "open",
    conditions: [
      "stated bug-fix",
      "object-code",
      "acknowledged earlier-export-to-recipient by item",
    ],
  },
  {
    ...unrestricted,
    id: "exception-tsu-d",
    citation: "15 CFR 740.13(d)",
    kinds: "software",
    confidence: "inferred",
    conditions: ["stated mass-market"],
  },
  {
    ...unrestricted,
    id: "exception-tsu-f",
    citation: "15 CFR 740.13(f)",
    acts: "deemed-export",
    conditions: [
      "employer university",
      "us-parent",
      "permanent-regular",
      "received-in-us",
      "no-status-in D:5",
      "acknowledged us-abode",
      "acknowledged university-employee-notice",
    ],
  },
  {
    ...unrestricted,
    id: "exception-tsu-g",
    citation: "15 CFR 740.13(g)",
    kinds: "technology",
    conditions: ["stated copy-of-authorized", "acknowledged earlier-export-to-recipient by item"],
  },
  { ...computers, id: "exception-app-a5", citation: "15 CFR 740.7(b), (c)" },
  { ...computers, id: "exception-app-others", citation: "15 CFR 740.7(b), (d)" },
  {
    ...plain,
    id: "exception-tsr",
    citation: "15 CFR 740.6(a)",
    reasons: "NS",
    alone: true,
    listed: "in-entry",
    conditions: ["acknowledged tsr-written-assurance by item"],
  },
  {
    ...plain,
    id: "exception-enc-a-2",
    citation: "15 CFR 740.17(a)(2)",
    acts: "deemed-export",
    reasons: "NS EI",
    listed: "in-entry",
    conditions: [
      "employer private-sector",
      "us-parent",
      "engaged",
      "no-status-in E:1 E:2",
      "acknowledged enc-internal-use",
    ],
  },
  {
    ...plain,
    id: "exception-enc-b-2-iv-b",
    citation: "15 CFR 740.17(b)(2)(iv)(B)",
    eccns: "5E002",
    reasons: "NS EI",
    listed: "in-entry",
    conditions: [
      "stated encryption-classified",
      "employer private-sector university",
      "no-status-in D:1 E:1 E:2",
    ],
  },
  {
    ...plain,
    id: "exception-gov-b-2",
    citation: "15 CFR 740.11(b)(2)",
    reasons: "NS NP RS CC",
    never: "MT EI",
    advanced: "open",
    conditions: ["employer us-government", "acknowledged official-use"],
  },
  {
    ...plain,
    id: "exception-gov-c",
    citation: "15 CFR 740.11(c)",
    reasons: "NS NP RS CC",
    never: "MT EI",
    conditions: [
      "employer foreign-government",
      "employer-of-the-country",
      "acknowledged official-use",
    ],
  },
  {
    ...plain,
    id: "exception-sta-c-1",
    citation: "15 CFR 740.20(c)(1)",
    reasons: "NS NP RS CC",
    alone: true,
    never: "MT EI",
    conditions: [
      "acknowledged sta-eccn-furnished by item",
      "acknowledged sta-consignee-statement by item",
    ],
  },
  {
    ...plain,
    id: "exception-sta-c-2",
    citation: "15 CFR 740.20(c)(2)",
    reasons: "NS",
    alone: true,
    never: "MT EI",
    conditions: [
      "acknowledged sta-eccn-furnished by item",
      "acknowledged sta-consignee-statement by item",
    ],
  },
  {
    ...plain,
    id: "exception-aia",
    citation: "15 CFR 740.27",
    reasons: "RS",
    listed: "in-entry",
    advanced: "weights",
    enforced: false,
    conditions: ["supplement-five", "acknowledged aia-certification", "acknowledged aia-facility"],
  },
  {
    ...plain,
    id: "exception-acm",
    citation: "15 CFR 740.28",
    reasons: "RS",
    listed: "in-entry",
    advanced: "open",
    enforced: false,
    conditions: [
      "employer private-sector",
      "headquarters-outside-macau-and-d5",
      "acknowledged acm-accounts",
    ],
  },
];

/**
 * What the entries for software and technology offer, list-based exception by list-based exception (Supplement No. 1 to Part 774, 2026-07-23): `yes` and
 * `no` name paragraphs, `anything` for any. What the entry does not offer at all is not here.
 */
// biome-ignore format: a table reads by its rows
export const offers: readonly (readonly [eccn: string, symbol: ExceptionSymbol, yes: string, no: string])[] = [
  ["3D001", "TSR", "3A001.b.4 3A001.z.1.a 3B001.q 3B002.a", "3A001.b.8 3A090.a 3A090.b 3A090.c"],
  ["3D001", "AIA", "3A001.z.1.a 3A001.z.2.a 3A001.z.3.a 3A001.z.4.a 3A090.a", "3A001.z.1.b 3A001.z.4.b 3A090.b 3A090.c 3B001.q"],
  ["3D001", "ACM", "3A001.z.1.a 3A001.z.2.b", "3A090.a 3A090.b 3B001.q"],
  ["3E001", "TSR", "3A001.g 3A002.d 3B001.h 3A201", "3A001.b.2 3A001.b.3 3A001.b.8 3A001.e.4 3A090.a 3A090.b 3A090.c"],
  ["4D001", "TSR", "4A001.a 4A003.b 4A004.a", "4A005.d 4A005.z.1 4D004.a 4A003.z.1.a 4A003.z.2.b 4A004.z.1 4A005.z.2"],
  ["4D001", "APP", "4A003.b 4A003.c", "4A003.z.1.a 4A003.z.2.b 4A001.a 4A004.a 4A005.d"],
  ["4D001", "AIA", "4A003.z.1.a 4A003.z.2.a 4A004.z.1 4A005.z.1", "4A003.z.1.b 4A003.z.2.b 4A004.z.2 4A005.z.2 4A003.b"],
  ["4D001", "ACM", "4A003.z.1.a 4A003.z.2.b", "4A004.z.1 4A005.z.1 4A003.b"],
  ["4D090", "AIA", "4A090.a", "4A090.b"],
  ["4D090", "ACM", "4A090.a 4A090.b", ""],
  ["4E001", "TSR", "4A001.a 4A003.b 4A004.a", "4A005.d 4D004.a 4E001.c 4A090.a 4A090.b 4D090.a 4D001.a 4A003.z.1.a 4A004.z.1 4A005.z.2"],
  ["4E001", "APP", "4A003.b 4A003.c", "4A003.z.1.a 4A003.z.2.b 4A001.a 4A004.a 4A005.d"],
  ["4E001", "AIA", "4A003.z.1.a 4A003.z.2.a 4A004.z.1 4A005.z.1 4A090.a 4D001.a 4D090.a", "4A003.z.1.b 4A003.z.2.b 4A004.z.2 4A005.z.2 4A090.b 4D090.b 4A003.b"],
  ["4E001", "ACM", "4A003.z.1.a 4A003.z.2.b 4A004.z.1 4A004.z.2 4A005.z.1 4A005.z.2 4A090.a 4A090.b 4D001.a 4D090.a 4D090.b", "4A003.b 4A004.a 4A001.a 4A005.d"],
  ["4E091", "AIA", "anything", ""],
  ["5D002", "ENC", "anything", ""],
  ["5D002", "AIA", "5D002.z.1.a 5D002.z.2.a 5D002.z.3.a 5D002.z.4.a 5D002.z.5.a 5D002.z.6.a 5D002.z.7.a 5D002.z.8.a 5D002.z.9.a", "5D002.z.1.b 5D002.z.9.b 5D002.a"],
  ["5D002", "ACM", "5D002.z.1.a 5D002.z.9.b", "5D002.a 5D002.b 5D002.c"],
  ["5D992", "AIA", "5D992.z.1", "5D992.z.2 5D992.c"],
  ["5D992", "ACM", "5D992.z.1 5D992.z.2", "5D992.c"],
  ["5E002", "ENC", "anything", ""],
  ["5E002", "AIA", "5A002.z.1.a 5A002.z.2.a 5A002.z.3.a 5A002.z.4.a 5A002.z.5.a 5A004.z.1.a 5A004.z.2.a 5D002.z.1.a", "5A002.z.1.b 5A002.z.5.b 5A004.z.1.b 5A004.z.2.b 5A002.a"],
  ["5E002", "ACM", "5A002.z.1.a 5A002.z.5.b 5A004.z.1.a 5A004.z.2.b 5D002.z.1.b", "5A002.a 5A002.e"],
  ["5E992", "AIA", "5A992.z.1 5D992.z.1", "5A992.z.2 5D992.z.2"],
  ["5E992", "ACM", "5A992.z.1 5A992.z.2 5D992.z.1 5D992.z.2", ""],
];

/** The adjusted peak performance, in weighted teraflops, above which an entry withholds TSR and bars STA to A:6. */
export const performanceLimits = [
  ["4D001", 29],
  ["4E001", 70],
] as const;

/** Where the special conditions of the entries bar STA, whatever the performance: to A:5 and A:6, or to A:6 alone. */
// biome-ignore format: a table reads by its rows
export const staBars: readonly (readonly [eccn: string, both: string, six: string, open: string])[] = [
  ["3D001", "3A090.a 3B001.q", "3A090.b 3A002.g.1", "3A001.b.4 3A090.c 3B001.h 3A002.g.2"],
  ["3D992", "anything", "", ""],
  ["3E001", "3A001.b.2 3A001.b.3 3A090.a 3A090.b 3A090.c", "3A002.g.1 3B001.a.2", "3A001.g 3A002.d 3B001.h"],
  ["3E992", "anything", "", ""],
  ["4D001", "4A003.z.1.a 4A003.z.2.a 4A004.z.1 4A005.z.1 4A005.z.2 4A005.d", "4A001.a.2", "4A001.b 4A003.b 4A003.z.1.b 4A004.z.2"],
  ["4E001", "4A003.z.1.a 4A003.z.2.a 4A004.z.1 4A005.z.1 4A090.a 4D001.a 4D090.a", "4A001.a.2 4A005.d 4A003.z.1.b 4A003.z.2.b 4A004.z.2 4A005.z.2 4A090.b 4D090.b", "4A001.b 4A003.b 4A004.a"],
  ["4E091", "anything", "", ""],
];
