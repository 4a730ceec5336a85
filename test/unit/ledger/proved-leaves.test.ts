import { expect, test } from "@jest/globals";
import { ProvedLeaves } from "../../../src/ledger/proved-leaves.ts";

/** Leaf hashes whose every byte is the index. */
function leavesOf(first: number, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, at) => leafOf(first + at)));
}

function leafOf(index: number): Buffer {
  return Buffer.alloc(32, index);
}

test("each proved leaf is found at its index, and none beside them", () => {
  const proved = new ProvedLeaves(100);
  proved.add(5, leavesOf(5, 3));
  proved.add(8, leavesOf(8, 1));
  for (const index of [5, 6, 7, 8]) expect(proved.at(index)).toEqual(leafOf(index));
  for (const index of [0, 4, 9, 1_000]) expect(proved.at(index)).toBeNull();
});

test("the oldest runs are forgotten beyond the limit, the newest never", () => {
  const proved = new ProvedLeaves(4);
  proved.add(0, leavesOf(0, 3));
  proved.add(3, leavesOf(3, 3));
  expect(proved.at(2)).toBeNull();
  expect(proved.at(3)).toEqual(leafOf(3));
  proved.add(6, leavesOf(6, 9));
  expect(proved.at(5)).toBeNull();
  expect(proved.at(14)).toEqual(leafOf(14));
});

test("a gap between two runs holds nothing, and after clearing nothing is proved", () => {
  const proved = new ProvedLeaves(100);
  proved.add(0, leavesOf(0, 2));
  proved.add(5, leavesOf(5, 2));
  expect(proved.at(3)).toBeNull();
  expect(proved.at(1)).toEqual(leafOf(1));
  proved.clear();
  for (const index of [0, 1, 5, 6]) expect(proved.at(index)).toBeNull();
});
