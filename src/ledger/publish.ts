import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type Tile, tilePath, tilesBetween, tileWidth } from "../merkle/tile.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { cosignedCheckpoint, withMoreCosignatures } from "./cosigned.ts";
import { isHeld, type Lease } from "./lease.ts";
import { assertContinues, type Published, publishedPrefix, readPublished } from "./published.ts";
import { putPublished } from "./put-published.ts";
import type { RecentEntries } from "./recent-entries.ts";
import { readCovered } from "./tiles.ts";

export type PublishOptions = {
  readonly db: Kysely<Schema>;
  readonly store: BlobStore;
  readonly key: VerificationKey;
  /** The published checkpoint's tag that is known to be continued by the database. */
  readonly continuedTag?: string | null;
  /** What this node wrote itself; all is read from the database where it is not given. */
  readonly recent?: RecentEntries;
};

/** Size 0 and no tag: nothing is published. */
export type PublishedNow = { readonly size: number; readonly tag: string | null };

const atOnce = 8;

/**
 * Puts what the newest signed checkpoint covers into the blob store: full tiles and entry bundles, then partial ones, then the checkpoint
 * itself, with the cosignatures that it has so far, in the place of the one that was there, so that at every moment the store holds all that its
 * checkpoint covers. One of the same size is replaced where more witnesses have cosigned it since. What a crash left is the same bytes under the
 * same names, so it may be run again after any step. Gives what is published now.
 *
 * A holder that lost the lease publishes nothing older than is there: the checkpoint is replaced only while it is the one that was read at the
 * beginning, and that one was smaller, or the same with fewer cosignatures. Throws `ledger_diverged` where the database is not what was published grown on, and `record_tampered`
 * where a tile in the store has other bytes.
 */
export async function publish(options: PublishOptions, lease: Lease): Promise<PublishedNow> {
  const { db, store } = options;
  const published = await readPublished(options);
  if (published?.tag !== options.continuedTag) await assertContinues(db, published);
  const newest = await cosignedCheckpoint(db);
  const before = published?.checkpoint.size ?? 0;
  const note = newest === null ? null : noteAfter(published, newest);
  if (newest === null || note === null) return { size: before, tag: published?.tag ?? null };
  const tiles = [...tilesBetween(before, newest.size)];
  const recent = await recentOf(options, newest.size);
  const put = async (tile: Tile) => await putTile(options, tile, recent);
  await eachOf(tiles.filter(isFull), put);
  await eachOf(
    tiles.filter((tile) => !isFull(tile)),
    put,
  );
  if (!(await isHeld(db, lease)))
    throw new Refusal("ledger_unavailable", "the ledger's lease was lost while publishing");
  const tag = await replaceCheckpoint(store, note, published);
  await removeSuperseded(store, tiles.filter(isFull), before);
  return { size: newest.size, tag };
}

/** What is to be published in the place of what is there; null where that is as good. */
function noteAfter(
  published: Published | null,
  newest: { readonly size: number; readonly note: string },
): string | null {
  if (published === null || newest.size > published.checkpoint.size) return newest.note;
  if (newest.size < published.checkpoint.size) return null;
  return withMoreCosignatures(published.note, newest.note);
}

function isFull({ width }: Tile): boolean {
  return width === tileWidth;
}

/**
 * What this node wrote, where the checkpoint's last entry is among it and the stored one has the same leaf hash, which each entry before it
 * went into: a database that was put in the place of the one it was written to has another.
 */
async function recentOf(
  { db, recent }: PublishOptions,
  size: number,
): Promise<RecentEntries | undefined> {
  const own = recent?.leaf(size - 1) ?? null;
  if (own === null) return undefined;
  const stored = await db
    .selectFrom("ledger_entry")
    .select("leaf")
    .where("index", "=", BigInt(size - 1))
    .executeTakeFirst();
  return stored?.leaf.equals(own) === true ? recent : undefined;
}

async function putTile(
  { db, store }: PublishOptions,
  tile: Tile,
  recent: RecentEntries | undefined,
): Promise<void> {
  const bytes = recent?.tile(tile) ?? (await readCovered(db, tile));
  const path = tilePath(tile);
  await putPublished(store, {
    path,
    bytes,
    // A partial tile is removed once its full one is there; a full one is for ever, and the checkpoint's bytes change.
    isRetained: isFull(tile),
    otherwise: `the blob store holds other bytes under ${path} than the ledger has there. Somebody changed the published ledger, or two databases publish into one store: keep that blob as evidence, then remove it.`,
  });
}

async function replaceCheckpoint(
  store: BlobStore,
  note: string,
  published: Published | null,
): Promise<string> {
  try {
    const bytes = Buffer.from(note, "utf8");
    return await store.replace(`${publishedPrefix}checkpoint`, bytes, published?.tag ?? null);
  } catch (cause) {
    if (!isRefusal(cause, "precondition_failed")) throw cause;
    // Another holder of the lease went on: what it published stays, and is looked at next time.
    throw new Refusal("ledger_unavailable", "another node replaced the checkpoint meanwhile", {
      cause,
    });
  }
}

/**
 * C2SP tlog-tiles lets a log delete the partial tiles of a tile that is full now; without that the store would keep one a second for ever.
 * Those that a crash leaves behind stay, and do no harm.
 */
async function removeSuperseded(
  store: BlobStore,
  full: readonly Tile[],
  before: number,
): Promise<void> {
  for (const tile of full.filter(({ level, number }) => isBegun(level, number, before))) {
    for await (const key of store.list(`${publishedPrefix}${tilePath(tile)}.p/`))
      await store.remove(key);
  }
}

/** Whether the tile was published as a partial one when the ledger had `size` entries. */
function isBegun(level: Tile["level"], number: number, size: number): boolean {
  const count = level === "entries" ? size : Math.floor(size / tileWidth ** level);
  return count > number * tileWidth;
}

async function eachOf<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    for (const item of left) await work(item);
  });
  // Nothing is left running behind a failure.
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
