import { type Checkpoint, openCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote, type VerificationKey } from "../merkle/note.ts";
import type { KeyVerdict } from "../merkle/rotation.ts";
import type { FindingCode, Findings } from "./findings.ts";
import type { SigningKeys } from "./verify-keys.ts";

/** A checkpoint kept from earlier, under the name that findings call it by. */
export type KeptCheckpoint = { readonly name: string; readonly bytes: string | Uint8Array };

export type NamedCheckpoint = KeptCheckpoint & { readonly checkpoint: Checkpoint };

/**
 * The newest checkpoint as it says it is; null, and a finding, where it is none, is forged or is of another log. `isProvisional` is one that
 * another key of the same name signed: whether the trusted key named that one, the entries tell.
 */
export function openNewest(
  bytes: Buffer | null,
  {
    key,
    origin,
    findings,
  }: { readonly key: VerificationKey; readonly origin: string; readonly findings: Findings },
): (NamedCheckpoint & { readonly isProvisional: boolean }) | null {
  if (bytes === null) {
    const message = "there is no checkpoint, so nothing vouches for the entries";
    findings.add("checkpoint_missing", message);
    return null;
  }
  const opened = openCheckpoint(bytes, key);
  if (opened === null) {
    findings.add("checkpoint_malformed", "it is not a signed checkpoint");
    return null;
  }
  const { checkpoint, verdict } = opened;
  const names = parseNote(bytes)?.signatures.map(({ name }) => name) ?? [];
  const isProvisional = verdict === "unsigned" && names.includes(key.name);
  if (verdict !== "verified" && !isProvisional) {
    tellKey(verdict, key.name, { findings, of: "" });
    return null;
  }
  if (checkpoint.origin !== origin) {
    findings.add("origin_mismatch", `it is of ${checkpoint.origin}, not of ${origin}`);
    return null;
  }
  return { name: "the checkpoint", bytes, checkpoint, isProvisional };
}

/** What can be read of the older checkpoints; who signed them is judged after the entries told the keys. */
export function openOlder(
  kept: readonly KeptCheckpoint[],
  key: VerificationKey,
  findings: Findings,
): readonly NamedCheckpoint[] {
  return kept.flatMap(({ name, bytes }) => {
    const opened = openCheckpoint(bytes, key);
    if (opened !== null) return [{ name, bytes, checkpoint: opened.checkpoint }];
    findings.add("older_checkpoint_invalid", `${name} is not a signed checkpoint`);
    return [];
  });
}

/** Holds every older checkpoint to its key, to the newest one, to the others and to the tree, whose roots at their sizes are given as far as they are known. */
export function judgeOlder(
  older: readonly NamedCheckpoint[],
  subject: {
    readonly newest: Checkpoint;
    readonly olderRoots: ReadonlyMap<number, Buffer>;
    readonly keys: SigningKeys;
    readonly keyName: string;
    readonly findings: Findings;
  },
): void {
  const { newest, olderRoots, keys, keyName, findings } = subject;
  const bySize = new Map<number, NamedCheckpoint>();
  for (const named of older) {
    const { name, bytes, checkpoint } = named;
    const { size, root, origin } = checkpoint;
    const verdict = keys.judge(bytes);
    if (verdict !== "verified" || origin !== newest.origin) {
      const what = verdict === "verified" ? `is of ${origin}` : wordsOf(verdict, keyName);
      findings.add("older_checkpoint_invalid", `${name} ${what}`);
      continue;
    }
    if (size > newest.size) {
      const message = `the ledger has ${newest.size} entries; ${name} shows that it had ${size}: its tail was deleted, or an older state was put back`;
      findings.add("rolled_back", message);
    }
    const before = bySize.get(size) ?? (size === newest.size ? null : undefined);
    const [rival, rivalName] =
      before === undefined ? [root, ""] : [before?.checkpoint.root ?? newest.root, nameOf(before)];
    if (!root.equals(rival)) {
      const message = `two checkpoints of ${size} entries have different roots: ${name} and ${rivalName}`;
      findings.add("fork", message);
    }
    bySize.set(size, bySize.get(size) ?? named);
    const made = olderRoots.get(size);
    // At the same size the two checkpoints were compared with each other.
    if (made === undefined || size === newest.size || made.equals(root)) continue;
    findings.add("history_rewritten", `the first ${size} entries are not those that ${name} signs`);
  }
}

/**
 * A whole series of checkpoints has one at least every `most` entries, a batch. One is missing where a signer died between a batch and its
 * signature; a step over more than two batches lacks two that were neighbours.
 */
export function judgeSeries(sizes: readonly number[], most: number, findings: Findings): void {
  const sorted = [...new Set(sizes)].toSorted((one, other) => one - other);
  for (const [at, size] of sorted.entries())
    tellGap(at === 0 ? 0 : (sorted[at - 1] ?? 0), size, { most, findings });
}

/** Adds the finding where a step from one checkpoint to the next is of more than two batches. */
export function tellGap(
  before: number,
  size: number,
  { most, findings }: { readonly most: number; readonly findings: Findings },
): void {
  if (size - before <= 2 * most) return;
  const message = `between the checkpoints of ${before} and of ${size} entries at least two neighbours are missing`;
  findings.add("checkpoints_missing", message);
}

const codes = {
  unsigned: "checkpoint_unsigned",
  forged: "checkpoint_forged",
  retired: "key_retired",
} as const satisfies Record<Exclude<KeyVerdict, "verified">, FindingCode>;

/** Adds what the keys have against a checkpoint; `of` says whose it is, where it is not the newest. */
export function tellKey(
  verdict: KeyVerdict,
  keyName: string,
  { findings, of }: { readonly findings: Findings; readonly of: string },
): void {
  if (verdict !== "verified") findings.add(codes[verdict], `${of}it ${wordsOf(verdict, keyName)}`);
}

/** What the keys have against a checkpoint, in words. */
export function wordsOf(verdict: Exclude<KeyVerdict, "verified">, keyName: string): string {
  switch (verdict) {
    case "unsigned":
      return `is not signed by ${keyName}`;
    case "forged":
      return `has a signature that is not ${keyName}'s`;
    case "retired":
      return `is signed by a key of ${keyName} that another had replaced by then`;
  }
}

function nameOf(named: NamedCheckpoint | null): string {
  return named?.name ?? "the newest";
}
