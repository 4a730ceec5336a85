import { createHash } from "node:crypto";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { commit } from "../crypto/commitment.ts";
import { decide } from "../export-control/decide.ts";
import { isEveryCheck } from "../export-control/decision.ts";
import type { Facts } from "../export-control/facts.ts";
import {
  type Rulebook,
  type RulebookContent,
  rulebook,
  withLicenseExpiry,
} from "../export-control/rulebook.ts";
import type { Entry } from "../ledger/entry.ts";
import { Failure } from "./failure.ts";
import { isRecord } from "./record.ts";

/** What evidence was held to. `isDecidedAgain` is false where the decision is of a rulebook that this version does not have. */
export type VerifiedEvidence = { readonly isDecidedAgain: boolean; readonly sentence: string };

type Shown = Readonly<Record<string, unknown>>;

const verdictOfKind: Readonly<Record<string, string>> = {
  "release.allowed": "allow",
  "release.denied": "deny",
  "release.held": "hold",
};

/** The digest of the rulebook that a decision names, where it is another than this version's own; null where it is not. */
export function foreignRulebook({ decision }: Shown): string | null {
  const digest = isRecord(decision) ? decision["rulebook"] : null;
  return typeof digest === "string" && rulebookOf(digest) === undefined ? digest : null;
}

/** The entry that a receipt proved, and what the server kept of a rulebook that is not this version's own: null for nothing. */
export type Proof = {
  readonly entry: Pick<Entry, "index" | "kind" | "body">;
  readonly release: string;
  readonly kept: unknown;
};

/**
 * Holds disclosed evidence to the entry that a receipt proved: it is of this release, its commitment is opened by the facts, and its decision
 * is the one disclosed, on every check. Decides again from the facts on the rulebook that the decision names, overrides and all, where this
 * version has it or the server kept it. Throws `integrity` for anything else: a server that answers for itself proves nothing.
 */
export function verifyEvidence(
  evidence: Shown,
  { entry: { index, kind, body }, release, kept }: Proof,
): VerifiedEvidence {
  const { salt, facts, commitment, decision } = evidence;
  const verdict = verdictOfKind[kind];
  if (verdict === undefined || body["release"] !== release)
    throw broken("the receipt is of another entry than the release's decision");
  if (typeof commitment !== "string" || body["evidence"] !== commitment)
    throw broken("the evidence has another commitment than the ledger entry");
  if (typeof salt !== "string" || !opens(salt, facts, commitment))
    throw broken("the facts do not open their commitment");
  // Entries of an older vault do not name the list.
  if (Object.hasOwn(body, "screeningList") && body["screeningList"] !== screeningListOf(facts))
    throw broken("the facts were screened against another list than the ledger entry names");
  if (!isRecord(decision)) throw broken("the evidence holds no decision");
  const recorded = isRecord(body["decision"]) ? body["decision"] : {};
  const disclosed = outlineOf(decision, decision["licenses"]);
  const written = outlineOf(recorded, body["licenses"]);
  const bySymbol = outlineOf(decision, decision["licenses"], symbolOf);
  if (![bySymbol, disclosed].includes(written) || decision["verdict"] !== verdict)
    throw broken("the decision is another than the ledger entry's");
  if (!isEveryCheck(checksOf(decision).map(({ check }) => check)))
    throw broken("the decision does not list every check");
  const proved = `the facts open the commitment in ledger entry ${index}, whose decision this is`;
  const digest = foreignRulebook(evidence);
  const named = digest === null ? rulebookOf(decision["rulebook"]) : keptRulebook(digest, kept);
  if (named === null || named === undefined) {
    const otherwise =
      "it was made with another rulebook, which was not kept, so it was NOT decided again here";
    return { isDecidedAgain: false, sentence: `${proved}; ${otherwise}` };
  }
  const again = decideAgain(facts, named);
  if (outlineOf(again, again["licenses"]) === disclosed && again["at"] === decision["at"])
    return {
      isDecidedAgain: true,
      sentence: `${proved}, and give the same decision again${wordsOf(named)}`,
    };
  // Another shipped rulebook came with another version, whose engine may have read it otherwise.
  if (isShippedHere(named)) throw broken("the facts give another decision than the one recorded");
  const otherwise = "it was made by another version with another rulebook, and this one differs";
  return { isDecidedAgain: false, sentence: `${proved}; ${otherwise}` };
}

