import { parseBundle } from "../merkle/bundle.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type Tile, tilePath, tileWidth } from "../merkle/tile.ts";
import { TileEdge } from "../merkle/tile-edge.ts";
import { hashBytes, leafHash } from "../merkle/tree.ts";
import type { Findings } from "./findings.ts";
import { readTile, type TileSource } from "./source.ts";

export type TreeWalk = {
  readonly source: TileSource;
  readonly key: VerificationKey;
  readonly findings: Findings;
  /** The size of the signed checkpoint. */
  readonly size: number;
  /** A size on the way whose root is wanted too. */
  readonly olderSize: number | null;
  readonly onEntry: (entry: Buffer, leaf: Buffer, index: number) => void;
  readonly onBundle: (verified: number) => void;
};

export type TreeRoots = { readonly root: Buffer; readonly olderRoot: Buffer | null };

type Fetched = {
  readonly tile: Tile;
  readonly bundle: Buffer | null;
  readonly leaves: Buffer | null;
};

/** How many bundles are fetched ahead of the one that is hashed. */
const ahead = 8;

/**
 * Reads every entry in order, recomputes the whole tree from them and holds each stored tile against it. Gives the roots, or null where
 * entries are missing, because a tree cannot be computed past a gap. Holds a few bundles at a time, whatever the size.
 */
export async function walkTree(walk: TreeWalk): Promise<TreeRoots | null> {
  const edge = new TileEdge();
  let olderRoot = walk.olderSize === 0 ? edge.root() : null;
  for await (const fetched of fetchBundles(walk)) {
    const entries = entriesOf(fetched, walk.findings);
    if (entries === null) return null;
    const leaves = leavesOf(fetched, walk.findings);
    const filled: Filled[] = [];
    for (const [offset, entry] of entries.entries()) {
      const index = edge.size;
      const leaf = leafHash(entry);
      if (
        leaves !== null &&
        leaf.compare(leaves, offset * hashBytes, (offset + 1) * hashBytes) !== 0
      ) {
        const message = `entry ${index} does not have the hash in ${tilePath({ ...fetched.tile, level: 0 })}`;
        walk.findings.add("leaf_mismatch", message, index);
      }
      filled.push(...edge.append(leaf));
      walk.onEntry(entry, leaf, index);
      if (edge.size === walk.olderSize) olderRoot = edge.root();
    }
    await compareTiles(filled, walk);
    walk.onBundle(edge.size);
  }
  await compareTiles(edge.partials(), walk);
  return { root: edge.root(), olderRoot };
}

type Filled = { readonly tile: Tile; readonly bytes: Buffer };

/** Bundles and their leaf tiles in order, the next ones under way while one is used. */
async function* fetchBundles(walk: TreeWalk): AsyncIterable<Fetched> {
  const underWay: Promise<Fetched>[] = [];
  for (let number = 0; number * tileWidth < walk.size; number += 1) {
    const fetching = fetchBundle(walk, number);
    // A later failure is thrown when its turn comes; if it never comes, nobody waits for it.
    fetching.catch(() => undefined);
    underWay.push(fetching);
    const next = underWay.length < ahead ? undefined : underWay.shift();
    if (next !== undefined) yield await next;
  }
  for (const fetching of underWay) yield await fetching;
}

async function fetchBundle({ source, key, size }: TreeWalk, number: number): Promise<Fetched> {
  const width = Math.min(tileWidth, size - number * tileWidth);
  const tile: Tile = { level: "entries", number, width };
  const [bundle, leaves] = await Promise.all([
    readTile(source, key, tile),
    readTile(source, key, { ...tile, level: 0 }),
  ]);
  return { tile, bundle, leaves };
}

function entriesOf({ tile, bundle }: Fetched, findings: Findings): readonly Buffer[] | null {
  const path = tilePath(tile);
  const index = tile.number * tileWidth;
  if (bundle === null) {
    findings.add("entries_missing", `${path} is missing; nothing after it can be verified`, index);
    return null;
  }
  const entries = parseBundle(bundle);
  if (entries?.length === tile.width) return entries;
  const held = entries === null ? "broken entries" : `${entries.length} entries`;
  const message = `${path} holds ${held}, not ${tile.width}; nothing after it can be verified`;
  findings.add("entries_malformed", message, index);
  return null;
}

function leavesOf({ tile, leaves }: Fetched, findings: Findings): Buffer | null {
  const path = tilePath({ ...tile, level: 0 });
  if (leaves === null) {
    findings.add("tile_missing", `${path} is missing`);
    return null;
  }
  if (leaves.length === tile.width * hashBytes) return leaves;
  findings.add(
    "tile_mismatch",
    `${path} has ${leaves.length} bytes, not ${tile.width * hashBytes}`,
  );
  return null;
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
