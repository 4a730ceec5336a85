import { createHash, randomUUID } from "node:crypto";
import { type Selectable, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { restorableUntil } from "./backups.ts";
import { assertCallerStands } from "./caller.ts";
import { actedBy } from "./row.ts";
import { record, type Tx, type Vault } from "./vault.ts";
import { countByKek, type KekUse, olderThan, wrappedNouns } from "./wrapped-keys.ts";

export type Rotation = Selectable<Schema["custody_rotation"]>;

/** Any number of ours that no other lock of this database has. */
const rotationLock = 7_373_011n;

/** What the chain of digests over what a rotation replaced begins with. */
const emptyDigest = Buffer.alloc(32);

/**
 * Begins to re-wrap every data key under the custodian's primary key-encryption key, in the background of whichever node holds it. Where all of
 * them are under it already, a custodian that makes its own keys makes a new one first. Ends a rotation onto another key that was under way: what it
 * re-wrapped stays. Throws `conflict` where one onto this key is running, and where there is no other key to rotate onto.
 */
export async function beginRotation(
  vault: Pick<Vault, "database" | "ledger" | "custodian" | "now">,
  caller: Caller,
): Promise<{ readonly rotation: string; readonly kek: string; readonly keys: number }> {
  const { custodian } = vault;
  const rotation = randomUUID();
  return await record(vault, async (tx) => {
    await sql`select pg_advisory_xact_lock(${rotationLock})`.execute(tx);
    const now = vault.now();
    await assertCallerStands(tx, caller, now);
    const running = await lockRunning(tx);
    if (running?.kek === custodian.keyId)
      throw new Refusal("conflict", "a rotation onto this key-encryption key is running");
    const kek = await targetOf(tx, vault);
    if (running !== null) await supersede(tx, running, caller, now);
    const keys = olderThan(kek, await countByKek(tx));
    const submission = await submit(tx, {
      kind: "rotation.begun",
      subject: rotation,
      time: now,
      body: { rotation, ...actedBy(caller), kek: digestOf(kek), keys },
    });
    await tx
      .insertInto("custody_rotation")
      .values({
        id: rotation,
        kek,
        state: "running",
        begun_by: caller.principal,
        begun_at: now,
        ended_at: null,
        digest: emptyDigest,
        holder: null,
        lease_until: null,
        submission,
        outcome: null,
      })
      .execute();
    return { rotation, kek, keys: totalOf(keys) };
  });
}

/** A key's id may tell an account and a region: entries carry its digest. */
export function digestOf(kek: string): string {
  return createHash("sha256").update(kek, "utf8").digest("hex");
}

export function totalOf(keys: Omit<KekUse, "kek">): number {
  return wrappedNouns.reduce((sum, noun) => sum + keys[noun], 0);
}

export type CustodyStatus = {
  /** The primary of the node that answers. */
  readonly kek: string;
  readonly uses: readonly KekUse[];
  readonly rewrapsPerSecond: number;
  /** The newest rotation. */
  readonly rotation:
    | (Pick<Rotation, "id" | "kek" | "state" | "rewrapped" | "rejected"> & {
        readonly begunAt: Date;
        readonly endedAt: Date | null;
        /** How many keys are under another key-encryption key than its own. */
        readonly left: number;
        /** Until when a backup of before its end needs the older key-encryption keys; null while it runs, and where nobody states it. */
        readonly restorableUntil: string | null;
      })
    | null;
};

/** Which key-encryption keys are in use for how many keys, and how far the newest rotation is. */
export async function custodyStatus({
  database,
  custodian,
  limits,
}: Pick<Vault, "database" | "custodian" | "limits">): Promise<CustodyStatus> {
  const uses = await countByKek(database.db);
  const row = await database.db
    .selectFrom("custody_rotation")
    .selectAll()
    .orderBy("submission", "desc")
    .limit(1)
    .executeTakeFirst();
  const { rewrapsPerSecond, backupRetentionDays } = limits;
  if (row === undefined) return { kek: custodian.keyId, uses, rewrapsPerSecond, rotation: null };
  const { id, kek, state, rewrapped, rejected, begun_at: begunAt, ended_at: endedAt } = row;
  return {
    kek: custodian.keyId,
    uses,
    rewrapsPerSecond,
    rotation: {
      ...{ id, kek, state, rewrapped, rejected, begunAt, endedAt },
      left: totalOf(olderThan(kek, uses)),
      restorableUntil: endedAt === null ? null : restorableUntil(endedAt, backupRetentionDays),
    },
  };
}

/**
 * The primary, if anything is wrapped under another key; else a new one. A transaction that is run again after it made one finds keys under the
 * older one and makes no second.
 */
async function targetOf(tx: Tx, { custodian }: Pick<Vault, "custodian">): Promise<string> {
  const isDue = totalOf(olderThan(custodian.keyId, await countByKek(tx))) > 0;
  const made = isDue ? custodian.keyId : await custodian.renew();
  if (made !== null) return made;
  throw new Refusal(
    "conflict",
    "every data key is wrapped under the configured key-encryption key already: configure the new key, and the one of now among those that are unwrapped with, then rotate",
  );
}

async function lockRunning(tx: Tx): Promise<Rotation | null> {
  const row = await tx
    .selectFrom("custody_rotation")
    .selectAll()
    .where("state", "=", "running")
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

async function supersede(tx: Tx, running: Rotation, caller: Caller, now: Date): Promise<void> {
  const { id: rotation, rewrapped, digest } = running;
  const outcome = await submit(tx, {
    kind: "rotation.superseded",
    subject: rotation,
    time: now,
    body: {
      rotation,
      ...actedBy(caller),
      rewrapped: Number(rewrapped),
      digest: digest.toString("hex"),
    },
  });
  await tx
    .updateTable("custody_rotation")
    .set({ state: "superseded", ended_at: now, holder: null, lease_until: null, outcome })
    .where("id", "=", rotation)
    .execute();
}
