import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { withOwnSignatures, withoutMlDsa } from "../merkle/cosignature.ts";
import { parseNote } from "../merkle/note.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { withMoreCosignatures } from "./cosigned.ts";
import { publishedPrefix } from "./published.ts";
import { putPublished } from "./put-published.ts";
import { storeTimestamps } from "./source-store.ts";
import { mostTimestampNames, stampedSize, timestampPath } from "./source-timestamps.ts";

type Place = { readonly db: Kysely<Schema>; readonly store: BlobStore };

/** The sizes of the stamps that are in the store, as far as this process knows, and whether it has looked at the names that were there before. */
export type InStore = { readonly sizes: Set<number>; wasLookedAt: boolean };

/** What a process knows that starts. */
export function nothingKnown(): InStore {
  return { sizes: new Set(), wasLookedAt: false };
}

/** So many of the newest stamps that are there already are compared at a start: each is two blobs to be read. */
export const mostCompared = 64;

/** So many stamps that the ledger does not have are asked about; more need no more telling. */
const mostStrange = 1_000;
/** After so many that failed the store is taken to be away. */
const mostFailures = 4;

/**
 * Puts the stamps that the store does not have yet beside the published ledger, each with its checkpoint before it, written once: a stamp lies there
 * no sooner than the checkpoint that covers what it is of. `known` are those that are there, and grows; at the first time the newest of those in the store are compared,
 * a stamp byte for byte and its checkpoint by what it says, and the older ones taken by their names. Gives whether all are there now. Throws `record_tampered`, after all the others were put, where the
 * store holds another one of the same size, or one that the ledger does not have: it stays, and nothing else waits for it. Throws what the store throws where
 * it cannot be asked.
 */
export async function publishTimestamps({ db, store }: Place, known: InStore): Promise<boolean> {
  const found: string[] = [];
  const failures: unknown[] = [];
  const covered = await publishedSize(store);
  if (!known.wasLookedAt) {
    const { older, strange } = await lookAt({ db, store });
    for (const size of older) known.sizes.add(size);
    known.wasLookedAt = true;
    if (strange !== null) found.push(strange);
  }
  let isWhole = true;
  const unknown = (await stampedSizes(db)).filter((each) => !known.sizes.has(each));
  // The newest first, so that no number of names that cannot be read holds up a later stamp.
  for (const size of unknown.toReversed()) {
    if (size > covered) {
      isWhole = false;
      continue;
    }
    try {
      await putTimestamp({ db, store }, size);
    } catch (error) {
      if (!isRefusal(error, "record_tampered")) {
        // One that cannot be read, for it is a link or locked away, holds up no other; an outage ends this.
        failures.push(error);
        if (failures.length < mostFailures) continue;
        // What was found and not told yet is found again.
        if (found.length > 0) forget(known);
        throw error;
      }
      found.push(error.message);
    }
    // What another holds in its place stays there: it is told once, and not tried for ever.
    known.sizes.add(size);
  }
  if (found.length === 0 && failures.length > 0) throw failures[0];
  const [first, ...others] = found;
  if (first === undefined) return isWhole;
  const more = others.length === 0 ? "" : ` (and ${others.length} more such findings)`;
  throw new Refusal("record_tampered", `${first}${more}`);
}

function forget(known: InStore): void {
  known.sizes.clear();
  known.wasLookedAt = false;
}

/** What the store's names say: the older of the ledger's stamps that are there, and what there is to tell of others. */
async function lookAt({
  db,
  store,
}: Place): Promise<{ readonly older: ReadonlySet<number>; readonly strange: string | null }> {
  const own = await stampedSizes(db);
  const [all, taken] = [new Set(own), new Set(own.slice(0, -mostCompared))];
  const [older, strange] = [new Set<number>(), new Set<number>()];
  let left = mostTimestampNames;
  for await (const name of storeTimestamps(store).names()) {
    if (left === 0) break;
    left -= 1;
    const size = stampedSize(name);
    if (size === null) continue;
    if (taken.has(size)) older.add(size);
    if (!all.has(size) && strange.size < mostStrange) strange.add(size);
  }
  // Another node may have had one made and published meanwhile: the database has it first.
  if (strange.size > 0) for (const size of await stampedSizes(db)) strange.delete(size);
  if (strange.size === 0) return { older, strange: null };
  const largest = Math.max(...strange);
  const count = strange.size === mostStrange ? `${mostStrange} or more` : `${strange.size}`;
  return {
    older,
    strange: `the blob store holds timestamps that the ledger does not have, ${count} of them, one under ${timestampPath(largest, "tsr")}: somebody put them there, or the database was put back to before them or rebuilt without them`,
  };
}

async function stampedSizes(db: Kysely<Schema>): Promise<readonly number[]> {
  const rows = await db.selectFrom("ledger_timestamp").select("size").orderBy("size").execute();
  return rows.map(({ size }) => Number(size));
}

/** As the checkpoint in the store says; 0 where there is none. Who signed it is for the publisher to judge. */
async function publishedSize(store: BlobStore): Promise<number> {
  const blob = await store.readTagged(`${publishedPrefix}checkpoint`);
  const note = blob === null ? null : parseNote(blob.bytes);
  const size = Number(note?.text.split("\n")[1] ?? "0");
  return Number.isSafeInteger(size) ? size : 0;
}

async function putTimestamp({ db, store }: Place, size: number): Promise<void> {
  const row = await db
    .selectFrom("ledger_timestamp")
    .innerJoin("ledger_checkpoint", "ledger_checkpoint.size", "ledger_timestamp.size")
    .select(["note", "response"])
    .where("ledger_timestamp.size", "=", BigInt(size))
    .executeTakeFirstOrThrow();
  const { note, response } = row;
  const isSameNote = (there: Buffer) => isSaidBy(there.toString("utf8"), note);
  await put(store, timestampPath(size, "checkpoint"), Buffer.from(note, "utf8"), isSameNote);
  await put(store, timestampPath(size, "tsr"), response, (there) => there.equals(response));
}

/**
 * Whether the note in the store has the text and the ledger's own signature of the one known here, and no signature beyond it: a ledger that was rebuilt
 * has its newest checkpoint with the witnesses' signatures, and what was published beside the stamp has none of them.
 */
function isSaidBy(there: string, note: string): boolean {
  const own = withoutMlDsa(withOwnSignatures(note));
  return (
    parseNote(there)?.text === parseNote(note)?.text &&
    withMoreCosignatures(there, own) === null &&
    withMoreCosignatures(note, there) === null
  );
}

async function put(
  store: BlobStore,
  path: string,
  bytes: Buffer,
  isSame: (there: Buffer) => boolean,
): Promise<void> {
  // Most of those that are compared are there as they should be, and reading one costs less than writing it.
  const there = await store.readTagged(`${publishedPrefix}${path}`);
  if (there !== null && isSame(there.bytes)) return;
  await putPublished(store, {
    path,
    bytes,
    isRetained: true,
    otherwise: `the blob store holds other bytes under ${path} than the ledger's timestamp: somebody changed it, or the database was put back to before it and stamped again`,
  });
}
