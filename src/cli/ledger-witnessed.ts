import { setTimeout as delay } from "node:timers/promises";
import { Findings } from "../ledger/findings.ts";
import type { TileSource } from "../ledger/source.ts";
import { judgeSignatures } from "../ledger/verify.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { Policy } from "../merkle/policy.ts";
import { verifyConsistency } from "../merkle/proof.ts";
import { successionOf } from "../merkle/rotation.ts";
import { Failure } from "./failure.ts";
import type { Beside } from "./ledger-beside.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { Prover } from "./ledger-prover.ts";
import { signedCheckpoint } from "./ledger-show.ts";

export type Signed = { readonly checkpoint: Checkpoint; readonly bytes: Buffer };

/** With the key under which it verifies, and the rotations that led to who signed it. */
export type WitnessedCheckpoint = Signed & { readonly key: LedgerKey };

export type Witnessing = {
  readonly policy: Policy;
  readonly series: Beside["series"];
  /** How long a quorum is waited for, and how often it is looked for; null where none can come any more, of a copy. */
  readonly wait: {
    readonly timeoutMs: number;
    readonly everyMs: number;
    readonly onWait: () => void;
    /** Those that the server tells by now: the wait may outlast one. They count as far as the ledger's keys have signed them. */
    readonly rotations: () => Promise<LedgerKey["rotations"]>;
  } | null;
};

/** The first look goes back so many entries from the newest checkpoint, each further one eight times as far. */
const lookedBack = 65_536;

/**
 * The newest checkpoint, up to `newest`, that covers at least so many entries and that `ledger verify` would take under the policy; where there is
 * none yet, the next one, `newest` itself or a later one, also of a key that the ledger is handed over to meanwhile. Throws, where none comes in time, `unavailable`, or `failed` for a copy: one that
 * would leave an entry out is never taken in its place.
 */
export async function awaitWitnessed(
  key: LedgerKey,
  { newest, least }: { readonly newest: Signed; readonly least: number },
  { policy, series, wait }: Witnessing,
): Promise<WitnessedCheckpoint> {
  let known = key;
  let [isWaiting, isOfOther] = [false, false];
  const judge = (bytes: Buffer): WitnessedCheckpoint | null => {
    const found = satisfying(bytes, known, policy);
    if (found !== null) return { ...found, key: known };
    if (isWaiting) isOfOther ||= openSigned(bytes, known)?.verdict === "unsigned";
    return null;
  };
  const inSeries = async (from: number, to: number, endsAt = Number.POSITIVE_INFINITY) => {
    let found: WitnessedCheckpoint | null = null;
    for await (const { size, checkpoint } of series(from > 0 ? from - 1 : null)) {
      // Beyond the newest whoever serves them may name sizes without end.
      if (size > to || performance.now() >= endsAt) break;
      const judged = judge(Buffer.from(checkpoint, "utf8"));
      if (judged?.checkpoint.size === size) found = judged;
    }
    return found;
  };
  const now = judge(newest.bytes);
  if (now !== null) return now;
  const { size } = newest.checkpoint;
  for (let [to, back] = [size, lookedBack]; to >= least; back *= 8) {
    const from = Math.max(least, to - back);
    const found = await inSeries(from, to);
    if (found !== null) return found;
    to = from - 1;
  }
  if (wait !== null) {
    wait.onWait();
    isWaiting = true;
    const endsAt = performance.now() + wait.timeoutMs;
    while (performance.now() < endsAt) {
      await delay(wait.everyMs);
      const found = await inSeries(size, Number.POSITIVE_INFINITY, endsAt);
      if (found !== null) return found;
      if (!isOfOther) continue;
      known = { ...known, rotations: [...key.rotations, ...(await wait.rotations())] };
      isOfOther = false;
    }
  }
  throw noneCame(least, newest, { policy, wait });
}

function noneCame(
  least: number,
  newest: Signed,
  { policy, wait }: Pick<Witnessing, "policy" | "wait">,
): Failure {
  return new Failure(
    wait === null ? "failed" : "unavailable",
    `no checkpoint that covers entry ${least - 1}, the last that is asked for, satisfies the policy (of the newest: ${lacking(newest.bytes, policy)}). Nothing was exported, since entries would be left out: ${wait === null ? "copy the ledger again" : "ask again"}, or do without --policy`,
  );
}

/**
 * Throws `integrity` unless one of two signed checkpoints grew from the other: what was read under the newest says nothing of another tree, which
 * whoever has the ledger's key may have shown to the witnesses.
 */
export async function assertOneTree(
  source: TileSource,
  key: LedgerKey,
  { newest, signed }: { readonly newest: Signed; readonly signed: Signed },
): Promise<void> {
  const isOlder = signed.checkpoint.size <= newest.checkpoint.size;
  const [older, { checkpoint, bytes }] = isOlder ? [signed, newest] : [newest, signed];
  const { size: oldSize, root: oldRoot } = older.checkpoint;
  const proof = await new Prover(source, key, checkpoint, bytes).proveConsistency(oldSize);
  if (verifyConsistency({ ...checkpoint, oldSize, oldRoot, proof })) return;
  throw new Failure(
    "integrity",
    isOlder
      ? `the ledger does not have the root that is signed at ${oldSize}`
      : `the checkpoint of ${checkpoint.size} entries that has the quorum did not grow from the ${oldSize} that the ledger had`,
  );
}

/** The ledger under a checkpoint that satisfies the policy and covers all that the ledger has now, and the key that it verifies under. Throws as `awaitWitnessed` and `assertOneTree`. */
export async function witnessedSource(
  source: TileSource,
  key: LedgerKey,
  witnessing: Witnessing,
): Promise<{ readonly source: TileSource; readonly key: LedgerKey }> {
  const newest = await signedCheckpoint(source, key);
  const least = newest.checkpoint.size;
  const signed = await awaitWitnessed(key, { newest, least }, witnessing);
  await assertOneTree(source, key, { newest, signed });
  return { source: { ...source, checkpoint: async () => signed.bytes }, key: signed.key };
}

/** Null where its keys did not sign it, where the policy asks for more, or where the ML-DSA-44 key, if it is demanded, did not sign. */
function satisfying(
  bytes: Buffer,
  { key, rotations, mlDsaKey = null }: LedgerKey,
  policy: Policy,
): Signed | null {
  const opened = successionOf(key, rotations).openNewest(bytes);
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== key.name) return null;
  const findings = new Findings();
  const asked = mlDsaKey === null ? { policy } : { policy, mlDsaKey };
  judgeSignatures({ bytes }, asked, findings);
  return findings.errors === 0 ? { checkpoint: opened.checkpoint, bytes } : null;
}

function lacking(bytes: Buffer, policy: Policy): string {
  const findings = new Findings();
  judgeSignatures({ bytes }, { policy }, findings);
  return findings.kept.map(({ message }) => message).join("; ") || "another key did not sign it";
}
