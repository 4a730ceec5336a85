import { parseTilePath } from "../merkle/tile.ts";
import { publishedPrefix } from "./published.ts";

/** What a file of the ledger is, and for how long one who read it may keep it: as C2SP tlog-tiles says. */
export type ServedHeaders = { readonly contentType: string; readonly cacheControl: string };

/** The one file that changes. The server's answer has no tag to ask again by, so it is kept for the second in which the next one may come. */
export const checkpointHeaders = {
  contentType: "text/plain; charset=utf-8",
  cacheControl: "max-age=1",
} as const satisfies ServedHeaders;

/** Tiles of hashes and bundles of entries, full or partial: under one name there are never other bytes. */
export const tileHeaders = {
  contentType: "application/octet-stream",
  cacheControl: "max-age=31536000, immutable",
} as const satisfies ServedHeaders;

/**
 * The same of a blob in the store, by its key; null for what is no file of the published ledger. A store has a tag for each blob, so its checkpoint
 * is asked for again each time.
 */
export function storedHeaders(key: string): ServedHeaders | null {
  if (!key.startsWith(publishedPrefix)) return null;
  const path = key.slice(publishedPrefix.length);
  if (path === "checkpoint") return { ...checkpointHeaders, cacheControl: "no-cache" };
  return parseTilePath(path) === null ? null : tileHeaders;
}
