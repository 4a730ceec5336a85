import type { Check, CheckId } from "./decision.ts";
import type { CountryCode, Facts, LicenseKind, Reason } from "./facts.ts";
import type { ControlCode } from "./regimes/classification.ts";
import type { Rulebook } from "./rulebook.ts";

/** What a check works with. */
export type Case = { readonly facts: Facts; readonly rulebook: Rulebook };

/** What several checks of one decision ask alike, worked out once for it. A case is an object of one decision, so nothing outlives that. */
export function perCase<Result extends object>(
  workOut: (given: Case) => Result,
): (given: Case) => Result {
  const known = new WeakMap<Case, Result>();
  return (given) => {
    const before = known.get(given);
    if (before !== undefined) return before;
    const result = workOut(given);
    known.set(given, result);
    return result;
  };
}

/** A check before licenses are looked at: where `needs` stand, licenses and exceptions that meet every one of them turn it into `covered`. */
export type Finding = Omit<Check, "licenses" | "exceptions"> & { readonly needs: readonly Need[] };

/** One authorization that is wanted. */
export type Need = {
  /** Which list of the license's scope has to name the country. */
  readonly kind: "export" | "deemed-export" | "either";
  readonly country: CountryCode;
  /** The parties any of which a license has to name, if it names parties. */
  readonly parties: Parties;
  /** Whether a license that names no party is too wide to count. */
  readonly named: boolean;
  /** The reason for control; null for embargoes and questions, which a license limited to some reasons does not meet. */
  readonly reason: Reason | null;
  readonly admits: readonly LicenseKind[];
  /** Absent for the EAR. Under another regime: the item by that regime's list, and the general authorizations whose terms reach the act. */
  readonly under?: { readonly item: ControlCode; readonly general: readonly GeneralTerms[] };
};

/** A general authorization by its number, and the conditions that have to be on record as met. */
export type GeneralTerms = { readonly symbol: string; readonly conditions: readonly string[] };

export type Parties = {
  readonly persons: readonly string[];
  readonly workloads: readonly string[];
  readonly entities: readonly string[];
};

type Details = {
  readonly citation: string;
  readonly reason: string;
  readonly remedy?: string;
  readonly rows?: readonly string[];
  readonly needs?: readonly Need[];
};

export function pass(check: CheckId, details: Details): Finding {
  return finding(check, "pass", details);
}

export function notApplicable(check: CheckId, details: Details): Finding {
  return finding(check, "not-applicable", details);
}

/** Holds: a fact or a point of law is open. */
export function unknown(check: CheckId, details: Details & { readonly remedy: string }): Finding {
  return finding(check, "unknown", details);
}

/** Denies, unless licenses meet its needs. */
export function fail(check: CheckId, details: Details & { readonly remedy: string }): Finding {
  return finding(check, "fail", details);
}

function finding(check: CheckId, outcome: Check["outcome"], details: Details): Finding {
  return {
    check,
    outcome,
    citation: details.citation,
    reason: details.reason,
    remedy: details.remedy ?? null,
    rows: details.rows ?? [],
    needs: details.needs ?? [],
  };
}
