import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type RawBuilder, sql } from "kysely";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { isRefusal } from "../errors.ts";
import { submit } from "../ledger/submit.ts";
import { restorableUntil } from "./backups.ts";
import { digestOf, type Rotation, totalOf } from "./rotate.ts";
import { record, type Tx, type Vault } from "./vault.ts";
import {
  countByKek,
  findOlder,
  olderThan,
  type Replacement,
  replaceWraps,
  type WrappedKey,
  type WrappedNoun,
  wrappedNouns,
} from "./wrapped-keys.ts";

export type Rewrapper = Pick<
  Vault,
  "database" | "ledger" | "custodian" | "now" | "node" | "limits"
>;

export type RewrapOptions = {
  /** Hears of the first key of each kind of failure in a pass; the key keeps its wrap, and the pass goes on. */
  readonly onFailure?: (error: unknown) => void;
  /** Ends the pass after the batch that is under way. */
  readonly signal?: AbortSignal;
};

export type Rewrapped = { readonly rewrapped: number; readonly isFinished: boolean };

const leaseSeconds = 30;
const batchKeys = 100;
const rewrapsAtOnce = 16;

/**
 * One pass of the running rotation, where this node's primary is the key that it goes to: every key under another key-encryption key is re-wrapped and
 * its row names the new one. The custodian has opened and compared both wraps by then; the old one stays in its row, and readable, until one transaction
 * puts the new one in its place, and only if the old one is still there. So a pass may be killed at any step: the next one, of any node, goes on
 * with what is left. One node at a time does it, by a lease of the database's clock. Ends the rotation when nothing is left but wraps that do not open.
 */
export async function rewrapKeys(
  vault: Rewrapper,
  { onFailure = () => {}, signal }: RewrapOptions = {},
): Promise<Rewrapped> {
  const rotation = await takeLease(vault);
  if (rotation === null) return { rewrapped: 0, isFinished: false };
  const told = new Set<string>();
  const pass = { rewrapped: 0, rejected: 0 };
  for (const noun of wrappedNouns) {
    for (let after: string | null = null; ; ) {
      if (signal?.aborted === true) return { ...pass, isFinished: false };
      const begunMs = performance.now();
      const keys = await findBatch(vault, { noun, kek: rotation.kek, after });
      if (keys.length === 0) break;
      const batch = await rewrapBatch(vault, keys);
      pass.rejected += batch.failures.filter(isRejection).length;
      for (const { code, error } of batch.failures) {
        if (!told.has(code)) onFailure(error);
        told.add(code);
      }
      const replaced = await replaceBatch(vault, rotation.id, { noun, made: batch.made });
      if (replaced === null) return { ...pass, isFinished: false };
      pass.rewrapped += replaced;
      if (batch.outage !== null) throw batch.outage;
      after = keys.at(-1)?.record ?? null;
      const spentMs = performance.now() - begunMs;
      await rest(pauseMs(keys.length, spentMs, vault.limits.rewrapsPerSecond), signal);
    }
  }
  const isFinished = await finish(vault, rotation.id, pass.rejected);
  return { rewrapped: pass.rewrapped, isFinished };
}

/** How long to rest after so many keys, so that no more than `perSecond` are re-wrapped in a second. */
export function pauseMs(keys: number, spentMs: number, perSecond: number): number {
  return Math.max(0, (keys / perSecond) * 1_000 - spentMs);
}

async function findBatch(
  { database, limits }: Rewrapper,
  wanted: { readonly noun: WrappedNoun; readonly kek: string; readonly after: string | null },
) {
  const limit = Math.min(batchKeys, limits.rewrapsPerSecond);
  return await findOlder(database.db, { ...wanted, limit });
}

type KeyFailure = { readonly code: string; readonly error: Error };
type Batch = {
  readonly made: readonly Replacement[];
  readonly failures: readonly KeyFailure[];
  /** Why the custodian or something else does not serve now; nothing more is asked of it in this pass. */
  readonly outage: Error | null;
};

