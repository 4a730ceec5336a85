import { expect, test } from "@jest/globals";
import { array, assert, integer, property, uint8Array } from "fast-check";
import {
  consistencyProof,
  inclusionProof,
  readTiles,
  rightEdge,
  rootOfInclusion,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
} from "../../../src/merkle/proof.ts";
import { tilePath } from "../../../src/merkle/tile.ts";
import { emptyRoot, Frontier, nodeHash, rootOf } from "../../../src/merkle/tree.ts";
import { syntheticLeaves, tilesFrom } from "./growing-log.ts";

const most = 300;
const leaves = syntheticLeaves(most);
const roots = Array.from({ length: most + 1 }, (_, size) => rootOf(leaves.slice(0, size)));

const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
};

/** Reads what tiles store from the tiles of the largest size, as a log that has grown on serves it. */
const stored = tilesFrom(leaves);
const level1 = [rootOf(leaves.slice(0, 256))];
const read = (level: number, index: number): Buffer => at(level === 0 ? leaves : level1, index);

const rangeRoots = new Map<number, Buffer>();

/** MTH(D[start:end]) of RFC 6962, section 2.1. */
function rangeRoot(start: number, end: number): Buffer {
  const key = start * 1_000 + end;
  const known = rangeRoots.get(key);
  if (known !== undefined) return known;
  const middle = start + half(end - start);
  const root =
    end - start === 1
      ? at(leaves, start)
      : nodeHash(rangeRoot(start, middle), rangeRoot(middle, end));
  rangeRoots.set(key, root);
  return root;
}

function half(width: number): number {
  let split = 1;
  while (split * 2 < width) split *= 2;
  return split;
}

/** PATH(index, D[start:end]) of RFC 6962, section 2.1.1, written down as it is defined. */
function definedInclusion(index: number, start: number, end: number): readonly Buffer[] {
  if (end - start === 1) return [];
  const middle = start + half(end - start);
  return index < middle
    ? [...definedInclusion(index, start, middle), rangeRoot(middle, end)]
    : [...definedInclusion(index, middle, end), rangeRoot(start, middle)];
}

/** SUBPROOF(old, D[start:end], isWhole) of RFC 6962, section 2.1.2; `old` counts from the start of the tree. */
function definedConsistency(
  old: number,
  start: number,
  end: number,
  isWhole: boolean,
): readonly Buffer[] {
  if (old === end) return isWhole ? [] : [rangeRoot(start, end)];
  const middle = start + half(end - start);
  return old <= middle
    ? [...definedConsistency(old, start, middle, isWhole), rangeRoot(middle, end)]
    : [...definedConsistency(old, middle, end, false), rangeRoot(start, middle)];
}

test("every entry of every size up to 300 is proved, and by no other index, size or leaf", () => {
  let proved = 0;
  for (let size = 1; size <= most; size += 1) {
    const root = at(roots, size);
    for (let index = 0; index < size; index += 1) {
      const proof = definedInclusion(index, 0, size);
      const claim = { index, size, leaf: at(leaves, index), proof, root };
      if (!verifyInclusion(claim)) throw new Error(`${index} of ${size} is not proved`);
      if (verifyInclusion({ ...claim, leaf: at(leaves, (index + 1) % most) })) {
        throw new Error(`another leaf passes for ${index} of ${size}`);
      }
      if (size > 1 && verifyInclusion({ ...claim, index: (index + 1) % size })) {
        throw new Error(`${index} of ${size} passes at another index`);
      }
      proved += 1;
    }
  }
  expect(proved).toBe((most * (most + 1)) / 2);
});

