import { setImmediate as turn } from "node:timers/promises";
import type { VerificationKey } from "../merkle/note.ts";
import { type Tile, tilePath, tileWidth } from "../merkle/tile.ts";
import { TileEdge } from "../merkle/tile-edge.ts";
import { hashBytes } from "../merkle/tree.ts";
import type { Findings } from "./findings.ts";
import { readTile, type TileSource } from "./source.ts";
import type { BundleDigest } from "./verify-digest.ts";
import { ahead, type Digested, DigestPool } from "./verify-pool.ts";

export type TreeWalk = {
  readonly source: TileSource;
  readonly key: VerificationKey;
  readonly findings: Findings;
  /** The size of the signed checkpoint. */
  readonly size: number;
  /** Sizes on the way whose roots are wanted too. */
  readonly olderSizes: readonly number[];
  /** Whether entries are read, or only hashed. */
  readonly isParsed: boolean;
  /** How many threads hash and read; none is the caller's own. */
  readonly threads: number;
  /** Takes each bundle in order; its first entry is at `index`. */
  readonly onBundle: (index: number, digested: Digested) => void;
};

export type TreeRoots = {
  readonly root: Buffer;
  readonly olderRoots: ReadonlyMap<number, Buffer>;
};

type Fetched = {
  readonly tile: Tile;
  /** The size of the leaf tile; null where it is missing. */
  readonly leafBytes: number | null;
  readonly digested: Digested | null;
};

/**
 * Reads every entry in order, recomputes the whole tree from them and holds each stored tile against it. Gives the roots, or null where
 * entries are missing, because a tree cannot be computed past a gap. Holds a few bundles a thread at a time, whatever the size.
 */
export async function walkTree(walk: TreeWalk): Promise<TreeRoots | null> {
  const edge = new TileEdge();
  const older = new OlderRoots(walk.olderSizes, edge);
  await using pool = new DigestPool(walk.threads);
  for await (const fetched of fetchBundles(walk, pool)) {
    const digested = wholeBundle(fetched, walk.findings);
    if (digested === null) return null;
    const index = edge.size;
    findOtherLeaves(fetched, digested, walk.findings);
    const filled = older.append(digested.digest);
    walk.onBundle(index, digested);
    await compareTiles(filled, walk);
  }
  await compareTiles(edge.partials(), walk);
  return { root: edge.root(), olderRoots: older.roots };
}

/** Grows the tree by whole tiles, and leaf by leaf only where a root is wanted on the way: of any number of sizes, each looked at once. */
class OlderRoots {
  readonly roots = new Map<number, Buffer>();
  /** The sizes whose roots are still wanted; the next one is the last. */
  readonly #wanted: number[];
  readonly #edge: TileEdge;

  constructor(sizes: readonly number[], edge: TileEdge) {
    this.#wanted = [...new Set(sizes)].sort((one, other) => other - one);
    this.#edge = edge;
    this.#keep();
  }

  append({ leaves, subtree }: BundleDigest): readonly Filled[] {
    const to = this.#edge.size + leaves.length / hashBytes;
    const isAsked = (this.#wanted.at(-1) ?? to) < to;
    const filled: Filled[] = [];
    if (subtree !== null && !isAsked) filled.push(...this.#edge.appendTile(leaves, subtree));
    else
      for (let at = 0; at < leaves.length; at += hashBytes) {
        filled.push(...this.#edge.append(leaves.subarray(at, at + hashBytes)));
        this.#keep();
      }
    this.#keep();
    return filled;
  }

  #keep(): void {
    const { size } = this.#edge;
    if (this.#wanted.at(-1) !== size) return;
    this.#wanted.pop();
    this.roots.set(size, this.#edge.root());
  }
}

type Filled = { readonly tile: Tile; readonly bytes: Buffer };

/** Bundles and their leaf tiles in order, the next ones under way while one is used. */
async function* fetchBundles(walk: TreeWalk, pool: DigestPool): AsyncIterable<Fetched> {
  const underWay: Promise<Fetched>[] = [];
  const most = ahead * Math.max(1, walk.threads) + 1;
  for (let number = 0; number * tileWidth < walk.size; number += 1) {
    // What the threads have answered meanwhile tells whether this one has to help.
    if (pool.isBusy) await turn();
    const fetching = fetchBundle(walk, pool, number);
    // A later failure is thrown when its turn comes; if it never comes, nobody waits for it.
    fetching.catch(() => undefined);
    underWay.push(fetching);
    const next = underWay.length < most ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const fetching of underWay) yield await fetching;
}

async function fetchBundle(
  { source, key, size, isParsed, threads }: TreeWalk,
  pool: DigestPool,
  number: number,
): Promise<Fetched> {
  const width = Math.min(tileWidth, size - number * tileWidth);
  const tile: Tile = { level: "entries", number, width };
  const { folder } = source.tile;
  if (folder !== undefined && threads > 0 && width === tileWidth)
    return { tile, ...(await pool.digestStored({ folder, number, isParsed })) };
  const [bundle, leaves] = await Promise.all([
    readTile(source, key, tile),
    readTile(source, key, { ...tile, level: 0 }),
  ]);
  const leafBytes = leaves?.length ?? null;
  const leafTile = leafBytes === width * hashBytes ? leaves : null;
  const digested =
    bundle === null ? null : await pool.digest({ bundle, width, leafTile, isParsed });
  return { tile, leafBytes, digested };
}

function wholeBundle({ tile, digested }: Fetched, findings: Findings): Digested | null {
  const path = tilePath(tile);
  const index = tile.number * tileWidth;
  if (digested === null) {
    findings.add("entries_missing", `${path} is missing; nothing after it can be verified`, index);
    return null;
  }
  const { count } = digested.digest;
  if (count === tile.width) return digested;
  const held = count === null ? "broken entries" : `${count} entries`;
  const message = `${path} holds ${held}, not ${tile.width}; nothing after it can be verified`;
  findings.add("entries_malformed", message, index);
  return null;
}

/** One line for a tile that is another altogether, one for each leaf where only some differ. */
function findOtherLeaves(
  { tile, leafBytes }: Fetched,
  { digest: { otherLeaves } }: Digested,
  findings: Findings,
): void {
  const path = tilePath({ ...tile, level: 0 });
  const first = tile.number * tileWidth;
  if (leafBytes === null) findings.add("tile_missing", `${path} is missing`);
  else if (leafBytes !== tile.width * hashBytes) {
    const message = `${path} has ${leafBytes} bytes, not ${tile.width * hashBytes}`;
    findings.add("tile_mismatch", message);
  } else if (otherLeaves.length === tile.width && tile.width > 1) {
    const message = `no entry of ${tilePath(tile)} has the hash in ${path}`;
    findings.add("leaf_mismatch", message, first);
  } else
    for (const offset of otherLeaves) {
      const message = `entry ${first + offset} does not have the hash in ${path}`;
      findings.add("leaf_mismatch", message, first + offset);
    }
}

/** Tiles above the leaves; those of level 0 were held against each leaf already. */
async function compareTiles(
  tiles: readonly Filled[],
  { source, key, findings }: TreeWalk,
): Promise<void> {
  for (const { tile, bytes } of tiles) {
    if (tile.level === 0) continue;
    const stored = await readTile(source, key, tile);
    if (stored === null) findings.add("tile_missing", `${tilePath(tile)} is missing`);
    else if (!stored.equals(bytes)) {
      findings.add("tile_mismatch", `${tilePath(tile)} is not the tile that the entries make`);
    }
  }
}
