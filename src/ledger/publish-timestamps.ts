import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isRefusal, type Refusal } from "../errors.ts";
import { parseNote } from "../merkle/note.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { publishedPrefix } from "./published.ts";
import { putPublished } from "./put-published.ts";
import { publishedTimestampSizes } from "./source-store.ts";
import { timestampPath } from "./source-timestamps.ts";

/**
 * Puts the stamps that the store does not have yet beside the published ledger, each with its checkpoint before it, written once: a stamp lies there
 * no sooner than the checkpoint that covers what it is of. `known` are those that are there, and grows. Gives whether all are there now. Throws
 * `record_tampered`, after all the others were put, where the store holds another one of the same size.
 */
export async function publishTimestamps(
  { db, store }: { readonly db: Kysely<Schema>; readonly store: BlobStore },
  known: Set<number>,
): Promise<boolean> {
  if (known.size === 0) for (const size of await publishedTimestampSizes(store)) known.add(size);
  const covered = await publishedSize(store);
  const stamped = await db.selectFrom("ledger_timestamp").select("size").orderBy("size").execute();
  let isWhole = true;
  let other: Refusal | null = null;
  for (const size of stamped.map((row) => Number(row.size)).filter((each) => !known.has(each))) {
    if (size > covered) {
      isWhole = false;
      continue;
    }
    try {
      await putTimestamp({ db, store }, size);
    } catch (error) {
      if (!isRefusal(error, "record_tampered")) throw error;
      other ??= error;
    }
    // What another holds in its place stays there: it is told once, and not tried for ever.
    known.add(size);
  }
  if (other !== null) throw other;
  return isWhole;
}

/** As the checkpoint in the store says; 0 where there is none. Who signed it is for the publisher to judge. */
async function publishedSize(store: BlobStore): Promise<number> {
  const blob = await store.readTagged(`${publishedPrefix}checkpoint`);
  const note = blob === null ? null : parseNote(blob.bytes);
  const size = Number(note?.text.split("\n")[1] ?? "0");
  return Number.isSafeInteger(size) ? size : 0;
}

async function putTimestamp(
  { db, store }: { readonly db: Kysely<Schema>; readonly store: BlobStore },
  size: number,
): Promise<void> {
  const row = await db
    .selectFrom("ledger_timestamp")
    .innerJoin("ledger_checkpoint", "ledger_checkpoint.size", "ledger_timestamp.size")
    .select(["note", "response"])
    .where("ledger_timestamp.size", "=", BigInt(size))
    .executeTakeFirstOrThrow();
  await put(store, timestampPath(size, "checkpoint"), Buffer.from(row.note, "utf8"));
  await put(store, timestampPath(size, "tsr"), row.response);
}

async function put(store: BlobStore, path: string, bytes: Buffer): Promise<void> {
  await putPublished(store, {
    path,
    bytes,
    isRetained: true,
    otherwise: `the blob store holds other bytes under ${path} than the ledger's timestamp: somebody changed it, or the database was put back to before it and stamped again`,
  });
}
