import type { Join } from "./joined-nodes.ts";
import { tileHeight, tileWidth } from "./tile.ts";
import { completeRoot, emptyRoot, hashBytes, nodeHash, splitPoint } from "./tree.ts";

/**
 * Gives a hash that tiles store: `level` counts in tiles (0 are the leaf hashes, 1 the hashes of full tiles of level 0, ...), `index` counts
 * along that level, so it lies in tile `index / 256` at place `index % 256`. Never asked for what a tree of the given size does not have.
 * `nodes`, where it has them, are those that were computed of what it gave, by height and index.
 */
export type HashReader = ((level: number, index: number) => Buffer | Promise<Buffer>) & {
  readonly nodes?: Map<string, Buffer>;
};

/** RFC 6962, section 2.1.1: the hashes from the leaf's sibling to the root's child. Throws a RangeError where the leaf is not in the tree. */
export async function inclusionProof(
  index: number,
  size: number,
  read: HashReader,
): Promise<readonly Buffer[]> {
  assertWithin(index, size - 1);
  const proof: Buffer[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      proof.unshift(await rangeRoot(middle, end, read));
      end = middle;
    } else {
      proof.unshift(await rangeRoot(start, middle, read));
      start = middle;
    }
  }
  return proof;
}

/** RFC 6962, section 2.1.2; empty where one of the trees is empty or both are the same. Throws a RangeError where the old tree is larger. */
export async function consistencyProof(
  oldSize: number,
  size: number,
  read: HashReader,
): Promise<readonly Buffer[]> {
  assertWithin(oldSize, size);
  if (oldSize === 0 || oldSize === size) return [];
  const proof: Buffer[] = [];
  let [start, end] = [0, size];
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      proof.unshift(await rangeRoot(middle, end, read));
      end = middle;
    } else {
      proof.unshift(await rangeRoot(start, middle, read));
      start = middle;
    }
  }
  // The old tree's last complete subtree begins the proof, unless it is the whole old tree, whose root the verifier holds.
  if (start > 0) proof.unshift(await rangeRoot(start, end, read));
  return proof;
}

/** The root of the first `size` leaves, from stored hashes. */
export async function treeRoot(size: number, read: HashReader): Promise<Buffer> {
  return size === 0 ? Buffer.from(emptyRoot) : rangeRoot(0, size, read);
}

/** The right edge that `Frontier.restore` takes, from stored hashes: one hash for each one bit of the size, largest subtree first. */
export async function rightEdge(size: number, read: HashReader): Promise<readonly Buffer[]> {
  const edge: Buffer[] = [];
  for (let start = 0; start < size; ) {
    let width = 1;
    while (width * 2 <= size - start) width *= 2;
    edge.push(await rangeRoot(start, start + width, read));
    start += width;
  }
  return edge;
}

/** What an inclusion proof says. `join` is `nodeHash`, unless a caller has one that remembers. */
type InclusionClaim = {
  readonly index: number;
  readonly size: number;
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly join?: Join;
};

