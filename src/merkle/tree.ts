import { hash } from "node:crypto";

export const hashBytes = 32;

/** The root of a tree without leaves: SHA-256 of nothing (RFC 6962, section 2.1). */
export const emptyRoot: Buffer = hash("sha256", "", "buffer");

/** RFC 6962, section 2.1: SHA-256(00 | entry). The prefix keeps a leaf from passing for a node. */
export function leafHash(entry: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + entry.length);
  bytes[0] = 0;
  bytes.set(entry, 1);
  return hash("sha256", bytes, "buffer");
}

/**
 * The leaf hashes of many entries, one after the other: what `leafHash` gives for each, in half the time. A digest that comes as a string is
 * made several times faster than a buffer of its own.
 */
export function leafHashes(entries: readonly Uint8Array[]): Buffer {
  const leaves = Buffer.allocUnsafeSlow(entries.length * hashBytes);
  const longest = entries.reduce((most, { length }) => Math.max(most, length), 0);
  const bytes = Buffer.allocUnsafe(1 + longest);
  bytes[0] = 0;
  for (const [position, entry] of entries.entries()) {
    bytes.set(entry, 1);
    const digest = hash("sha256", bytes.subarray(0, 1 + entry.length), "binary");
    leaves.write(digest, position * hashBytes, "latin1");
  }
  return leaves;
}

/** The root of a complete subtree over 2, 4, 8 ... hashes that stand one after the other. Throws a RangeError for another number of them. */
export function completeRoot(hashes: Uint8Array): Buffer {
  const count = hashes.length / hashBytes;
  if (!Number.isInteger(Math.log2(count))) throw new RangeError(`${count} hashes are no subtree`);
  const row = Buffer.from(hashes);
  const pair = Buffer.allocUnsafe(1 + 2 * hashBytes);
  pair[0] = 1;
  for (let width = row.length; width > hashBytes; width /= 2)
    for (let at = 0; at < width; at += 2 * hashBytes) {
      row.copy(pair, 1, at, at + 2 * hashBytes);
      row.write(hash("sha256", pair, "binary"), at / 2, "latin1");
    }
  return Buffer.from(row.subarray(0, hashBytes));
}

/** RFC 6962, section 2.1: SHA-256(01 | left | right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 2 * hashBytes);
  bytes[0] = 1;
  bytes.set(left, 1);
  bytes.set(right, 1 + hashBytes);
  return hash("sha256", bytes, "buffer");
}

/**
 * The root over leaf hashes, by the recursive definition of RFC 6962, section 2.1: the reference that everything faster is held against.
 * A last element that is itself the root of a smaller, incomplete subtree is allowed: the split falls in the same place.
 */
export function rootOf(leaves: readonly Uint8Array[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return Buffer.from(emptyRoot);
  if (leaves.length === 1) return Buffer.from(first);
  const split = splitPoint(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

/** The largest power of two below `count`, which is at least 2: where RFC 6962 splits a tree. Exact up to 2^53-1. */
export function splitPoint(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/**
 * An append-only tree that remembers only its right edge: the roots of the complete subtrees that its size is the binary sum of, largest
 * first. Appending and the root take O(log n).
 */
export class Frontier {
  #size = 0;
  readonly #edge: Buffer[] = [];

  /** Goes on from a stored right edge (see `edge`). Throws a RangeError where the number or length of the hashes does not fit the size. */
  static restore(size: number, edge: readonly Uint8Array[]): Frontier {
    if (edge.length !== onesOf(size) || edge.some((node) => node.length !== hashBytes)) {
      throw new RangeError(`${edge.length} hashes are not the right edge of ${size} leaves`);
    }
    const frontier = new Frontier();
    frontier.#size = size;
    for (const node of edge) frontier.#edge.push(Buffer.from(node));
    return frontier;
  }

  get size(): number {
    return this.#size;
  }

  /** The roots of the complete subtrees, largest (leftmost) first; one for each one bit of the size. */
  get edge(): readonly Buffer[] {
    return [...this.#edge];
  }

  append(leaf: Uint8Array): void {
    let node: Buffer = Buffer.from(leaf);
    // Each trailing one bit of the size is a complete subtree that the new one joins.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#edge.pop();
      if (left === undefined) throw new Error("the right edge is shorter than its size demands");
      node = nodeHash(left, node);
    }
    this.#edge.push(node);
    this.#size += 1;
  }

  root(): Buffer {
    const root = this.#edge.reduceRight<Buffer | null>(
      (right, left) => (right === null ? left : nodeHash(left, right)),
      null,
    );
    return Buffer.from(root ?? emptyRoot);
  }
}

function onesOf(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`${size} is not a tree size`);
  return size.toString(2).replaceAll("0", "").length;
}
