import type { Threshold } from "./rule.ts";

const list = "15 CFR Part 774, Supp. No. 1, ECCN";

const common = {
  asOf: "2026-07-23",
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
} as const;

const operations = { unit: "operations" } as const;
const performance = { relation: ">=", unit: "TPP" } as const;
const density = { relation: ">=", unit: "TPP/mm2" } as const;
const memory = { unit: "GB/s/mm2" } as const;
const bits = {
  relation: ">",
  unit: "bits",
  citation: `${list} 5A002.a, Technical Notes 1 and 2`,
} as const;

/** Every number that the arithmetic of a datasheet compares with. The relation says whether the boundary itself is included. */
export const thresholds: readonly Threshold[] = [
  {
    ...common,
    ...operations,
    id: "threshold-training-operations",
    name: "trainingOperations",
    citation: `${list} 4E091`,
    relation: ">=",
    value: "1e26",
    note: "Printed with requirements that BIS said it will not enforce; the entry's number stands as printed.",
  },
  {
    ...common,
    id: "threshold-synthetic-share",
    name: "syntheticShare",
    citation: `${list} 4E091, Technical Note 3`,
    relation: ">",
    value: "0.1",
    unit: "of the operations",
  },
  {
    ...common,
    ...operations,
    id: "threshold-extra-operations",
    name: "extraOperations",
    citation: `${list} 4E091, Note 1`,
    relation: ">",
    value: "2.5e25",
    note: "The higher of this and the share counts.",
  },
  {
    ...common,
    id: "threshold-extra-share",
    name: "extraShare",
    citation: `${list} 4E091, Note 1`,
    relation: ">",
    value: "0.25",
    unit: "of the operations",
    note: "The higher of this and the number of operations counts.",
  },
  {
    ...common,
    ...performance,
    id: "threshold-higher-performance",
    name: "higherPerformance",
    citation: `${list} 3A090.a`,
    value: "4800",
    note: "3A090.b.1 ends below it, and Note 2 speaks of what is below it.",
  },
  {
    ...common,
    ...performance,
    id: "threshold-lower-performance",
    name: "lowerPerformance",
    citation: `${list} 3A090.b`,
    value: "2400",
  },
  {
    ...common,
    ...performance,
    id: "threshold-least-performance",
    name: "leastPerformance",
    citation: `${list} 3A090.a and .b`,
    value: "1600",
  },
  {
    ...common,
    ...density,
    id: "threshold-higher-density",
    name: "higherDensity",
    citation: `${list} 3A090.a`,
    value: "5.92",
    note: "3A090.b ends below it.",
  },
  {
    ...common,
    ...density,
    id: "threshold-middle-density",
    name: "middleDensity",
    citation: `${list} 3A090.b`,
    value: "3.2",
  },
  {
    ...common,
    ...density,
    id: "threshold-lower-density",
    name: "lowerDensity",
    citation: `${list} 3A090.b`,
    value: "1.6",
  },
  {
    ...common,
    ...memory,
    id: "threshold-memory-density",
    name: "memoryDensity",
    citation: `${list} 3A090.c and its Technical Note`,
    relation: ">",
    value: "2",
  },
  {
    ...common,
    ...memory,
    id: "threshold-memory-exception-density",
    name: "memoryExceptionDensity",
    citation: "15 CFR 740.25",
    relation: "<",
    value: "3.3",
  },
  { ...common, ...bits, id: "threshold-symmetric-bits", name: "symmetricBits", value: "56" },
  {
    ...common,
    ...bits,
    id: "threshold-factorization-bits",
    name: "factorizationBits",
    value: "512",
  },
  { ...common, ...bits, id: "threshold-field-bits", name: "fieldBits", value: "512" },
  { ...common, ...bits, id: "threshold-group-bits", name: "groupBits", value: "112" },
];