test("every pair of sizes up to 300 is proved consistent, and with no other root or size", () => {
  let pairs = 0;
  for (let size = 1; size <= most; size += 1) {
    const root = at(roots, size);
    for (let oldSize = 1; oldSize <= size; oldSize += 1) {
      const proof = definedConsistency(oldSize, 0, size, true);
      const claim = { oldSize, oldRoot: at(roots, oldSize), size, root, proof };
      if (!verifyConsistency(claim)) throw new Error(`${oldSize} to ${size} is not proved`);
      if (verifyConsistency({ ...claim, oldRoot: at(roots, oldSize - 1) })) {
        throw new Error(`another old root passes for ${oldSize} to ${size}`);
      }
      if (verifyConsistency({ ...claim, root: at(roots, size - 1) })) {
        throw new Error(`another root passes for ${oldSize} to ${size}`);
      }
      if (oldSize < size && verifyConsistency({ ...claim, size: size * 2 + 1 })) {
        throw new Error(`another size passes for ${oldSize} to ${size}`);
      }
      pairs += 1;
    }
  }
  expect(pairs).toBe((most * (most + 1)) / 2);
});

/** All of the small trees and of those around a tile's end; elsewhere the places where the shape changes. */
function placesIn(size: number): readonly number[] {
  const all = Array.from({ length: size }, (_, index) => index);
  if (size <= 40 || [127, 128, 129, 255, 256, 257, 258, most].includes(size)) return all;
  return all.filter(
    (index) => index % 37 === 0 || [1, 64, 128, 255, 256, size - 1].includes(index),
  );
}

test("the proofs that are made from stored hashes are those of the definition, at every size up to 300", async () => {
  for (let size = 1; size <= most; size += 1) {
    for (const index of placesIn(size)) {
      const proof = await inclusionProof(index, size, read);
      expect(equal(proof, definedInclusion(index, 0, size))).toBe(true);
      const consistency = await consistencyProof(index + 1, size, read);
      expect(equal(consistency, definedConsistency(index + 1, 0, size, true))).toBe(true);
    }
  }
});

function equal(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  return Buffer.concat(some).equals(Buffer.concat(others));
}

test("proofs across tiles of three levels come from tiles alone, each fetched once", async () => {
  const size = 65_537 + 300;
  const many = syntheticLeaves(size);
  const tiles = tilesFrom(many);
  const fetched: string[] = [];
  const tileReader = readTiles(size, async (tile) => {
    fetched.push(tilePath(tile));
    const bytes = tiles.get(tilePath(tile));
    if (bytes === undefined) throw new Error(`asked for ${tilePath(tile)}, which does not exist`);
    return bytes;
  });
  const frontier = new Frontier();
  for (const leaf of many) frontier.append(leaf);
  const root = await treeRoot(size, tileReader);
  expect(root).toEqual(frontier.root());
  expect(await rightEdge(size, tileReader)).toEqual(frontier.edge);
  for (const index of [0, 255, 256, 40_000, 65_535, 65_536, size - 1]) {
    const proof = await inclusionProof(index, size, tileReader);
    expect(verifyInclusion({ index, size, leaf: at(many, index), proof, root })).toBe(true);
  }
  for (const oldSize of [1, 256, 300, 40_001, 65_536, 65_537, size - 1]) {
    const proof = await consistencyProof(oldSize, size, tileReader);
    const oldRoot = await treeRoot(oldSize, tileReader);
    expect(verifyConsistency({ oldSize, oldRoot, size, root, proof })).toBe(true);
  }
  expect(new Set(fetched).size).toBe(fetched.length);
});

