import { maximumTileBytes } from "../merkle/tile.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { publishedPrefix } from "./published.ts";
import type { TileSource } from "./source.ts";

/** A ledger as a vault published it to its blob store. Throws what the store throws where it cannot be asked. */
export function storeSource(store: Pick<BlobStore, "stat" | "read" | "readTagged">): TileSource {
  return {
    checkpoint: async () =>
      (await store.readTagged(`${publishedPrefix}checkpoint`))?.bytes.subarray(0, longest) ?? null,
    tile: async (path) => {
      const key = `${publishedPrefix}${path}`;
      const found = await store.stat(key);
      if (found === null) return null;
      const chunks: Buffer[] = [];
      const range = { start: 0, end: Math.min(found.sizeBytes, longest) };
      if (range.end > 0) for await (const chunk of store.read(key, range)) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

const longest = maximumTileBytes + 1;
