import { setTimeout as delay } from "node:timers/promises";
import { Findings } from "../ledger/findings.ts";
import type { TileSource } from "../ledger/source.ts";
import { judgeSignatures } from "../ledger/verify.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { Policy } from "../merkle/policy.ts";
import { successionOf } from "../merkle/rotation.ts";
import { Failure } from "./failure.ts";
import type { Beside } from "./ledger-beside.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { signedCheckpoint } from "./ledger-show.ts";

export type Signed = { readonly checkpoint: Checkpoint; readonly bytes: Buffer };

export type Witnessing = {
  readonly policy: Policy;
  readonly series: Beside["series"];
  /** How long a quorum is waited for, and how often it is looked for; null where none can come any more, of a copy. */
  readonly wait: {
    readonly timeoutMs: number;
    readonly everyMs: number;
    readonly onWait: () => void;
  } | null;
};

/** The first look goes back so many entries from the newest checkpoint, each further one eight times as far. */
const lookedBack = 65_536;

/**
 * The newest checkpoint, up to `newest`, that covers at least so many entries and that `ledger verify` would take under the policy; where there is
 * none yet, the next one, `newest` itself or a later one. Throws, where none comes in time, `unavailable`, or `failed` for a copy: one that
 * would leave an entry out is never taken in its place.
 */
export async function awaitWitnessed(
  key: LedgerKey,
  { newest, least }: { readonly newest: Signed; readonly least: number },
  { policy, series, wait }: Witnessing,
): Promise<Signed> {
  const judge = (bytes: Buffer) => satisfying(bytes, key, policy);
  const inSeries = async (from: number, to: number) => {
    let found: Signed | null = null;
    for await (const { size, checkpoint } of series(from > 0 ? from - 1 : null)) {
      if (size > to) break;
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
    const endsAt = performance.now() + wait.timeoutMs;
    while (performance.now() < endsAt) {
      await delay(wait.everyMs);
      const found = await inSeries(size, Number.POSITIVE_INFINITY);
      if (found !== null) return found;
    }
  }
  throw new Failure(
    wait === null ? "failed" : "unavailable",
    `no checkpoint that covers entry ${least - 1}, the last that is asked for, satisfies the policy (of the newest: ${lacking(newest.bytes, policy)}). Nothing was exported, since entries would be left out: ${wait === null ? "copy the ledger again" : "ask again"}, or do without --policy`,
  );
}

/** The ledger under a checkpoint that satisfies the policy and covers all that the ledger has now. Throws as `awaitWitnessed`. */
export async function witnessedSource(
  source: TileSource,
  key: LedgerKey,
  witnessing: Witnessing,
): Promise<TileSource> {
  const newest = await signedCheckpoint(source, key);
  const least = newest.checkpoint.size;
  const { bytes } = await awaitWitnessed(key, { newest, least }, witnessing);
  return { ...source, checkpoint: async () => bytes };
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
