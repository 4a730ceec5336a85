import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit } from "../crypto/commitment.ts";
import { decide } from "../export-control/decide.ts";
import { checkIds } from "../export-control/decision.ts";
import type { Facts } from "../export-control/facts.ts";
import { type Rulebook, rulebook, withLicenseExpiry } from "../export-control/rulebook.ts";
import type { Entry } from "../ledger/entry.ts";
import { Failure } from "./failure.ts";

/** What evidence was held to. `isDecidedAgain` is false where the decision is of a rulebook that this version does not have. */
export type VerifiedEvidence = { readonly isDecidedAgain: boolean; readonly sentence: string };

type Shown = Readonly<Record<string, unknown>>;

const verdictOfKind: Readonly<Record<string, string>> = {
  "release.allowed": "allow",
  "release.denied": "deny",
  "release.held": "hold",
};

/**
 * Holds disclosed evidence to the entry that a receipt proved: it is of this release, its commitment is opened by the facts, and its decision
 * is the one disclosed, on every check. Decides again from the facts where this version has the same rulebook. Throws `integrity` for
 * anything else: a server that answers for itself proves nothing.
 */
export function verifyEvidence(
  { salt, facts, commitment, decision }: Shown,
  { index, kind, body }: Pick<Entry, "index" | "kind" | "body">,
  release: string,
): VerifiedEvidence {
  const verdict = verdictOfKind[kind];
  if (verdict === undefined || body["release"] !== release)
    throw broken("the receipt is of another entry than the release's decision");
  if (typeof commitment !== "string" || body["evidence"] !== commitment)
    throw broken("the evidence has another commitment than the ledger entry");
  if (typeof salt !== "string" || !opens(salt, facts, commitment))
    throw broken("the facts do not open their commitment");
  if (!isRecord(decision)) throw broken("the evidence holds no decision");
  const recorded = isRecord(body["decision"]) ? body["decision"] : {};
  const disclosed = outlineOf(decision, decision["licenses"]);
  if (disclosed !== outlineOf(recorded, body["licenses"]) || decision["verdict"] !== verdict)
    throw broken("the decision is another than the ledger entry's");
  if (JSON.stringify(checksOf(decision).map(({ check }) => check)) !== JSON.stringify(checkIds))
    throw broken("the decision does not list every check");
  const proved = `the facts open the commitment in ledger entry ${index}, whose decision this is`;
  const book = rulebookOf(decision["rulebook"]);
  if (book === undefined) {
    const otherwise = "it was made with another rulebook, so it was NOT decided again here";
    return { isDecidedAgain: false, sentence: `${proved}; ${otherwise}` };
  }
  const again = decideAgain(facts, book);
  if (outlineOf(again, again["licenses"]) !== disclosed || again["at"] !== decision["at"])
    throw broken("the facts give another decision than the one recorded");
  return { isDecidedAgain: true, sentence: `${proved}, and give the same decision again` };
}

function decideAgain(facts: unknown, book: Rulebook): Shown {
  try {
    return decide(facts as Facts, book);
  } catch (cause) {
    throw new Failure("integrity", "the facts are none that a decision can be made on", { cause });
  }
}

/** The rulebook of this version under one of its two readings of 750.7(g), by digest. */
function rulebookOf(digest: unknown): Rulebook | undefined {
  return [rulebook, withLicenseExpiry(rulebook, "first-business-day")].find(
    (book) => book.digest === digest,
  );
}

function opens(salt: string, facts: unknown, commitment: string): boolean {
  try {
    return commit(Buffer.from(salt, "hex"), facts as Canonical).toString("hex") === commitment;
  } catch {
    // Not canonical JSON, so never committed to.
    return false;
  }
}

/** What the ledger says of a decision, as one text; its sentences, citations and rows are in the evidence alone. */
function outlineOf(decision: Shown, licenses: unknown): string {
  const { verdict, rulebook: digest } = decision;
  const names = Array.isArray(licenses) ? licenses.map(textOf) : null;
  const outline = {
    verdict: textOf(verdict),
    rulebook: textOf(digest),
    checks: checksOf(decision),
  };
  return canonicalJson({ ...outline, licenses: names }).toString("utf8");
}

type CheckOutline = {
  readonly check: string | null;
  readonly outcome: string | null;
  readonly exceptions: (string | null)[];
};

function checksOf({ checks }: Shown): CheckOutline[] {
  const list: readonly unknown[] = Array.isArray(checks) ? checks : [];
  return list.map((item) => {
    const { check, outcome, exceptions } = isRecord(item) ? item : {};
    return {
      check: textOf(check),
      outcome: textOf(outcome),
      exceptions: coveringIn(exceptions, outcome === "covered"),
    };
  });
}

/** The license exceptions that cover a check. The entry names them, each by its row; the evidence also holds those that do not cover it. */
function coveringIn(exceptions: unknown, isCovered: boolean): (string | null)[] {
  const list: readonly unknown[] = Array.isArray(exceptions) ? exceptions : [];
  return list.flatMap((item) => {
    if (!isRecord(item)) return [textOf(item)];
    return isCovered && item["covers"] === true ? [textOf(item["exception"])] : [];
  });
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.isWellFormed() ? value : null;
}

function isRecord(value: unknown): value is Shown {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(message: string): Failure {
  return new Failure("integrity", message);
}
