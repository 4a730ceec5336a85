import { partialTilesOf, type Tile, tilePath, tileWidth } from "./tile.ts";
import { emptyRoot, hashBytes, nodeHash } from "./tree.ts";

export type TileBytes = { readonly tile: Tile; readonly bytes: Buffer };

/** A tile that is full now, with the hash of its subtree (see `tileHash`). */
export type FullTile = TileBytes & { readonly root: Buffer };

type Row = {
  hashes: Buffer;
  width: number;
  number: number;
  /** The roots of the complete subtrees that the width is the binary sum of, largest first. */
  subtrees: Uint8Array[];
};

/**
 * The right edge of a growing tree as tiles: the partial tile of every level. It takes leaf hashes, gives each tile as it fills, and holds
 * at most 255 hashes a level. Every node of the tree is hashed once; the root at any size takes a hash for each complete subtree.
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
      edge.#rows.push(emptyRow(number));
    }
    for (const tile of partialTilesOf(size)) {
      const bytes = partials.get(tilePath(tile));
      const row = edge.#rows[Number(tile.level)];
      if (row === undefined || bytes?.length !== tile.width * hashBytes) {
        throw new RangeError(
          `the edge of ${size} leaves needs ${tilePath(tile)} at its full width`,
        );
      }
      for (let at = 0; at < bytes.length; at += hashBytes)
        place(row, bytes.subarray(at, at + hashBytes));
    }
    return edge;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes the next leaf hash and gives the tiles that it filled, bottom up: mostly none. */
  append(leaf: Uint8Array): readonly FullTile[] {
    this.#size += 1;
    return this.#pushUp(0, leaf);
  }

  /**
   * Takes a full tile of leaf hashes at once, with the hash of its subtree (see `tileHash`), and gives the tiles that it filled, itself first.
   * Throws a RangeError where the size is not at the beginning of a tile, or the bytes are not a full one.
   */
  appendTile(leaves: Uint8Array, subtree: Uint8Array): readonly FullTile[] {
    if (this.#size % tileWidth !== 0 || leaves.length !== tileWidth * hashBytes)
      throw new RangeError(`a tile of ${leaves.length} bytes cannot follow ${this.#size} leaves`);
    const number = this.#size / tileWidth;
    const row = this.#rowAt(0);
    row.number = number + 1;
    this.#size += tileWidth;
    const tile = { level: 0, number, width: tileWidth };
    const full = { tile, bytes: Buffer.from(leaves), root: Buffer.from(subtree) };
    return [full, ...this.#pushUp(1, subtree)];
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
    let root: Uint8Array | null = null;
    for (const { subtrees } of this.#rows)
      for (const left of subtrees.toReversed()) root = root === null ? left : nodeHash(left, root);
    return Buffer.from(root ?? emptyRoot);
  }

  #pushUp(lowest: number, node: Uint8Array): readonly FullTile[] {
    const filled: FullTile[] = [];
    let next: Uint8Array | null = node;
    for (let level = lowest; next !== null; level += 1) {
      const full = this.#push(level, next);
      next = full?.root ?? null;
      if (full !== null) filled.push(full);
    }
    return filled;
  }

  #rowAt(level: number): Row {
    let row = this.#rows[level];
    if (row === undefined) {
      row = emptyRow(0);
      this.#rows.push(row);
    }
    return row;
  }

  #push(level: number, node: Uint8Array): FullTile | null {
    const row = this.#rowAt(level);
    place(row, node);
    const { hashes: bytes, width, number, subtrees } = row;
    const [root] = subtrees;
    if (width < tileWidth || root === undefined) return null;
    Object.assign(row, emptyRow(number + 1));
    return { tile: { level, number, width }, bytes, root: Buffer.from(root) };
  }
}

function emptyRow(number: number): Row {
  return { hashes: Buffer.alloc(tileWidth * hashBytes), width: 0, number, subtrees: [] };
}

/** Puts a hash at the end of a row, and joins the complete subtrees that end with it: each trailing one bit of the width is one. */
function place(row: Row, node: Uint8Array): void {
  const at = row.width * hashBytes;
  row.hashes.set(node, at);
  let subtree: Uint8Array = row.hashes.subarray(at, at + hashBytes);
  for (let rest = row.width; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = row.subtrees.pop();
    if (left === undefined) throw new Error("a row has fewer subtrees than its width demands");
    subtree = nodeHash(left, subtree);
  }
  row.subtrees.push(subtree);
  row.width += 1;
}