test("a tile that could not be read is read again, and once it was read never more", async () => {
  let isDown = true;
  let reads = 0;
  const reader = readTiles(2, async () => {
    reads += 1;
    if (isDown) throw new Error("the database is down");
    return reads === 3 ? Buffer.alloc(32) : Buffer.concat(leaves.slice(0, 2));
  });
  const both = await Promise.allSettled([reader(0, 0), reader(0, 1)]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(reader(0, 0)).rejects.toThrow("down");
  isDown = false;
  await expect(reader(0, 0)).rejects.toThrow(RangeError);
  expect(await reader(0, 0)).toEqual(at(leaves, 0));
  expect(await reader(0, 1)).toEqual(at(leaves, 1));
  expect(reads).toBe(4);
});

test("a tile of the wrong width is not read from", async () => {
  const reader = readTiles(most, async () => Buffer.alloc(32));
  await expect(treeRoot(most, reader)).rejects.toThrow(RangeError);
  expect(stored.get("tile/1/000.p/1")).toEqual(level1[0]);
});

test("every proof with a hash changed, dropped, added or cut short is refused", async () => {
  for (const [index, size] of [
    [0, 1],
    [5, 7],
    [255, 256],
    [256, 300],
    [299, 300],
  ] as const) {
    const proof = await inclusionProof(index, size, read);
    const claim = { index, size, leaf: at(leaves, index), proof, root: at(roots, size) };
    for (const changed of damagedProofs(proof)) {
      expect(verifyInclusion({ ...claim, proof: changed })).toBe(false);
    }
  }
  for (const [oldSize, size] of [
    [1, 2],
    [7, 13],
    [128, 256],
    [256, 300],
    [299, 300],
  ] as const) {
    const proof = await consistencyProof(oldSize, size, read);
    const claim = { oldSize, oldRoot: at(roots, oldSize), size, root: at(roots, size), proof };
    for (const changed of damagedProofs(proof)) {
      expect(verifyConsistency({ ...claim, proof: changed })).toBe(false);
    }
  }
});

function damagedProofs(proof: readonly Buffer[]): readonly (readonly Buffer[])[] {
  const flip = (hash: Buffer): Buffer =>
    Buffer.from(hash.map((byte, at0) => (at0 === 9 ? byte ^ 1 : byte)));
  return [
    [...proof, Buffer.alloc(32)],
    [Buffer.alloc(32), ...proof],
    ...proof.flatMap((hash, place) => [
      proof.toSpliced(place, 1),
      proof.toSpliced(place, 1, flip(hash)),
      proof.toSpliced(place, 1, hash.subarray(1)),
    ]),
  ];
}

test("equal and empty trees need no proof, and take none", () => {
  const root = at(roots, 7);
  const same = { oldSize: 7, oldRoot: root, size: 7, root };
  expect(verifyConsistency({ ...same, proof: [] })).toBe(true);
  expect(verifyConsistency({ ...same, proof: [root] })).toBe(false);
  expect(verifyConsistency({ ...same, oldRoot: at(roots, 6), proof: [] })).toBe(false);
  const fromEmpty = { oldSize: 0, oldRoot: emptyRoot, size: 7, root };
  expect(verifyConsistency({ ...fromEmpty, proof: [] })).toBe(true);
  expect(verifyConsistency({ ...fromEmpty, proof: [root] })).toBe(false);
  expect(verifyConsistency({ ...fromEmpty, oldRoot: root, proof: [] })).toBe(false);
  expect(verifyConsistency({ ...same, oldSize: 8, proof: [] })).toBe(false);
});

test("no numbers and no hashes make a verification throw or pass", () => {
  const hash = uint8Array({ minLength: 31, maxLength: 32 });
  const number = integer({ min: -2, max: 2 ** 31 });
  assert(
    property(number, number, hash, array(hash, { maxLength: 60 }), (index, size, leaf, proof) => {
      const root = Buffer.alloc(32, 3);
      expect(verifyInclusion({ index, size, leaf, proof, root })).toBe(false);
      expect(verifyConsistency({ oldSize: index, oldRoot: leaf, size, root, proof })).toBe(false);
    }),
  );
  for (const size of [Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 53]) {
    expect(rootOfInclusion({ index: 0, size, leaf: Buffer.alloc(32), proof: [] })).toBeNull();
  }
});

test("a proof that is longer than its tree is high leads to no root", () => {
  const leaf = at(leaves, 0);
  const claim = { index: 0, size: 2, leaf };
  expect(rootOfInclusion({ ...claim, proof: [at(leaves, 1)] })).toEqual(at(roots, 2));
  expect(rootOfInclusion({ ...claim, proof: [at(leaves, 1), at(leaves, 2)] })).toBeNull();
});

test("a proof of what is not in the tree is not made", async () => {
  await expect(inclusionProof(5, 5, read)).rejects.toThrow(RangeError);
  await expect(inclusionProof(0, 0, read)).rejects.toThrow(RangeError);
  await expect(inclusionProof(-1, 5, read)).rejects.toThrow(RangeError);
  await expect(consistencyProof(6, 5, read)).rejects.toThrow(RangeError);
});
