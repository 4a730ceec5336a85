import { join } from "node:path";
import { Refusal } from "../errors.ts";
import { maximumTileBytes, parseTilePath } from "../merkle/tile.ts";
import type { TileSource } from "./source.ts";
import { readRegularFile } from "./source-file.ts";

/**
 * A ledger in a folder, in the layout of C2SP tlog-tiles: `<folder>/checkpoint`, `<folder>/tile/...`. Reads nothing else in it, and only
 * regular files: whoever filled the folder may want its reader to wait for ever.
 */
export function folderSource(folder: string): TileSource {
  return {
    checkpoint: () => read(join(folder, "checkpoint")),
    async tile(path) {
      if (parseTilePath(path) === null) throw new TypeError(`${path} is not the path of a tile`);
      return read(join(folder, path));
    },
  };
}

async function read(path: string): Promise<Buffer | null> {
  try {
    return await readRegularFile(path, maximumTileBytes + 1);
  } catch (cause) {
    throw new Refusal("ledger_unavailable", `The ledger's file ${path} cannot be read.`, { cause });
  }
}
