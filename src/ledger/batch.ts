import type { Transaction } from "kysely";
import type { Schema } from "../database/schema.ts";
import { partialTilesOf, tileHash, tilePath } from "../merkle/tile.ts";
import { type TileBytes, TileEdge } from "../merkle/tile-edge.ts";
import { leafHash } from "../merkle/tree.ts";
import { encodeEntry } from "./entry.ts";
import { ledgerSize, readTile } from "./tiles.ts";

/** The ledger's right edge, as the sequencer carries it from batch to batch. */
export type Head = { readonly edge: TileEdge; previous: string };

const batchLimit = 1_024;

/** Reads the right edge from the stored entries and tiles. */
export async function readHead(tx: Transaction<Schema>): Promise<Head> {
  const size = await ledgerSize(tx);
  const partials = new Map<string, Uint8Array>();
  for (const tile of partialTilesOf(size)) {
    const bytes = await readTile(tx, tile);
    if (bytes !== null) partials.set(tilePath(tile), bytes);
  }
  const last = await tx
    .selectFrom("ledger_entry")
    .select("leaf")
    .where("index", "=", BigInt(size - 1))
    .executeTakeFirst();
  return { edge: TileEdge.restore(size, partials), previous: last?.leaf.toString("hex") ?? "" };
}

/**
 * Gives the oldest pending submissions their places: entries, the tiles that they fill, and the pending rows deleted, all
 * in the caller's transaction. Moves `head` along; the caller throws it away when the transaction fails.
 * Submissions of conflicting transactions keep the order of their locks, since an id is drawn while the lock is held.
 */
export async function sequenceBatch(tx: Transaction<Schema>, head: Head): Promise<number> {
  const pending = await tx
    .selectFrom("ledger_pending")
    .innerJoin("ledger_submission as submission", "submission.id", "ledger_pending.submission")
    .select(["submission.id", "submission.kind", "submission.time", "submission.body"])
    .orderBy("submission.id")
    .limit(batchLimit)
    .execute();
  if (pending.length === 0) return 0;
  const filled: TileBytes[] = [];
  const entries = pending.map(({ id, kind, time, body }) => {
    const index = head.edge.size;
    const bytes = encodeEntry({
      index,
      previous: head.previous,
      time: time.toISOString(),
      kind,
      body: JSON.parse(body.toString("utf8")),
    });
    const leaf = leafHash(bytes);
    filled.push(...head.edge.append(leaf));
    head.previous = leaf.toString("hex");
    return { index: BigInt(index), submission: id, bytes, leaf };
  });
  await tx.insertInto("ledger_entry").values(entries).execute();
  if (filled.length > 0) {
    const tiles = filled.map(({ tile, bytes }) => ({
      level: Number(tile.level),
      number: BigInt(tile.number),
      hashes: bytes,
      root: tileHash(bytes),
    }));
    await tx.insertInto("ledger_tile").values(tiles).execute();
  }
  const ids = pending.map(({ id }) => id);
  await tx.deleteFrom("ledger_pending").where("submission", "in", ids).execute();
  return pending.length;
}
