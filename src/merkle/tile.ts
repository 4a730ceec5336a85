import { completeRoot, hashBytes } from "./tree.ts";

export const tileHeight = 8;
export const tileWidth = 256;

/** An entry's length is written in 16 bits. */
export const maximumEntryBytes = 65_535;

/** The most that a full tile or a full entry bundle can weigh; a reader need not take more. */
export const maximumTileBytes = tileWidth * (2 + maximumEntryBytes);

/**
 * A tile of C2SP tlog-tiles. `level` counts in tiles: the hashes of level L stand at height 8L of the tree; `entries` is the bundle of
 * entries below level 0. `width` is 1 to 256, and 256 is a full tile.
 */
export type Tile = {
  readonly level: number | "entries";
  readonly number: number;
  readonly width: number;
};

const tilePattern =
  /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** `tile/<L>/<N>[.p/<W>]`, below the log's prefix. */
export function tilePath({ level, number, width }: Tile): string {
  const suffix = width === tileWidth ? "" : `.p/${width}`;
  return `tile/${level}/${numberPath(number)}${suffix}`;
}

/** The tile of a path; null unless the path is exactly the one that `tilePath` gives. */
export function parseTilePath(path: string): Tile | null {
  const [, level, digits, width] = tilePattern.exec(path) ?? [];
  if (level === undefined || digits === undefined) return null;
  const tile: Tile = {
    level: level === "entries" ? level : Number(level),
    number: Number(digits.replaceAll(/[x/]/g, "")),
    width: width === undefined ? tileWidth : Number(width),
  };
  if (typeof tile.level === "number" && tile.level > 63) return null;
  if (!Number.isSafeInteger(tile.number) || tile.width > tileWidth) return null;
  return tilePath(tile) === path ? tile : null;
}

/** 1234067 is `x001/x234/067`: a folder never has the name of a file. */
function numberPath(number: number): string {
  const groups: string[] = [];
  for (let rest = number; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`${groups.length === 0 ? "" : "x"}${String(rest % 1000).padStart(3, "0")}`);
  }
  return groups.join("/");
}

/** How many hashes stand at a tile level in a tree of `size` leaves. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / tileWidth ** level);
}

/** Every tile and bundle that a tree of `size` leaves consists of, bundles first, then level by level upward. */
export function tilesOf(size: number): Iterable<Tile> {
  return tilesBetween(0, size);
}

/** The tiles and bundles that must be written when a tree grows from `before` to `after` leaves: new full ones and the new partial ones. */
export function* tilesBetween(before: number, after: number): Iterable<Tile> {
  yield* newTiles("entries", before, after);
  for (let level = 0; hashesAt(level, after) > 0; level += 1) {
    yield* newTiles(level, hashesAt(level, before), hashesAt(level, after));
  }
}

function* newTiles(level: Tile["level"], before: number, after: number): Iterable<Tile> {
  if (after <= before) return;
  for (let number = Math.floor(before / tileWidth); number * tileWidth < after; number += 1) {
    yield { level, number, width: Math.min(tileWidth, after - number * tileWidth) };
  }
}

/** The partial tiles of hashes at the right edge of a tree, bottom up; none for a level whose last tile is full. */
export function partialTilesOf(size: number): readonly Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0; hashesAt(level, size) > 0; level += 1) {
    const width = hashesAt(level, size) % tileWidth;
    const number = Math.floor(hashesAt(level, size) / tileWidth);
    if (width > 0) tiles.push({ level, number, width });
  }
  return tiles;
}

/** The hash of a full tile's subtree, which stands in the tile above. Throws a RangeError for a tile that is not full. */
export function tileHash(bytes: Uint8Array): Buffer {
  if (bytes.length !== tileWidth * hashBytes) {
    throw new RangeError(`a full tile is ${tileWidth * hashBytes} bytes, not ${bytes.length}`);
  }
  return completeRoot(bytes);
}

/** The hashes of a tile, as views on its bytes. Throws a RangeError where the bytes are not whole hashes. */
export function splitHashes(bytes: Uint8Array): Buffer[] {
  if (bytes.length % hashBytes !== 0) {
    throw new RangeError(`${bytes.length} bytes are not whole hashes`);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / hashBytes }, (_, position) =>
    buffer.subarray(position * hashBytes, (position + 1) * hashBytes),
  );
}
