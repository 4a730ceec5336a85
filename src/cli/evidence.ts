import { createHash } from "node:crypto";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit } from "../crypto/commitment.ts";
import { decide } from "../export-control/decide.ts";
import type { Facts } from "../export-control/facts.ts";
import { type Rulebook, type RulebookContent, rulebook } from "../export-control/rulebook.ts";
import { Failure } from "./failure.ts";

const opensAlone = "the facts open their commitment; ";

/** The digest of the rulebook that a decision names, where it is another than this version's own; null where it is not. */
export function foreignRulebook({ decision }: Readonly<Record<string, unknown>>): string | null {
  const digest = isRecord(decision) ? decision["rulebook"] : null;
  return typeof digest === "string" && digest !== rulebook.digest ? digest : null;
}

/**
 * Holds disclosed evidence to its commitment, and decides again from its facts on the rulebook that the decision names, overrides and all: `kept` is
 * what the server kept of one that is not this version's own, null for nothing. Gives a sentence of what was verified. Throws `integrity` where the
 * facts are not those that were committed to, or the rulebook is not the one that the digest is of, or they give another decision.
 */
export function verifyEvidence(
  evidence: Readonly<Record<string, unknown>>,
  kept: unknown = null,
): string {
  const { salt, facts, commitment, decision } = evidence;
  if (typeof salt !== "string" || !opens(salt, facts, commitment))
    throw new Failure("integrity", "the facts do not open their commitment");
  const digest = foreignRulebook(evidence);
  const named = digest === null ? rulebook : keptRulebook(digest, kept);
  if (!isRecord(decision) || named === null)
    return `${opensAlone}the decision was made with another rulebook, which was not kept, so it is not decided again here`;
  const again = canonicalJson(outlineOf(decide(facts as unknown as Facts, named)));
  if (again.equals(canonicalJson(outlineOf(decision))))
    return `the facts open their commitment, and give the same decision again${wordsOf(named)}`;
  // Another shipped rulebook came with another version, whose engine may have read it otherwise.
  if (!isShippedHere(named))
    return `${opensAlone}the decision was made by another version with another rulebook, and this one does not decide the same`;
  throw new Failure("integrity", "the facts give another decision than the one recorded");
}

/** The digest is of the content itself, so that whoever keeps it need not be trusted. */
function keptRulebook(digest: string, content: unknown): Rulebook | null {
  if (!isRecord(content) || content["format"] !== rulebook.format) return null;
  const bytes = canonicalJson(content as unknown as Canonical);
  if (createHash("sha256").update(bytes).digest("hex") !== digest)
    throw new Failure("integrity", "the server's rulebook is not the one that the decision names");
  return { ...(content as unknown as RulebookContent), digest };
}

function isShippedHere(named: Rulebook): boolean {
  const { digest: _, ...content } = named;
  const shipped = canonicalJson({ ...content, overrides: [] } as unknown as Canonical);
  return createHash("sha256").update(shipped).digest("hex") === rulebook.digest;
}

function wordsOf({ overrides }: Rulebook): string {
  if (overrides.length === 0) return "";
  const named = overrides.map(({ id, action, row }) => `${id} (${action} ${row})`).join(", ");
  return ` under the operator's overrides ${named}`;
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
