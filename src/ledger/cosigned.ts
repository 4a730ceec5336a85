import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { encodeNote, type NoteSignature, parseNote } from "../merkle/note.ts";

/**
 * The newest signed checkpoint as it is served and published, with the cosignatures that it has so far; null before the first. It never goes
 * back: sizes only grow, and a cosignature is never taken from a checkpoint again.
 */
export async function cosignedCheckpoint(
  db: Kysely<Schema>,
): Promise<{ readonly size: number; readonly note: string } | null> {
  const newest = await db
    .selectFrom("ledger_checkpoint")
    .select(["size", "note"])
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  if (newest === undefined) return null;
  const checkpoint = { size: Number(newest.size), note: newest.note };
  return { ...checkpoint, note: await withCosignatures(db, checkpoint) };
}

/** A checkpoint's note with the stored cosignatures behind the log's own signature. They are verified by whoever relies on them. */
export async function withCosignatures(
  db: Kysely<Schema>,
  { size, note }: { readonly size: number; readonly note: string },
): Promise<string> {
  const signed = parseNote(note);
  const rows = await db
    .selectFrom("ledger_cosignature")
    .select(["name", "key_id", "signature"])
    .where("size", "=", BigInt(size))
    .orderBy("name")
    .orderBy("key_id")
    .execute();
  if (signed === null || rows.length === 0) return note;
  const cosignatures = rows.map(({ name, key_id: keyId, signature }) => ({
    name,
    keyId,
    signature,
  }));
  return encodeNote({ ...signed, signatures: [...signed.signatures, ...cosignatures] });
}

/** Keeps a cosignature that the caller has verified; the first of a cosigner for a checkpoint stays. */
export async function keepCosignature(
  db: Kysely<Schema>,
  size: number,
  { name, keyId, signature, cosignedAt }: NoteSignature & { readonly cosignedAt: Date },
): Promise<void> {
  await db
    .insertInto("ledger_cosignature")
    .values({ size: BigInt(size), name, key_id: keyId, signature, cosigned_at: cosignedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The largest size that a cosigner is known to have cosigned; 0 where none is. */
export async function cosignedSize(
  db: Kysely<Schema>,
  { name, keyId }: Pick<NoteSignature, "name" | "keyId">,
): Promise<number> {
  const row = await db
    .selectFrom("ledger_cosignature")
    .select("size")
    .where("name", "=", name)
    .where("key_id", "=", keyId)
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  return Number(row?.size ?? 0n);
}
