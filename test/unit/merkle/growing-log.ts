import { tilePath } from "../../../src/merkle/tile.ts";
import { TileEdge } from "../../../src/merkle/tile-edge.ts";
import { leafHash } from "../../../src/merkle/tree.ts";

/** Leaf hashes of the entries `entry 0`, `entry 1`, ... */
export function syntheticLeaves(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));
}

/** Every tile of hashes of a log of these leaves, by path. */
export function tilesFrom(leaves: readonly Buffer[]): ReadonlyMap<string, Buffer> {
  const edge = new TileEdge();
  const filled = leaves.flatMap((leaf) => edge.append(leaf));
  return new Map([...filled, ...edge.partials()].map(({ tile, bytes }) => [tilePath(tile), bytes]));
}
