import { type ThresholdName, thresholdNames } from "../rulebook/rule.ts";
import type { Rulebook } from "../rulebook.ts";
import { type Decimal, decimal, written } from "./decimal.ts";

/** The date of the text of the Commerce Control List that the notes were read in. */
export const thresholdsAsOf = "2026-07-23";

const list = "15 CFR Part 774, Supp. No. 1, ECCN";

/** Where each line of the arithmetic stands in the text. */
export const citations = {
  weights: `${list} 4E091`,
  operations: `${list} 4E091, Technical Note 2`,
  syntheticData: `${list} 4E091, Technical Note 3`,
  derived: `${list} 4E091, Note 1`,
  floatingBar: `${list} 4E091, Note 2`,
  published: "15 CFR 734.3(b)(3), 734.7(a)",
  publishedEncryption: "15 CFR 734.7(b), 742.15(b)",
  performance: `${list} 3A090, Technical Notes 1 and 2`,
  density: `${list} 3A090, Technical Note 4`,
  higherTier: `${list} 3A090.a`,
  lowerTier: `${list} 3A090.b`,
  notDatacenter: `${list} 3A090, Note 2`,
  memory: `${list} 3A090.c and its Technical Note`,
  memoryException: "15 CFR 740.25",
  computer: `${list} 4A090`,
  softwareElectronics: `${list} 3D001`,
  technologyElectronics: `${list} 3E001`,
  softwareComputers: `${list} 4D090`,
  technologyComputers: `${list} 4E001`,
  encryption: `${list} 5A002.a, Technical Notes 1 and 2`,
  massMarket: "15 CFR 740.17(b); 5A992.c and 5D992.c of Part 774, Supp. No. 1",
  noEntry: "15 CFR 734.3(c), 738.4(a)(1), 748.3",
} as const;

/** A number of the rulebook, with the row that states it. */
export type Limit = { readonly row: string; readonly value: Decimal };

export type Limits = Readonly<Record<ThresholdName, Limit>>;

/**
 * The numbers that the arithmetic compares with, from the rows of the rulebook; a superseded row is passed over. Throws a TypeError for a rulebook that does not
 * state them all: no arithmetic is done on one that was kept before they were rows.
 */
export function limitsOf({ thresholds = [] }: Pick<Rulebook, "thresholds">): Limits {
  const limits = thresholdNames.map((name) => {
    const row = thresholds.find((each) => each.name === name && each.status.kind !== "superseded");
    if (row === undefined) throw new TypeError(`the rulebook states no ${name}`);
    return [name, { row: row.id, value: decimal(row.value) }] as const;
  });
  return Object.fromEntries(limits) as Limits;
}

/** A number as sentences say it: `10^26`, `2.5 x 10^25`, `4800`. */
export function said({ value }: Limit): string {
  const [digits, power] = written(value).split("e");
  if (power === undefined) return digits ?? "";
  return digits === "1" ? `10^${power}` : `${digits} x 10^${power}`;
}

/** Technical Note 2 of 5A002.a: a described algorithm has more bits than the rulebook's row says; the last kind counts whatever its length. */
export const describedAlgorithms = {
  symmetric: { limit: "symmetricBits", rests: "a symmetric key" },
  factorization: { limit: "factorizationBits", rests: "the factorization of integers" },
  "discrete-logarithm-field": {
    limit: "fieldBits",
    rests: "discrete logarithms in the multiplicative group of a finite field",
  },
  "discrete-logarithm-group": { limit: "groupBits", rests: "discrete logarithms in another group" },
  "post-quantum": { limit: null, rests: "lattices, isogenies or random codes" },
} as const;
