import { expect, test } from "@jest/globals";
import { type HashReader, inclusionProof, readTiles } from "../../../src/merkle/proof.ts";
import { tilePath } from "../../../src/merkle/tile.ts";
import { syntheticLeaves, tilesFrom } from "./growing-log.ts";

const size = 3_000;
const leaves = syntheticLeaves(size);
const tiles = tilesFrom(leaves);
const reader = () => readTiles(size, async (tile) => tiles.get(tilePath(tile)) ?? Buffer.alloc(0));

/** The same reader, counting what a proof reads of it. */
function counting() {
  const read = reader();
  const reads = { now: 0 };
  const counted = (level: number, index: number) => {
    reads.now += 1;
    return read(level, index);
  };
  const nodes = new Map<string, Buffer>();
  const remembering: HashReader = Object.assign((level: number, at: number) => counted(level, at), {
    nodes,
  });
  return { reads, nodes, forgetting: counted, remembering };
}

test("proofs from nodes that are remembered are those from nodes that are computed anew, in whatever order they are asked for", async () => {
  const read = reader();
  const { forgetting } = counting();
  const everywhere = Array.from({ length: 300 }, (_, at) => (at * 1_009) % size);
  for (const index of [...everywhere, 0, 1, 2, 3, 255, 256, 257, 2_998, 2_999, 2_998, 1]) {
    const anew = await inclusionProof(index, size, forgetting);
    expect(await inclusionProof(index, size, read)).toEqual(anew);
  }
});

test("neighbours' proofs read a few hashes each, and no more than so many nodes are kept", async () => {
  const { reads, nodes, remembering } = counting();
  for (let index = 0; index < size; index += 1) await inclusionProof(index, size, remembering);
  expect(reads.now).toBeLessThan(20 * size);
  expect(nodes.size).toBe(256);
});

test("whoever writes into a proof changes none that is made later", async () => {
  const read = reader();
  const before = await inclusionProof(0, size, reader());
  for (let times = 0; times < 2; times += 1)
    for (const node of await inclusionProof(0, size, read)) node.fill(7);
  expect(await inclusionProof(0, size, read)).toEqual(before);
});

test("a node whose tile could not be read is not remembered, and is computed once it can", async () => {
  let isDown = true;
  const read = readTiles(size, async (tile) => {
    if (isDown) throw new Error("the store is down");
    return tiles.get(tilePath(tile)) ?? Buffer.alloc(0);
  });
  await expect(inclusionProof(0, size, read)).rejects.toThrow("down");
  expect(read.nodes?.size).toBe(0);
  isDown = false;
  expect(await inclusionProof(0, size, read)).toEqual(await inclusionProof(0, size, reader()));
});