/** A wrap that does not open, or that the custodian refuses for its key-encryption key, keeps no other from being re-wrapped. */
async function rewrapBatch({ custodian }: Rewrapper, keys: readonly WrappedKey[]): Promise<Batch> {
  const made: Replacement[] = [];
  const failures: KeyFailure[] = [];
  for (let at = 0; at < keys.length; at += rewrapsAtOnce) {
    const some = keys.slice(at, at + rewrapsAtOnce);
    const settled = await Promise.allSettled(
      some.map(async (key) => ({
        key,
        wrap: await custodian.rewrap(key.wrapped, key.context, key.keyId),
      })),
    );
    made.push(...settled.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
    for (const [index, each] of settled.entries()) {
      if (each.status === "fulfilled") continue;
      const cause: unknown = each.reason;
      if (!isRefusal(cause, "wrapped_key_rejected", "custodian_refused"))
        return { made, failures, outage: errorOf(cause) };
      const { noun, record: id } = some[index] ?? { noun: "object", record: "" };
      const error = new Error(`the key of ${noun} ${id} was not re-wrapped`, { cause });
      failures.push({ code: cause.code, error });
    }
  }
  return { made, failures, outage: null };
}

function errorOf(cause: unknown): Error {
  return Error.isError(cause) ? cause : new Error("a key was not re-wrapped", { cause });
}

function isRejection({ code }: KeyFailure): boolean {
  return code === "wrapped_key_rejected";
}

/** Puts new wraps in their places, with count and digest. Null where the lease was lost, and then nothing was replaced. */
async function replaceBatch(
  vault: Rewrapper,
  rotation: string,
  { noun, made }: { readonly noun: WrappedNoun; readonly made: readonly Replacement[] },
): Promise<number | null> {
  return await record(vault, async (tx) => {
    const row = await holdLease(tx, vault, rotation);
    if (row === null) return null;
    let { rewrapped, digest } = row;
    const records = await replaceWraps(tx, noun, made);
    const replaced = [];
    for (const { key, wrap } of made) {
      const { record: id } = key;
      if (!records.has(id)) continue;
      rewrapped += 1n;
      const wraps = { old_sha256: sha256(key.wrapped), new_sha256: sha256(wrap.wrapped) };
      digest = chained(digest, { noun, record: id, ...wraps });
      replaced.push({ rotation, position: rewrapped, noun, record: id, ...wraps });
    }
    if (replaced.length === 0) return 0;
    await tx.insertInto("rewrapped_key").values(replaced).execute();
    await tx
      .updateTable("custody_rotation")
      .set({ rewrapped, digest })
      .where("id", "=", rotation)
      .execute();
    return replaced.length;
  });
}

export type Replaced = {
  readonly noun: WrappedNoun;
  readonly record: string;
  readonly old_sha256: Buffer;
  readonly new_sha256: Buffer;
};

/** SHA-256(digest so far | canonical JSON of what was replaced next); 32 zero bytes before the first. */
export function chained(digest: Buffer, { noun, record: id, ...wraps }: Replaced): Buffer {
  const [old, replacement] = [wraps.old_sha256.toString("hex"), wraps.new_sha256.toString("hex")];
  const next = canonicalJson({ noun, record: id, old, new: replacement });
  return createHash("sha256").update(digest).update(next).digest();
}

/** True where the rotation ended: nothing is left but what this pass found not to open. */
async function finish(vault: Rewrapper, id: string, rejected: number): Promise<boolean> {
  return await record(vault, async (tx) => {
    const row = await holdLease(tx, vault, id);
    if (row === null) return false;
    const left = totalOf(olderThan(row.kek, await countByKek(tx)));
    const found = { rejected: BigInt(rejected), holder: null, lease_until: null };
    const isFinished = left <= rejected;
    const now = vault.now();
    const end = isFinished
      ? ({ state: "finished", ended_at: now, outcome: await tell(tx, vault, row, left) } as const)
      : {};
    await tx
      .updateTable("custody_rotation")
      .set({ ...found, ...end })
      .where("id", "=", id)
      .execute();
    return isFinished;
  });
}

async function tell(tx: Tx, vault: Rewrapper, row: Rotation, left: number): Promise<bigint> {
  const { id: rotation, kek, rewrapped, digest } = row;
  const now = vault.now();
  return await submit(tx, {
    kind: "rotation.finished",
    subject: rotation,
    time: now,
    body: {
      rotation,
      kek: digestOf(kek),
      rewrapped: Number(rewrapped),
      rejected: left,
      digest: digest.toString("hex"),
      restorableUntil: restorableUntil(now, vault.limits.backupRetentionDays),
    },
  });
}

const leased: RawBuilder<Date> = sql`clock_timestamp() + make_interval(secs => ${leaseSeconds})`;

async function takeLease({ database, custodian, node }: Rewrapper): Promise<Rotation | null> {
  const row = await database.db
    .updateTable("custody_rotation")
    .set({ holder: node, lease_until: leased })
    .where("state", "=", "running")
    .where("kek", "=", custodian.keyId)
    .where((where) =>
      where.or([
        where("holder", "=", node),
        where("lease_until", "is", null),
        where("lease_until", "<", sql<Date>`clock_timestamp()`),
      ]),
    )
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** Renews the lease, and keeps the rotation's row from everybody else until the transaction ends; null where another node took it over. */
async function holdLease(tx: Tx, { node }: Rewrapper, id: string): Promise<Rotation | null> {
  const row = await tx
    .updateTable("custody_rotation")
    .set({ lease_until: leased })
    .where("id", "=", id)
    .where("state", "=", "running")
    .where("holder", "=", node)
    .returningAll()
    .executeTakeFirst();
  return row ?? null;
}

/** Who stops the pass ends the rest too. */
async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms === 0) return;
  await sleep(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });
}

function sha256(bytes: Buffer): Buffer {
  return createHash("sha256").update(bytes).digest();
}
