import { setTimeout as sleep } from "node:timers/promises";
import { type Kysely, sql, type Transaction } from "kysely";
import type { Schema } from "../database/schema.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { newestCheckpoint } from "./receipt.ts";
import { lockRotations } from "./reigns.ts";
import { submit } from "./submit.ts";

export const takenUpKind = "ledger.key-taken-up";

/**
 * Submits the entry with which a new key takes the ledger up, where the newest checkpoint is the last of the key before it and nothing else waits
 * for a place: the new key then signs at once, and whoever pinned it sees a checkpoint of its own. The caller has verified the checkpoint, covers all
 * entries with it and holds the lease. Whether it submitted one.
 */
export async function takeUp(
  tx: Transaction<Schema>,
  { key, note, now }: { readonly key: VerificationKey; readonly note: string; readonly now: Date },
): Promise<boolean> {
  if (openCheckpoint(note, key)?.verdict === "verified") return false;
  // A rotation from this key that came in between would be the entry before, and name another key.
  await lockRotations(tx);
  const { rows } = await sql`select 1 from ledger_pending limit 1`.execute(tx);
  if (rows.length > 0) return false;
  await submit(tx, { kind: takenUpKind, time: now, body: { keyId: key.keyId } });
  return true;
}

const lookEveryMs = 20;

/** Whether a checkpoint of more than so many entries is stored in time: behind a rotation's last size it is one of the new key's. */
export async function isSignedBeyond(
  db: Kysely<Schema>,
  size: number,
  timeoutMs: number,
): Promise<boolean> {
  const end = performance.now() + timeoutMs;
  while (((await newestCheckpoint(db))?.size ?? 0) <= size) {
    if (performance.now() >= end) return false;
    await sleep(lookEveryMs);
  }
  return true;
}
