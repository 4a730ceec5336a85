import { open } from "node:fs/promises";
import { join } from "node:path";
import { Refusal } from "../errors.ts";
import { maximumTileBytes, parseTilePath } from "../merkle/tile.ts";
import type { TileSource } from "./source.ts";

/** A ledger in a folder, in the layout of C2SP tlog-tiles: `<folder>/checkpoint`, `<folder>/tile/...`. Reads nothing else in it. */
export function folderSource(folder: string): TileSource {
  return {
    checkpoint: () => readUpTo(join(folder, "checkpoint"), maximumTileBytes + 1),
    async tile(path) {
      if (parseTilePath(path) === null) throw new TypeError(`${path} is not the path of a tile`);
      return readUpTo(join(folder, path), maximumTileBytes + 1);
    },
  };
}

const absent = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);

async function readUpTo(path: string, limitBytes: number): Promise<Buffer | null> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, limitBytes));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await file.read(bytes, filled, bytes.length - filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } catch (error) {
    const code = Error.isError(error) && "code" in error ? String(error.code) : "";
    if (absent.has(code)) return null;
    throw new Refusal("ledger_unavailable", `The ledger's file ${path} cannot be read.`, {
      cause: error,
    });
  }
}
