import { type Kysely, sql } from "kysely";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import type { Schema } from "../database/schema.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { encodeVerificationKey, keyIdOf, type VerificationKey } from "../merkle/note.ts";
import {
  isSameKey,
  nothingSigned,
  type Reign,
  type Rotation,
  readRotation,
  signRotation,
  successionOf,
  type TreeHead,
} from "../merkle/rotation.ts";
import { newestCheckpoint } from "./receipt.ts";
import { lockRotations, openSigned, readRotations, rotationKind, statementOf } from "./reigns.ts";
import { submit } from "./submit.ts";

export type RotationOptions = {
  readonly database: Database;
  /** Whose key rules. */
  readonly from: Signer;
  /** Whose key is to follow. */
  readonly to: Signer;
};

/** The size of the old key's last checkpoint; null until that covers the handing over from the one to the other. */
export async function rotatedSize({ database, from, to }: RotationOptions): Promise<number | null> {
  const { reigns } = successionOf(keyOf(from), await readRotations(database.db));
  const at = reigns.findIndex(({ key }) => isSameKey(key, keyOf(from)));
  const [mine, after] = [reigns[at], reigns[at + 1]];
  if (mine === undefined || after === undefined || !isSameKey(after.key, keyOf(to))) return null;
  const signedSize = (await newestCheckpoint(database.db))?.size ?? 0;
  return signedSize >= mine.lastSize ? mine.lastSize : null;
}

/**
 * The rotation that brought a signer's key, where that one rules and is being replaced by none; null otherwise. Whoever runs the same rotation
 * again is told by it that there is nothing to do.
 */
export async function rotationBehind({
  database,
  from,
}: Pick<RotationOptions, "database" | "from">): Promise<Reign | null> {
  const own = keyOf(from);
  const { reigns } = successionOf(own, await readRotations(database.db));
  const at = reigns.findIndex(({ key }) => isSameKey(key, own));
  const before = reigns[at - 1];
  if (before === undefined || reigns[at + 1] !== undefined) return null;
  const signedSize = (await newestCheckpoint(database.db))?.size ?? 0;
  if (signedSize < before.lastSize) return null;
  return (await submittedFrom(database.db, own)) === null ? before : null;
}

/**
 * Submits the rotation from the ruling key to the next, signed by both; gives the submission, also where an earlier run left it. Refuses
 * (`conflict`) while another rotation of the key is under way, and a next key that has signed this ledger before.
 */
export async function submitRotation({
  database,
  from,
  to,
  now,
}: RotationOptions & { readonly now: () => Date }): Promise<bigint> {
  const [own, next] = [keyOf(from), keyOf(to)];
  const statement = await signRotation(from, to, await headOf(database.db, own));
  return await transact(database.db, async (tx) => {
    await lockRotations(tx);
    const succession = successionOf(own, await readRotations(tx));
    const submitted = await submittedFrom(tx, own);
    if (submitted !== null && isSameKey(submitted.to, next)) return submitted.id;
    if (submitted !== null)
      throw new Refusal(
        "conflict",
        `the ledger's key is being replaced, or was, by ${textOf(submitted.to)}: name that one as the next key`,
      );
    if (!succession.take({ index: Number.MAX_SAFE_INTEGER, statement }))
      throw new Refusal(
        "conflict",
        `${textOf(next)} is the ledger's key, or was: name a key that has signed nothing of it`,
      );
    return await submit(tx, { kind: rotationKind, time: now(), body: { statement } });
  });
}

/** The newest checkpoint's head. Refuses (`record_tampered`) one that the ledger's keys did not sign: it would be bound to the ledger for good. */
async function headOf(db: Kysely<Schema>, own: VerificationKey): Promise<TreeHead> {
  const newest = await newestCheckpoint(db);
  if (newest === null) return nothingSigned;
  const opened = await openSigned(db, newest.note, own);
  if (opened?.verdict !== "verified")
    throw new Refusal("record_tampered", "the newest checkpoint is not signed by the ledger's key");
  return opened.checkpoint;
}

/** The submission that hands the ledger over from a key, whether it has its place or not; null where there is none. */
async function submittedFrom(
  db: Kysely<Schema>,
  own: VerificationKey,
): Promise<(Rotation & { readonly id: bigint }) | null> {
  const { rows } = await sql<{ id: bigint; body: Buffer }>`
    select id, body from ledger_submission where kind = 'ledger.key-rotated' order by id`.execute(
    db,
  );
  for (const { id, body } of rows) {
    const rotation = readRotation(statementOf(body), own.name);
    if (rotation !== null && isSameKey(rotation.from, own)) return { id, ...rotation };
  }
  return null;
}

function keyOf({ name, publicKey }: Signer): VerificationKey {
  return { name, publicKey, keyId: keyIdOf(name, publicKey) };
}

function textOf({ name, publicKey }: VerificationKey): string {
  return encodeVerificationKey(name, publicKey);
}
