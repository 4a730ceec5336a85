import { decimal } from "./decimal.ts";

/** The date of the text of the Commerce Control List that these numbers and notes were read in. */
export const thresholdsAsOf = "2026-07-23";

const list = "15 CFR Part 774, Supp. No. 1, ECCN";

/** Where each number of the list stands. Exact decimals; whether a boundary is included stands beside each use. */
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

export const thresholds = {
  /** 4E091: this many training operations or more. */
  trainingOperations: decimal("1e26"),
  /** Technical Note 3: more than this share of the operations. */
  syntheticShare: decimal("0.1"),
  /** Note 1: more than the higher of this and a quarter of all training operations. */
  extraOperations: decimal("2.5e25"),
  /** 3A090.a: this or more alone, or the least of both with the density. */
  higherPerformance: decimal("4800"),
  /** 3A090.b.1: this or more, and less than the higher performance. */
  lowerPerformance: decimal("2400"),
  /** 3A090.a.2 and .b.2: this or more. */
  leastPerformance: decimal("1600"),
  /** Performance per square millimetre: this or more for .a.2; less for .b. */
  higherDensity: decimal("5.92"),
  /** 3A090.b.2: this or more. */
  middleDensity: decimal("3.2"),
  /** 3A090.b.1: this or more. */
  lowerDensity: decimal("1.6"),
  /** 3A090.c: more than this many gigabytes a second for each square millimetre. */
  memoryDensity: decimal("2"),
  /** License Exception HBM: less than this. */
  memoryExceptionDensity: decimal("3.3"),
} as const;

/** Technical Note 2 of 5A002.a: a described algorithm has more bits than these; the last kind counts whatever its length. */
export const describedAlgorithms = {
  symmetric: { bits: 56, rests: "a symmetric key" },
  factorization: { bits: 512, rests: "the factorization of integers" },
  "discrete-logarithm-field": {
    bits: 512,
    rests: "discrete logarithms in the multiplicative group of a finite field",
  },
  "discrete-logarithm-group": { bits: 112, rests: "discrete logarithms in another group" },
  "post-quantum": { bits: null, rests: "lattices, isogenies or random codes" },
} as const;
