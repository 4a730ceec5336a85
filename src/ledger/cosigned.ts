import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { encodeNote, type Note, type NoteSignature, parseNote } from "../merkle/note.ts";

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

/**
 * A checkpoint's note with the stored cosignatures behind the log's own signature. They are verified by whoever relies on them; stored ones that
 * make no note of that text with it, since they are too many or of no form, are all left out.
 */
export async function withCosignatures(
  db: Kysely<Schema>,
  checkpoint: { readonly size: number; readonly note: string },
): Promise<string> {
  return (await withAllCosignatures(db, [checkpoint])).get(checkpoint.size) ?? checkpoint.note;
}

/** The same of several at once, by their sizes. */
export async function withAllCosignatures(
  db: Kysely<Schema>,
  checkpoints: readonly { readonly size: number; readonly note: string }[],
): Promise<ReadonlyMap<number, string>> {
  const sizes = checkpoints.map(({ size }) => BigInt(size));
  const rows =
    sizes.length === 0
      ? []
      : await db
          .selectFrom("ledger_cosignature")
          .select(["size", "name", "key_id", "signature"])
          .where("size", "in", sizes)
          .orderBy("name")
          .orderBy("key_id")
          .execute();
  const bySize = Map.groupBy(rows, ({ size }) => Number(size));
  return new Map(
    checkpoints.map(({ size, note }) => {
      const signed = parseNote(note);
      const cosignatures = (bySize.get(size) ?? []).map(({ name, key_id: keyId, signature }) => ({
        name,
        keyId,
        signature,
      }));
      if (signed === null || cosignatures.length === 0) return [size, note];
      return [size, encodeWhole(signed, [...signed.signatures, ...cosignatures]) ?? note];
    }),
  );
}

/**
 * The published note of a checkpoint with the cosignatures that the one known here has beyond it; null where it has none. What is published stays,
 * also a cosignature that the database lost: where the two differ in one of a cosigner, the database's counts.
 */
export function withMoreCosignatures(published: string, known: string): string | null {
  const [old, own] = [parseNote(published), parseNote(known)];
  if (old === null || own === null || old.text !== own.text) return null;
  const isPublished = ({ name, keyId, signature }: NoteSignature) =>
    old.signatures.some(
      (each) => isBySame(each, { name, keyId }) && each.signature.equals(signature),
    );
  if (own.signatures.every(isPublished)) return null;
  return encodeWhole(own, [...own.signatures, ...old.signatures]) ?? known;
}

/** The note with the first signature of each signer; null where a reader would not find that text and all of them in it. */
function encodeWhole(
  { text }: Pick<Note, "text">,
  signatures: readonly NoteSignature[],
): string | null {
  const first = signatures.filter(
    (signature, at) => signatures.findIndex((each) => isBySame(each, signature)) === at,
  );
  const encoded = encodeNote({ text, signatures: first });
  const read = parseNote(encoded);
  return read?.text === text && read.signatures.length === first.length ? encoded : null;
}

function isBySame(
  one: Pick<NoteSignature, "name" | "keyId">,
  other: Pick<NoteSignature, "name" | "keyId">,
): boolean {
  return one.name === other.name && one.keyId === other.keyId;
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
