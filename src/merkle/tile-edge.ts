import { partialTilesOf, splitHashes, type Tile, tileHash, tilePath, tileWidth } from "./tile.ts";
import { emptyRoot, hashBytes, rootOf } from "./tree.ts";

export type TileBytes = { readonly tile: Tile; readonly bytes: Buffer };

type Row = { hashes: Buffer; width: number; number: number };

/**
 * The right edge of a growing tree as tiles: the partial tile of every level. It takes leaf hashes, gives each tile as it fills, and holds
 * at most 255 hashes a level.
 */
export class TileEdge {
  #size = 0;
  readonly #rows: Row[] = [];

  /** Goes on from stored partial tiles, by path (see `partialTilesOf`). Throws a RangeError where one is absent or has another width. */
  static restore(size: number, partials: ReadonlyMap<string, Uint8Array>): TileEdge {
    const edge = new TileEdge();
    edge.#size = size;
    for (let level = 0; size >= tileWidth ** level; level += 1) {
      const number = Math.floor(size / tileWidth ** (level + 1));
      edge.#rows.push({ hashes: Buffer.alloc(tileWidth * hashBytes), width: 0, number });
    }
    for (const tile of partialTilesOf(size)) {
      const bytes = partials.get(tilePath(tile));
      const row = edge.#rows[Number(tile.level)];
      if (row === undefined || bytes?.length !== tile.width * hashBytes) {
        throw new RangeError(
          `the edge of ${size} leaves needs ${tilePath(tile)} at its full width`,
        );
      }
      row.hashes.set(bytes);
      row.width = tile.width;
    }
    return edge;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the next leaf hash and gives the tiles that it filled, bottom up: mostly none. */
  append(leaf: Uint8Array): readonly TileBytes[] {
    this.#size += 1;
    return this.#pushUp(0, leaf);
  }

  /**
   * Takes a full tile of leaf hashes at once, with the hash of its subtree (see `tileHash`), and gives the tiles that it filled, itself first.
   * Throws a RangeError where the size is not at the beginning of a tile, or the bytes are not a full one.
   */
  appendTile(leaves: Uint8Array, subtree: Uint8Array): readonly TileBytes[] {
    if (this.#size % tileWidth !== 0 || leaves.length !== tileWidth * hashBytes)
      throw new RangeError(`a tile of ${leaves.length} bytes cannot follow ${this.#size} leaves`);
    const number = this.#size / tileWidth;
    const row = this.#rowAt(0);
    row.number = number + 1;
    this.#size += tileWidth;
    const tile = { level: 0, number, width: tileWidth };
    return [{ tile, bytes: Buffer.from(leaves) }, ...this.#pushUp(1, subtree)];
  }

  /** The partial tiles as they are now, bottom up, each with bytes of its own. */
  partials(): readonly TileBytes[] {
    return this.#rows.flatMap(({ hashes, width, number }, level) =>
      width === 0
        ? []
        : [
            {
              tile: { level, number, width },
              bytes: Buffer.from(hashes.subarray(0, width * hashBytes)),
            },
          ],
    );
  }

  /** RFC 6962 root of all leaves so far. */
  root(): Buffer {
    // What lies below and right of a row is one more, incomplete subtree at its end.
    let below: Buffer | null = null;
    for (const { hashes, width } of this.#rows) {
      const row = splitHashes(hashes.subarray(0, width * hashBytes));
      if (below !== null) row.push(below);
      if (row.length > 0) below = rootOf(row);
    }
    return Buffer.from(below ?? emptyRoot);
  }

  #pushUp(lowest: number, node: Uint8Array): readonly TileBytes[] {
    const filled: TileBytes[] = [];
    let next: Uint8Array | null = node;
    for (let level = lowest; next !== null; level += 1) {
      const full = this.#push(level, next);
      next = full === null ? null : tileHash(full.bytes);
      if (full !== null) filled.push(full);
    }
    return filled;
  }

  #rowAt(level: number): Row {
    let row = this.#rows[level];
    if (row === undefined) {
      row = { hashes: Buffer.alloc(tileWidth * hashBytes), width: 0, number: 0 };
      this.#rows.push(row);
    }
    return row;
  }

  #push(level: number, node: Uint8Array): TileBytes | null {
    const row = this.#rowAt(level);
    row.hashes.set(node, row.width * hashBytes);
    row.width += 1;
    if (row.width < tileWidth) return null;
    const full = { tile: { level, number: row.number, width: tileWidth }, bytes: row.hashes };
    row.hashes = Buffer.alloc(tileWidth * hashBytes);
    row.width = 0;
    row.number += 1;
    return full;
  }
}
