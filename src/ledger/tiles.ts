import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { encodeBundle } from "../merkle/bundle.ts";
import type { HashReader } from "../merkle/proof.ts";
import { readTiles } from "../merkle/proof.ts";
import { hashesAt, partialTilesOf, type Tile, tilePath, tileWidth } from "../merkle/tile.ts";
import { TileEdge } from "../merkle/tile-edge.ts";
import { hashBytes } from "../merkle/tree.ts";

/**
 * A tile or entry bundle of the stored ledger, as C2SP tlog-tiles serves it; null where the ledger does not reach that far.
 * Full tiles of hashes are rows of their own; partial ones are made of the rows that they cover.
 */
export async function readTile(db: Kysely<Schema>, tile: Tile): Promise<Buffer | null> {
  const start = BigInt(tile.number * tileWidth);
  const end = start + BigInt(tile.width);
  if (tile.level === "entries") {
    const rows = await entryRows(db, start, end).select("bytes").execute();
    return rows.length === tile.width ? encodeBundle(rows.map(({ bytes }) => bytes)) : null;
  }
  const hashes = tile.width === tileWidth ? await fullTile(db, tile.level, tile.number) : null;
  return hashes ?? (await partialTile(db, tile.level, start, end));
}

/**
 * The same of a tile that the ledger reaches. Throws `record_tampered` where it is not there, or not whole: what a checkpoint covers was written before that
 * was signed, and nothing of the vault's takes it away.
 */
export async function readCovered(db: Kysely<Schema>, tile: Tile): Promise<Buffer> {
  const bytes = await readTile(db, tile);
  const isWhole = tile.level === "entries" || bytes?.length === tile.width * hashBytes;
  if (bytes !== null && isWhole) return bytes;
  throw new Refusal(
    "record_tampered",
    `the stored ledger ${bytes === null ? "lacks" : "has another length of"} ${tilePath(tile)}, which it covers: somebody took it, or what it is made of, out of the database`,
  );
}

/** Stored hashes of a tree of `size` leaves that are all there, for proofs; each tile is read once. Throws as `readCovered`. */
export function hashReader(db: Kysely<Schema>, size: number): HashReader {
  return readTiles(size, async (tile) => await readCovered(db, tile));
}

/** The right edge of the stored tree at a size. Throws as `readCovered`. */
export async function edgeAt(db: Kysely<Schema>, size: number): Promise<TileEdge> {
  const partials = new Map<string, Uint8Array>();
  for (const tile of partialTilesOf(size))
    partials.set(tilePath(tile), await readCovered(db, tile));
  return TileEdge.restore(size, partials);
}

/** How many entries have their place. */
export async function ledgerSize(db: Kysely<Schema>): Promise<number> {
  const last = await db
    .selectFrom("ledger_entry")
    .select("index")
    .orderBy("index", "desc")
    .limit(1)
    .executeTakeFirst();
  return last === undefined ? 0 : Number(last.index) + 1;
}

/** Whether a tree of `size` leaves has the tile, at that width. */
export function isWithin(tile: Tile, size: number): boolean {
  const count = tile.level === "entries" ? size : hashesAt(tile.level, size);
  return tile.number * tileWidth + tile.width <= count;
}

async function fullTile(db: Kysely<Schema>, level: number, number: number): Promise<Buffer | null> {
  const row = await db
    .selectFrom("ledger_tile")
    .select("hashes")
    .where("level", "=", level)
    .where("number", "=", BigInt(number))
    .executeTakeFirst();
  return row?.hashes ?? null;
}

async function partialTile(
  db: Kysely<Schema>,
  level: number,
  start: bigint,
  end: bigint,
): Promise<Buffer | null> {
  const hashes =
    level === 0
      ? (await entryRows(db, start, end).select("leaf").execute()).map(({ leaf }) => leaf)
      : (
          await db
            .selectFrom("ledger_tile")
            .select("root")
            .where("level", "=", level - 1)
            .where("number", ">=", start)
            .where("number", "<", end)
            .orderBy("number")
            .execute()
        ).map(({ root }) => root);
  return BigInt(hashes.length) === end - start ? Buffer.concat(hashes) : null;
}

function entryRows(db: Kysely<Schema>, start: bigint, end: bigint) {
  return db
    .selectFrom("ledger_entry")
    .where("index", ">=", start)
    .where("index", "<", end)
    .orderBy("index");
}