/** The digest of the denied-party list that disclosed facts were screened against; null where they tell of none. */
export function screeningListOf(facts: unknown): string | null {
  const screening = isRecord(facts) ? facts["screening"] : null;
  const list = isRecord(screening) ? screening["list"] : null;
  return isRecord(list) ? textOf(list["digest"]) : null;
}

/** The licenses that a disclosed decision rests on, and that its own facts and rulebook give it no right to. Empty where that cannot be told. */
export function licensesOutOfScope({ facts, decision }: Shown, kept: unknown): readonly string[] {
  if (!isRecord(decision) || !Array.isArray(decision["licenses"])) return [];
  try {
    const digest = foreignRulebook({ decision });
    const named = digest === null ? rulebookOf(decision["rulebook"]) : keptRulebook(digest, kept);
    if (named === null || named === undefined) return [];
    const { licenses } = decide(facts as Facts, named);
    return decision["licenses"].filter(
      (license: unknown) => typeof license === "string" && !licenses.includes(license),
    );
  } catch {
    // Facts that no decision can be made on tell nothing of a license.
    return [];
  }
}

/** The digest is of the content itself, so that whoever keeps it need not be trusted. */
function keptRulebook(digest: string, content: unknown): Rulebook | null {
  if (!isRecord(content) || content["format"] !== rulebook.format) return null;
  const bytes = canonicalJson(content as unknown as Canonical);
  if (createHash("sha256").update(bytes).digest("hex") !== digest)
    throw broken("the server's rulebook is not the one that the decision names");
  return { ...(content as unknown as RulebookContent), digest };
}

function isShippedHere(named: Rulebook): boolean {
  const { digest: _, ...content } = named;
  const { licenseExpiry } = rulebook;
  const shipped = canonicalJson({
    ...content,
    licenseExpiry,
    overrides: [],
  } as unknown as Canonical);
  return createHash("sha256").update(shipped).digest("hex") === rulebook.digest;
}

function wordsOf({ overrides }: Rulebook): string {
  if (overrides.length === 0) return "";
  const named = overrides.map(({ id, action, row }) => `${id} (${action} ${row})`).join(", ");
  return ` under the operator's overrides ${named}`;
}

function decideAgain(facts: unknown, named: Rulebook): Shown {
  try {
    return decide(facts as Facts, named);
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

/** How an outline names a license exception: by its row, or by its symbol as entries do. */
type Naming = (exception: Shown) => string | null;

const rowOf: Naming = ({ exception }) => textOf(exception);

const symbolOf: Naming = ({ symbol }) => {
  const name = textOf(symbol);
  return name === null ? null : `exception-${name.toLowerCase()}`;
};

/**
 * What the ledger says of a decision, as one text; its sentences, citations and rows are in the evidence alone. Entries name an exception by its symbol, older ones by
 * its row, and the evidence has both.
 */
function outlineOf(decision: Shown, licenses: unknown, naming: Naming = rowOf): string {
  const { verdict, rulebook: digest } = decision;
  const names = Array.isArray(licenses) ? licenses.map(textOf) : null;
  const outline = {
    verdict: textOf(verdict),
    rulebook: textOf(digest),
    checks: checksOf(decision, naming),
  };
  return canonicalJson({ ...outline, licenses: names }).toString("utf8");
}

type CheckOutline = {
  readonly check: string | null;
  readonly outcome: string | null;
  readonly exceptions: (string | null)[];
};

function checksOf({ checks }: Shown, naming: Naming = rowOf): CheckOutline[] {
  const list: readonly unknown[] = Array.isArray(checks) ? checks : [];
  return list.map((item) => {
    const { check, outcome, exceptions } = isRecord(item) ? item : {};
    return {
      check: textOf(check),
      outcome: textOf(outcome),
      exceptions: coveringIn(exceptions, outcome === "covered" ? naming : null),
    };
  });
}

/** The license exceptions that cover a check, each name once. The evidence also holds those that do not cover it. */
function coveringIn(exceptions: unknown, naming: Naming | null): (string | null)[] {
  const list: readonly unknown[] = Array.isArray(exceptions) ? exceptions : [];
  const names = list.flatMap((item) => {
    if (!isRecord(item)) return [textOf(item)];
    return naming !== null && item["covers"] === true ? [naming(item)] : [];
  });
  return [...new Set(names)];
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.isWellFormed() ? value : null;
}

function broken(message: string): Failure {
  return new Failure("integrity", message);
}