/** The root that a leaf and its inclusion proof lead to (RFC 9162, section 2.1.3.2); null where the proof does not fit index and size. */
export function rootOfInclusion(claim: InclusionClaim): Buffer | null {
  const { index, size, leaf, proof, join = nodeHash } = claim;
  if (!isWithin(index, size - 1) || ![leaf, ...proof].every(isHash)) return null;
  let position = index;
  let last = size - 1;
  let root: Buffer = Buffer.from(leaf);
  for (const [height, sibling] of proof.entries()) {
    if (last === 0) return null;
    if (position % 2 === 1 || position === last) {
      root = join(sibling, root, height);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      root = join(root, sibling, height);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 ? root : null;
}

/** Whether the leaf is the one at `index` of the tree with that size and root. Never throws: a malformed proof is false. */
export function verifyInclusion(claim: InclusionClaim & { readonly root: Uint8Array }): boolean {
  return rootOfInclusion(claim)?.equals(claim.root) ?? false;
}

/** Whether the tree only appended to the old one (RFC 9162, section 2.1.4.2). Never throws: a malformed proof is false. */
export function verifyConsistency(claim: {
  readonly oldSize: number;
  readonly oldRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}): boolean {
  const { oldSize, size, proof } = claim;
  const oldRoot = Buffer.from(claim.oldRoot);
  if (!isWithin(oldSize, size) || ![oldRoot, claim.root, ...proof].every(isHash)) return false;
  if (oldSize === size) return proof.length === 0 && oldRoot.equals(claim.root);
  if (oldSize === 0) return proof.length === 0 && oldRoot.equals(emptyRoot);
  if (proof.length === 0) return false;

  // An old tree that is one complete subtree is left out of the proof.
  const [first, ...rest] = isPowerOfTwo(oldSize) ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let [position, last] = [oldSize - 1, size - 1];
  while (position % 2 === 1) [position, last] = [half(position), half(last)];
  let oldNode: Buffer = Buffer.from(first);
  let node: Buffer = oldNode;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      oldNode = nodeHash(sibling, oldNode);
      node = nodeHash(sibling, node);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && oldNode.equals(oldRoot) && node.equals(claim.root);
}

/** The root of leaves `start` to `end`, where `start` is a multiple of a power of two that is at least their number: so every split is a node. */
async function rangeRoot(start: number, end: number, read: HashReader): Promise<Buffer> {
  const width = end - start;
  if (isPowerOfTwo(width)) return storedNode(Math.log2(width), start / width, read);
  const split = splitPoint(width);
  return nodeHash(
    await storedNode(Math.log2(split), start / split, read),
    await rangeRoot(start + split, end, read),
  );
}

/** The node at a height of the tree, computed from the nearest hashes below it that tiles store: at most 128 of them. */
async function storedNode(height: number, index: number, read: HashReader): Promise<Buffer> {
  const known = read.nodes?.get(`${height}/${index}`);
  if (known !== undefined) return Buffer.from(known);
  const level = Math.floor(height / tileHeight);
  const count = 2 ** (height % tileHeight);
  const hashes: (Buffer | Promise<Buffer>)[] = [];
  for (let offset = 0; offset < count; offset += 1)
    hashes.push(read(level, index * count + offset));
  const node = completeRoot(Buffer.concat(await allOf(hashes)));
  if (count > 1 && read.nodes !== undefined) remember(read.nodes, `${height}/${index}`, node);
  return node;
}

/** Several proofs' worth: those of neighbours ask for most of the same nodes, and each costs up to 127 hashes. */
const mostNodes = 256;

function remember(nodes: Map<string, Buffer>, place: string, node: Buffer): void {
  nodes.set(place, Buffer.from(node));
  const [oldest] = nodes.keys();
  if (nodes.size > mostNodes && oldest !== undefined) nodes.delete(oldest);
}

/** Hashes that are at hand cost no promise: a proof takes some 250 of them. */
async function allOf(hashes: readonly (Buffer | Promise<Buffer>)[]): Promise<readonly Buffer[]> {
  return hashes.every((hash) => Buffer.isBuffer(hash))
    ? hashes
    : Promise.all(hashes.map(async (hash) => hash));
}

/**
 * A reader over whole tiles. It fetches each tile once; `size` tells the width of the last one of a level. What could not be fetched, or has
 * not the size of its tile, is fetched anew when it is asked for again. It has the latest 256 nodes that were computed of its tiles.
 */
export function readTiles(
  size: number,
  fetchTile: (tile: WholeTile) => Promise<Uint8Array>,
): HashReader {
  const fetched = new Map<string, Uint8Array | Promise<Uint8Array>>();
  const read = (level: number, index: number): Buffer | Promise<Buffer> => {
    const number = Math.floor(index / tileWidth);
    const width = Math.min(tileWidth, Math.floor(size / tileWidth ** level) - number * tileWidth);
    const key = `${level}/${number}`;
    let tile = fetched.get(key);
    if (tile === undefined) {
      const fetching = wholeTile(fetchTile, { level, number, width });
      tile = fetching;
      fetched.set(key, fetching);
      fetching.then(
        (bytes) => fetched.set(key, bytes),
        () => fetched.delete(key),
      );
    }
    return tile instanceof Promise
      ? tile.then((bytes) => hashIn(bytes, index))
      : hashIn(tile, index);
  };
  return Object.assign(read, { nodes: new Map<string, Buffer>() });
}

function hashIn(tile: Uint8Array, index: number): Buffer {
  const at = (index % tileWidth) * hashBytes;
  return Buffer.from(tile.subarray(at, at + hashBytes));
}

type WholeTile = { readonly level: number; readonly number: number; readonly width: number };

async function wholeTile(
  fetchTile: (tile: WholeTile) => Promise<Uint8Array>,
  tile: WholeTile,
): Promise<Uint8Array> {
  const { level, number, width } = tile;
  const bytes = await fetchTile(tile);
  if (bytes.length === width * hashBytes) return bytes;
  throw new RangeError(
    `tile ${level}/${number} has ${bytes.length} bytes, not ${width * hashBytes}`,
  );
}

function isPowerOfTwo(value: number): boolean {
  return value === 1 || splitPoint(value) * 2 === value;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isHash(bytes: Uint8Array): boolean {
  return bytes.length === hashBytes;
}

function isWithin(value: number, limit: number): boolean {
  return Number.isSafeInteger(value) && Number.isSafeInteger(limit) && value >= 0 && value <= limit;
}

function assertWithin(value: number, limit: number): void {
  if (!isWithin(value, limit)) throw new RangeError(`${value} is not between 0 and ${limit}`);
}
