import { join } from "node:path";
import { Refusal } from "../errors.ts";
import { maximumTileBytes, parseTilePath, type Tile, tilePath } from "../merkle/tile.ts";
import type { TileSource } from "./source.ts";
import { type ReadingRoom, readRegularFile, readRegularFileSync } from "./source-file.ts";
import { folderTimestamps } from "./source-timestamps.ts";

/**
 * A ledger in a folder, in the layout of C2SP tlog-tiles: `<folder>/checkpoint`, `<folder>/tile/...`, and `<folder>/timestamp/` beside it. Reads nothing else in it, and only
 * regular files: whoever filled the folder may want its reader to wait for ever.
 */
export function folderSource(folder: string): TileSource {
  const tile = async (path: string): Promise<Buffer | null> => {
    if (parseTilePath(path) === null) throw new TypeError(`${path} is not the path of a tile`);
    return await read(join(folder, path));
  };
  return {
    checkpoint: () => read(join(folder, "checkpoint")),
    tile: Object.assign(tile, { folder }),
    timestamps: folderTimestamps(folder),
  };
}

/** What the folder's source gives for the tile, read at once into memory that is used again: views of it last until the next reading. */
export function readStoredTile(folder: string, tile: Tile, room: ReadingRoom): Uint8Array | null {
  const path = join(folder, tilePath(tile));
  try {
    return readRegularFileSync(path, maximumTileBytes + 1, room);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function read(path: string): Promise<Buffer | null> {
  try {
    return await readRegularFile(path, maximumTileBytes + 1);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): Refusal {
  return new Refusal("ledger_unavailable", `The ledger's file ${path} cannot be read.`, { cause });
}
