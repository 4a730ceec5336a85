import { expect, test } from "@jest/globals";
import { rememberingJoins } from "../../../src/merkle/joined-nodes.ts";
import { inclusionProof, verifyInclusion } from "../../../src/merkle/proof.ts";
import { nodeHash, rootOf } from "../../../src/merkle/tree.ts";
import { syntheticLeaves } from "./growing-log.ts";

const [one = Buffer.alloc(0), other = Buffer.alloc(0), ...leaves] = syntheticLeaves(202);

test("the latest two of each height are joined once", () => {
  const join = rememberingJoins();
  const [low, high] = [join(one, other, 0), join(other, one, 1)];
  expect([low, high]).toEqual([nodeHash(one, other), nodeHash(other, one)]);
  expect(join(Buffer.from(one), Buffer.from(other), 0)).toBe(low);
  expect(join(other, one, 1)).toBe(high);
});

test("two that differ in one bit from those that were joined are given their own parent", () => {
  for (const side of [0, 1])
    for (let bit = 0; bit < 256; bit += 1) {
      const join = rememberingJoins();
      const known = join(one, other, 3);
      const changed = [one, other].map((node, at) => (at === side ? flip(node, bit) : node));
      const [left = one, right = other] = changed;
      expect(join(left, right, 3).equals(nodeHash(left, right))).toBe(true);
      expect(join(left, right, 3).equals(known)).toBe(false);
    }
});

test("memory that is used again changes nothing of what was joined", () => {
  const join = rememberingJoins();
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  join(left, right, 0);
  left.fill(7);
  expect(join(left, right, 0)).toEqual(nodeHash(left, right));
  right.fill(8);
  expect(join(left, right, 0)).toEqual(nodeHash(left, right));
});

test("whatever the order of the proofs, those pass that pass when all is hashed anew, in trees of every size up to 40 and of 200", async () => {
  const join = rememberingJoins();
  for (const size of [...Array.from({ length: 40 }, (_, at) => at + 1), 200]) {
    const tree = leaves.slice(0, size);
    const root = rootOf(tree);
    const read = (level: number, at: number) => (level === 0 ? (tree[at] ?? one) : one);
    for (const index of [...tree.keys(), ...[...tree.keys()].toReversed()]) {
      const proof = await inclusionProof(index, size, read);
      const claim = { index, size, leaf: tree[index] ?? one, proof, root };
      for (const [at, node] of proof.entries()) {
        const wrong = { ...claim, proof: proof.with(at, flip(node, index % 256)) };
        expect(verifyInclusion({ ...wrong, join })).toBe(false);
      }
      expect(verifyInclusion({ ...claim, join })).toBe(true);
      expect(verifyInclusion({ ...claim, leaf: flip(claim.leaf, 0), join })).toBe(false);
    }
  }
});

function flip(node: Buffer, bit: number): Buffer {
  const changed = Buffer.from(node);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
}
