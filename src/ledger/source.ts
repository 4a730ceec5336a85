import { parseBundle } from "../merkle/bundle.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import type { PlacedRotation } from "../merkle/rotation.ts";
import { hashesAt, type Tile, tilePath, tileWidth } from "../merkle/tile.ts";
import { hashBytes } from "../merkle/tree.ts";
import type { TimestampPlace } from "./source-timestamps.ts";

/**
 * Where a ledger is read from: a folder, a URL. It is trusted with nothing.
 *
 * - `checkpoint` gives the newest signed checkpoint, null where there is none.
 * - `tile` gives the bytes at a path of C2SP tlog-tiles (`tile/0/000`, `tile/entries/000.p/5`), null where there are none.
 * - Neither gives more than `maximumTileBytes` + 1 bytes.
 * - `tile.folder`, where there is one, is the folder in which each tile is the file at its path: `readStoredTile` reads the same there, so that
 *   threads need not be handed the bytes.
 * - Trouble in reaching the ledger is thrown as a refusal (`ledger_unavailable`, `not_authenticated`, `role_missing`), never given as null:
 *   an outage must not look like tampering, nor tampering like an outage.
 */
export interface TileSource {
  checkpoint(): Promise<Buffer | null>;
  readonly tile: TileReader;
  /** Where stamped checkpoints lie beside it; none where it cannot tell. */
  readonly timestamps?: TimestampPlace;
  /** The rotations of its key as whoever serves it tells them, beside the ledger: they count as far as the keys have signed them. */
  readonly rotations?: () => Promise<readonly PlacedRotation[]>;
  /** What is spent on it at most while no known key signed its checkpoint. A folder has none: it is finite of itself. */
  readonly unproved?: UnprovedBudget;
}

export type UnprovedBudget = {
  readonly fetches: number;
  readonly bytes: number;
  readonly timeoutMs: number;
};

export type TileReader = ((path: string) => Promise<Buffer | null>) & { readonly folder?: string };

/**
 * The bytes of a tile at its width; null where the source has it at no width. A log may delete a partial tile once it has a full one, and a
 * growing log serves the partial one of its newest checkpoint: both begin with the same hashes or entries.
 */
export async function readTile(
  source: TileSource,
  key: VerificationKey,
  tile: Tile,
): Promise<Buffer | null> {
  const exact = await source.tile(tilePath(tile));
  if (exact !== null || tile.width === tileWidth) return exact;
  const full = { ...tile, width: tileWidth };
  const newest = await newestWidth(source, key, tile);
  for (const fuller of newest > tile.width && newest < tileWidth
    ? [full, { ...tile, width: newest }]
    : [full]) {
    const bytes = await source.tile(tilePath(fuller));
    if (bytes !== null) return shorten(bytes, fuller, tile.width);
  }
  return null;
}

async function newestWidth(source: TileSource, key: VerificationKey, tile: Tile): Promise<number> {
  const bytes = await source.checkpoint();
  const opened = bytes === null ? null : openCheckpoint(bytes, key);
  // Which path to try next is all that follows from it, so a key that came after `key` need not be known here.
  if (opened === null || opened.checkpoint.origin !== key.name) return 0;
  const level = tile.level === "entries" ? 0 : tile.level;
  return hashesAt(level, opened.checkpoint.size) - tile.number * tileWidth;
}

/** Bytes that are not what `fuller` promises are given as they are: the verifier names what is wrong with them. */
function shorten(bytes: Buffer, fuller: Tile, width: number): Buffer {
  if (fuller.level !== "entries") {
    return bytes.length === fuller.width * hashBytes ? bytes.subarray(0, width * hashBytes) : bytes;
  }
  const entries = parseBundle(bytes);
  if (entries?.length !== fuller.width) return bytes;
  const end = entries.slice(0, width).reduce((sum, entry) => sum + 2 + entry.length, 0);
  return bytes.subarray(0, end);
}
