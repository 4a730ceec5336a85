import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit } from "../crypto/commitment.ts";
import { decide } from "../export-control/decide.ts";
import type { Facts } from "../export-control/facts.ts";
import { type Rulebook, rulebook, withLicenseExpiry } from "../export-control/rulebook.ts";
import { Failure } from "./failure.ts";

/**
 * Holds disclosed evidence to its commitment, and decides again from its facts where this version has the same rulebook. Gives a sentence of
 * what was verified. Throws `integrity` where the facts are not those that were committed to, or give another decision.
 */
export function verifyEvidence(evidence: Readonly<Record<string, unknown>>): string {
  const { salt, facts, commitment, decision } = evidence;
  if (typeof salt !== "string" || !opens(salt, facts, commitment))
    throw new Failure("integrity", "the facts do not open their commitment");
  const book = isRecord(decision) ? rulebookOf(decision["rulebook"]) : undefined;
  if (!isRecord(decision) || book === undefined)
    return "the facts open their commitment; the decision was made with another rulebook, so it is not decided again here";
  const again = canonicalJson(outlineOf(decide(facts as unknown as Facts, book)));
  if (!again.equals(canonicalJson(outlineOf(decision))))
    throw new Failure("integrity", "the facts give another decision than the one recorded");
  return "the facts open their commitment, and give the same decision again";
}

/** The rulebook of this version under one of its two readings of 750.7(g), by digest. */
function rulebookOf(digest: unknown): Rulebook | undefined {
  return [rulebook, withLicenseExpiry(rulebook, "first-business-day")].find(
    (book) => book.digest === digest,
  );
}

function opens(salt: string, facts: unknown, commitment: unknown): boolean {
  try {
    return commit(Buffer.from(salt, "hex"), facts as Canonical).toString("hex") === commitment;
  } catch {
    // Not canonical JSON, so never committed to.
    return false;
  }
}

function outlineOf(decision: object): Canonical {
  const { verdict, checks } = decision as { readonly verdict?: unknown; readonly checks?: unknown };
  const list = Array.isArray(checks) ? (checks as readonly unknown[]) : [];
  return {
    verdict: String(verdict),
    checks: list.map((check) =>
      isRecord(check) ? `${String(check["check"])} ${String(check["outcome"])}` : "",
    ),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
