import { expect, test } from "@jest/globals";
import {
  completeRoot,
  emptyRoot,
  Frontier,
  leafHash,
  leafHashes,
  nodeHash,
  rootOf,
} from "../../../src/merkle/tree.ts";
import { syntheticLeaves } from "./growing-log.ts";

/** The inputs and roots that certificate transparency logs have been tested with since RFC 6962. */
const known: readonly (readonly [entryHex: string, rootHex: string])[] = [
  ["", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  ["10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
  ["2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
  ["3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"],
  ["40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"],
  ["5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"],
  [
    "606162636465666768696a6b6c6d6e6f",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ],
];

test("the known RFC 6962 roots come out, from the definition and from the frontier", () => {
  const frontier = new Frontier();
  const leaves: Buffer[] = [];
  for (const [entryHex, rootHex] of known) {
    const leaf = leafHash(Buffer.from(entryHex, "hex"));
    leaves.push(leaf);
    frontier.append(leaf);
    expect(rootOf(leaves).toString("hex")).toBe(rootHex);
    expect(frontier.root().toString("hex")).toBe(rootHex);
  }
});

test("the empty tree has the hash of nothing for a root", () => {
  expect(new Frontier().root()).toEqual(emptyRoot);
  expect(rootOf([]).toString("hex")).toBe(
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
});

test("a leaf cannot pass for a node", () => {
  const [left, right] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  expect(leafHash(Buffer.concat([left, right]))).not.toEqual(nodeHash(left, right));
});

test("a frontier grown to every size up to 300, and one restored there, agree with the definition", () => {
  const leaves = syntheticLeaves(300);
  const frontier = new Frontier();
  for (const [index, leaf] of leaves.entries()) {
    frontier.append(leaf);
    expect(frontier.size).toBe(index + 1);
    const root = rootOf(leaves.slice(0, index + 1));
    expect(frontier.root()).toEqual(root);
    const restored = Frontier.restore(index + 1, frontier.edge);
    expect(restored.root()).toEqual(root);
    restored.append(leaf);
    expect(restored.root()).toEqual(rootOf([...leaves.slice(0, index + 1), leaf]));
  }
});

test.each([
  [3, 1],
  [4, 2],
  [0, 1],
  [-1, 0],
  [0.5, 1],
  [2 ** 53, 1],
])("a frontier of %d leaves is not restored from %d hashes", (size, count) => {
  const edge = Array.from({ length: count }, () => Buffer.alloc(32));
  expect(() => Frontier.restore(size, edge)).toThrow(RangeError);
});

test("a frontier is not restored from hashes of another length", () => {
  expect(() => Frontier.restore(1, [Buffer.alloc(31)])).toThrow(RangeError);
});

test("many leaf hashes at once are those that each entry has", () => {
  const entries = [1_000, 0, 1, 65_535, 7].map((sizeBytes, number) =>
    Buffer.alloc(sizeBytes, number),
  );
  expect(leafHashes(entries)).toEqual(Buffer.concat(entries.map(leafHash)));
  expect(leafHashes([])).toEqual(Buffer.alloc(0));
});

test("the root of a complete subtree is that of the definition, and of no other number of hashes", () => {
  const leaves = syntheticLeaves(256);
  for (const count of [1, 2, 4, 8, 64, 128, 256]) {
    const some = leaves.slice(0, count);
    expect(completeRoot(Buffer.concat(some))).toEqual(rootOf(some));
  }
  for (const count of [0, 3, 6, 255])
    expect(() => completeRoot(Buffer.concat(leaves.slice(0, count)))).toThrow(RangeError);
});
