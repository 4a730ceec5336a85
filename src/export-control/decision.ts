import type { Reason } from "./facts.ts";
import type { Regime } from "./regimes/classification.ts";

/** What was decided, on which rulebook, and why. Canonical JSON; it names no person and no country outside `reason` and `remedy`. */
export type Decision = {
  /** `deny` if any check fails; else `hold` if any is unknown; else `allow`. */
  readonly verdict: Verdict;
  /** The instant of the facts. */
  readonly at: string;
  /** SHA-256 of the rulebook's canonical bytes, hex. */
  readonly rulebook: string;
  /** Every check of `checkIds`, in that order, whatever the verdict; then those of each further regime that is asked. */
  readonly checks: readonly Check[];
  /** What each regime says by itself, the EAR first; absent where no other is asked. The verdict follows the most restrictive. */
  readonly regimes?: readonly RegimeResult[];
  /** The licenses relied on, sorted by id: each loses one use if this release is made. Empty unless the verdict is `allow`. */
  readonly licenses: readonly string[];
};

export type Verdict = "allow" | "deny" | "hold";

/** `license`: one is required and none on record covers it, which denies; `unknown` holds. */
export type RegimeResult = {
  readonly jurisdiction: "EAR" | Regime;
  readonly result: "allow" | "license" | "deny" | "unknown";
};

export type Check = {
  readonly check: CheckId;
  readonly outcome: Outcome;
  readonly citation: string;
  /** A whole sentence for an export officer. It names no party. */
  readonly reason: string;
  /** What would change the outcome; null where nothing needs to. */
  readonly remedy: string | null;
  /** The rows of the rulebook that it applied. */
  readonly rows: readonly string[];
  /** The licenses that cover it; empty unless the outcome is `covered`. */
  readonly licenses: readonly string[];
  /** The license exceptions that cover it wholly or in part, and, where it is not covered, those that conditions alone keep from it. */
  readonly exceptions: readonly CheckedException[];
};

/** One license exception held against one check. */
export type CheckedException = {
  /** The row of the rulebook. */
  readonly exception: string;
  readonly symbol: string;
  readonly citation: string;
  /** Whether it covers a part of the check, every condition being met. */
  readonly covers: boolean;
  readonly conditions: readonly CheckedCondition[];
};

/** What has to be on record, in words that name no party and no country, and whether it is. `unmet`: known, and not so. */
export type CheckedCondition = {
  readonly condition: string;
  readonly state: "met" | "unknown" | "unmet";
};

/** `covered`: an authorization is required and one in force covers it. `unknown`: a fact or a point of law is open, which holds. */
export type Outcome = "pass" | "covered" | "not-applicable" | "unknown" | "fail";

/** Every check that a decision lists, in the order in which it lists them. */
export const checkIds = [
  "classification",
  "jurisdiction",
  "eccn",
  "grant",
  "subject",
  "denied-party",
  "ownership",
  "destination",
  "nationality",
  "embargo-destination",
  "embargo-nationality",
  "end-use",
  "export-ns",
  "export-mt",
  "export-np",
  "export-rs",
  "export-cc",
  "export-ei",
  "export-at",
  "deemed-export-ns",
  "deemed-export-mt",
  "deemed-export-np",
  "deemed-export-rs",
  "deemed-export-cc",
  "deemed-export-ei",
  "deemed-export-at",
] as const;

/** The checks of each regime besides the EAR, which a decision lists together or not at all, in this order. */
export const regimeCheckIds = {
  EU: ["eu-nexus", "eu-item", "eu-transfer", "eu-end-use"],
  UK: ["uk-nexus", "uk-item", "uk-transfer", "uk-end-use"],
  JP: ["jp-nexus", "jp-item", "jp-transfer", "jp-end-use"],
} as const satisfies Record<Regime, readonly string[]>;

export type RegimeCheckId = (typeof regimeCheckIds)[Regime][number];

export type CheckId = (typeof checkIds)[number] | RegimeCheckId;

/** Whether these are the checks that a decision has to list: all of the EAR's, then those of some regimes, each wholly and in order. */
export function isEveryCheck(ids: readonly unknown[]): boolean {
  let left = ids.slice(checkIds.length);
  for (const group of Object.values(regimeCheckIds))
    if (group.every((id, at) => left[at] === id)) left = left.slice(group.length);
  return left.length === 0 && checkIds.every((id, at) => ids[at] === id);
}

/** The reasons for control in the order of the checks. */
export const reasons = [
  "NS",
  "MT",
  "NP",
  "RS",
  "CC",
  "EI",
  "AT",
] as const satisfies readonly Reason[];
