import { entriesAsOf } from "./reaches.ts";
import type { ExceptionListing, ExceptionSymbol, Group, StaBar } from "./rule.ts";

const provenance = {
  asOf: entriesAsOf,
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
} as const;

const advancedComputers = ["4A003.z", "4A004.z", "4A005.z"] as const;
const higherComputers = ["4A003.z.1.a", "4A003.z.2.a", "4A004.z.1", "4A005.z.1"] as const;
const lowerComputers = ["4A003.z.1.b", "4A003.z.2.b", "4A004.z.2", "4A005.z.2"] as const;
const higherCircuits = ["3A001.z.1.a", "3A001.z.2.a", "3A001.z.3.a", "3A001.z.4.a"] as const;

/** The list-based exceptions that the entries for software and technology offer: `Yes`, and to what. What is not here is `No` or `N/A`. */
export const exceptionListings: readonly ExceptionListing[] = [
  offers("3D001", "TSR", {
    except: ["3A001.b.8", "3A090"],
    note: "For tubes of 3A001.b.8 the entry withholds it above 18 GHz; the whole paragraph is taken.",
  }),
  offers("3D001", "AIA", { only: [...higherCircuits, "3A090.a"] }),
  offers("3D001", "ACM", { only: ["3A001.z"] }),
  offers("3E001", "TSR", {
    except: ["3A001.b.2", "3A001.b.3", "3A001.b.8", "3A001.e.4", "3A090"],
    note: "Withheld for MT besides, which the exception's own terms do. For 3A001.b.8 and e.4 the entry withholds a part; the whole paragraph is taken.",
  }),
  offers("4D001", "TSR", {
    except: ["4A005", "4D004", ...advancedComputers],
    aboveWt: 29,
  }),
  offers("4D001", "APP", {
    only: ["4A003"],
    except: ["4A003.z"],
    note: "740.7 reaches computers of 4A003 alone.",
  }),
  offers("4D001", "AIA", { only: higherComputers }),
  offers("4D001", "ACM", { only: ["4A003.z"] }),
  offers("4D090", "AIA", { only: ["4A090.a"] }),
  offers("4D090", "ACM", {}),
  offers("4E001", "TSR", {
    except: ["4A005", "4D004", "4E001.c", "4A090", "4D001", "4D090", ...advancedComputers],
    aboveWt: 70,
    note: "Withheld for technology for software of 4D001 for .z items; the whole of 4D001 is taken.",
  }),
  offers("4E001", "APP", {
    only: ["4A003"],
    except: ["4A003.z"],
    note: "740.7 reaches computers of 4A003 alone.",
  }),
  offers("4E001", "AIA", { only: [...higherComputers, "4A090.a", "4D001", "4D090.a"] }),
  offers("4E001", "ACM", { only: [...advancedComputers, "4A090", "4D001", "4D090"] }),
  offers("4E091", "AIA", {}),
  offers("5D002", "ENC", {}),
  offers("5D002", "AIA", {
    only: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `5D002.z.${number}.a`),
  }),
  offers("5D002", "ACM", { only: ["5D002.z"] }),
  offers("5D992", "AIA", { only: ["5D992.z.1"] }),
  offers("5D992", "ACM", { only: ["5D992.z"] }),
  offers("5E002", "ENC", {}),
  offers("5E002", "AIA", {
    only: [
      ...[1, 2, 3, 4, 5].map((number) => `5A002.z.${number}.a`),
      ...["5A004.z.1.a", "5A004.z.2.a", "5D002"],
    ],
  }),
  offers("5E002", "ACM", { only: ["5A002.z", "5A004.z", "5D002"] }),
  offers("5E992", "AIA", { only: ["5A992.z.1", "5D992.z.1"] }),
  offers("5E992", "ACM", { only: ["5A992.z", "5D992.z"] }),
];

/** The special conditions of the entries that close STA. */
export const staBars: readonly StaBar[] = [
  bars("3D001", 1, ["A:5", "A:6"], { only: ["3A090.a", "3B001.q"] }),
  bars("3D001", 2, ["A:6"], { only: ["3A090.b", "3A002.g.1"] }),
  bars("3D992", 1, ["A:5", "A:6"]),
  bars("3E001", 1, ["A:5", "A:6"], { only: ["3A001.b.2", "3A001.b.3", "3A090"] }),
  bars("3E001", 2, ["A:6"], { only: ["3A002.g.1", "3B001.a.2"] }),
  bars("3E992", 1, ["A:5", "A:6"]),
  bars("4D001", 1, ["A:5", "A:6"], { only: [...higherComputers, "4A005"] }),
  bars("4D001", 2, ["A:6"], { only: ["4A001.a.2"] }),
  bars("4D001", 3, ["A:6"], { aboveWt: 29 }),
  bars("4E001", 1, ["A:5", "A:6"], { only: [...higherComputers, "4A090.a", "4D001", "4D090.a"] }),
  bars("4E001", 2, ["A:6"], {
    only: ["4A001.a.2", "4A005", ...lowerComputers, "4A090.b", "4D001", "4D090.b"],
  }),
  bars("4E001", 3, ["A:6"], { aboveWt: 70 }),
  bars("4E091", 1, ["A:5", "A:6"]),
];

function offers(
  eccn: string,
  symbol: ExceptionSymbol,
  terms: Partial<Pick<ExceptionListing, "only" | "except" | "aboveWt" | "note">>,
): ExceptionListing {
  return {
    ...provenance,
    id: `listing-${eccn}-${symbol.toLowerCase()}`,
    citation: `15 CFR Part 774 Supp. No. 1, ${eccn}, list-based license exceptions`,
    eccn,
    symbol,
    only: null,
    except: [],
    aboveWt: null,
    ...terms,
  };
}

function bars(
  eccn: string,
  number: number,
  groups: readonly Group[],
  terms: Partial<Pick<StaBar, "only" | "aboveWt">> = {},
): StaBar {
  return {
    ...provenance,
    id: `sta-bar-${eccn}-${number}`,
    citation: `15 CFR Part 774 Supp. No. 1, ${eccn}, special conditions for STA`,
    eccn,
    only: null,
    groups,
    aboveWt: null,
    ...terms,
  };
}
