import { categoryFive } from "./category-five.ts";
import { categoryFour } from "./category-four.ts";
import { categoryThree } from "./category-three.ts";
import { entriesAsOf } from "./reaches.ts";
import type { Entry, Requirement, StatedEntry } from "./rule.ts";

const stated: readonly StatedEntry[] = [...categoryThree, ...categoryFour, ...categoryFive];

/** The entries of the Commerce Control List that an AI laboratory's files can meet, and those that they refer to. */
export const entries: readonly Entry[] = stated.map(({ eccn, heading, plain }) => ({
  id: `entry-${eccn}`,
  citation: `15 CFR Part 774 Supp. No. 1, ${eccn}`,
  asOf: entriesAsOf,
  status: { kind: "in-force" },
  confidence: "text",
  counsel: "needs-sign-off",
  note: "",
  eccn,
  heading,
  kind: kindOf(eccn),
  plain: plain ?? [],
}));

/** Every license requirement that those entries state. */
export const requirements: readonly Requirement[] = stated.flatMap(({ eccn, requirements: rows }) =>
  rows.map((row, index) => ({
    ...row,
    id: `${eccn}-${row.reason.toLowerCase()}-${index + 1}`,
    eccn,
    asOf: entriesAsOf,
    counsel: "needs-sign-off",
    only: row.only ?? null,
    except: row.except ?? [],
  })),
);

/** The letter of the product group, 15 CFR 738.2(b): D is software, E technology, and A to C are things. */
function kindOf(eccn: string): Entry["kind"] {
  if (eccn[1] === "D") return "software";
  return eccn[1] === "E" ? "technology" : "commodity";
}
