import type { Facts } from "../facts.ts";

/** One thing that would have to come about. */
export type Change = {
  /** A stable name for programs: `approve-classification`. */
  readonly change: string;
  /**
   * `act`: officers do it. `question`: a fact that is not known; only its true answer may be recorded, and the sentence says what
   * follows from it. `authorization`: to be obtained, or recorded as a determination.
   */
  readonly kind: "act" | "question" | "authorization";
  /** A whole sentence for an export officer. It names ids, no person. */
  readonly sentence: string;
};

/** A change and the facts as they would be after it. */
export type Supposed = Change & { readonly apply: (facts: Facts) => Facts };

/** A change that can be supposed in several ways: the first that leads to an allowance is taken, else the first. */
export type Supposition = readonly [Supposed, ...Supposed[]];
