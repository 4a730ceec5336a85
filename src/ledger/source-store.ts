import { maximumTileBytes } from "../merkle/tile.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { publishedPrefix } from "./published.ts";
import type { TileSource } from "./source.ts";
import {
  longestResponseBytes,
  longestStampedBytes,
  type TimestampPlace,
  timestampFolder,
  timestampPath,
} from "./source-timestamps.ts";

type Readable = Pick<BlobStore, "stat" | "read" | "readTagged" | "list">;

/** A ledger as a vault published it to its blob store. Throws what the store throws where it cannot be asked. */
export function storeSource(store: Readable): TileSource {
  return {
    checkpoint: async () =>
      (await store.readTagged(`${publishedPrefix}checkpoint`))?.bytes.subarray(0, longest) ?? null,
    tile: async (path) => await read(store, path, longest),
    timestamps: storeTimestamps(store),
  };
}

const longest = maximumTileBytes + 1;

async function read(store: Readable, path: string, limitBytes: number): Promise<Buffer | null> {
  const key = `${publishedPrefix}${path}`;
  const found = await store.stat(key);
  if (found === null) return null;
  const chunks: Buffer[] = [];
  const range = { start: 0, end: Math.min(found.sizeBytes, limitBytes) };
  if (range.end > 0) for await (const chunk of store.read(key, range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Where a vault has published its stamps. Throws what the store throws where it cannot be asked. */
export function storeTimestamps(store: Readable): TimestampPlace {
  const part = async (path: string, limitBytes: number) =>
    (await read(store, path, limitBytes)) ?? Buffer.alloc(0);
  return {
    names: () => namesIn(store),
    checkpoint: async (size) => await part(timestampPath(size, "checkpoint"), longestStampedBytes),
    response: async (size) => await part(timestampPath(size, "tsr"), longestResponseBytes),
  };
}

async function* namesIn(store: Readable): AsyncGenerator<string, void, undefined> {
  const prefix = `${publishedPrefix}${timestampFolder}/`;
  for await (const key of store.list(prefix)) yield key.slice(prefix.length);
}
