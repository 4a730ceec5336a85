import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import type { Hypothetical } from "./hypothetical.ts";

/** A check that did not pass, by its id and outcome alone. */
export type FoundCheck = { readonly check: string; readonly outcome: string };

/** What re-decision found of one grant from one site. */
export type SiteVerdict = {
  readonly site: string;
  readonly verdict: "allow" | "deny" | "hold";
  readonly checks: readonly FoundCheck[];
  readonly rulebook: string;
};

/** What was known of a grant before it was decided again. */
export type Before = {
  readonly wasAllowed: boolean;
  /** How many sites allowed it; null where it was never decided. */
  readonly sitesAllowing: number | null;
  readonly isFlagged: boolean;
  readonly verdicts: readonly Pick<
    Selectable<Schema["grant_verdict"]>,
    "site" | "verdict" | "checks" | "was_allowed"
  >[];
};

export type Judgement = {
  readonly verdicts: readonly (SiteVerdict & { readonly wasAllowed: boolean })[];
  readonly wasAllowed: boolean;
  readonly sitesAllowing: number;
  /** From some site that once allowed it, it is allowed no more. */
  readonly isFlagged: boolean;
  /** Something flipped from allow since it was decided last. */
  readonly isNewlyFlagged: boolean;
  /** It passed once and passes from no site any more. */
  readonly isLost: boolean;
  /** Whether anything differs from what was known. */
  readonly isChanged: boolean;
  /** What the flagged sites come to: `deny` if one of them does. */
  readonly verdict: "deny" | "hold";
  /** The checks that stand in the way at the flagged sites. */
  readonly checks: readonly string[];
};

/** What one decision after another means for a grant. Pure. */
export function judge(before: Before, found: readonly SiteVerdict[]): Judgement {
  const known = new Map(before.verdicts.map((verdict) => [verdict.site, verdict]));
  const verdicts = found.map((each) => ({
    ...each,
    wasAllowed: each.verdict === "allow" || known.get(each.site)?.was_allowed === true,
  }));
  const sitesAllowing = found.filter(({ verdict }) => verdict === "allow").length;
  const wasAllowed = before.wasAllowed || sitesAllowing > 0;
  const isLost = wasAllowed && sitesAllowing === 0;
  const fallen = verdicts.filter((each) => each.wasAllowed && each.verdict !== "allow");
  const flagged = fallen.length === 0 && isLost ? verdicts : fallen;
  const hasFlipped = fallen.some(({ site }) => known.get(site)?.verdict === "allow");
  const isFlagged = fallen.length > 0 || isLost;
  const isNewlyLost = isLost && (!before.isFlagged || before.sitesAllowing !== 0);
  return {
    verdicts,
    wasAllowed,
    sitesAllowing,
    isFlagged,
    isNewlyFlagged: isFlagged && (hasFlipped || isNewlyLost || !before.isFlagged),
    isLost,
    isChanged:
      wasAllowed !== before.wasAllowed ||
      sitesAllowing !== before.sitesAllowing ||
      isFlagged !== before.isFlagged ||
      verdicts.some((each) => !isSame(each, known.get(each.site))),
    verdict: flagged.some(({ verdict }) => verdict === "deny") ? "deny" : "hold",
    checks: [...new Set(flagged.flatMap(({ checks }) => checks.map(({ check }) => check)))].sort(),
  };
}

function isSame(
  { verdict, checks, wasAllowed }: SiteVerdict & { readonly wasAllowed: boolean },
  known: Before["verdicts"][number] | undefined,
): boolean {
  return (
    known?.verdict === verdict &&
    known.was_allowed === wasAllowed &&
    wordOf(known.checks) === wordOf(checks)
  );
}

function wordOf(checks: readonly FoundCheck[]): string {
  return checks.map(({ check, outcome }) => `${check} ${outcome}`).join();
}

/** The verdict of a hypothetical decision with what stands in its way, without a word of its sentences. */
export function verdictOf(site: string, { decision }: Hypothetical): SiteVerdict {
  const { verdict, rulebook } = decision;
  const checks = decision.checks
    .filter(({ outcome }) => outcome === "fail" || outcome === "unknown")
    .map(({ check, outcome }) => ({ check, outcome }));
  return { site, verdict, checks, rulebook };
}
