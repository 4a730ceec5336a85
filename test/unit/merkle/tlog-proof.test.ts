import { expect, test } from "@jest/globals";
import { assert, property, string, uint8Array } from "fast-check";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { inclusionProof } from "../../../src/merkle/proof.ts";
import {
  encodeTlogProof,
  parseTlogProof,
  type TlogProof,
  verifyTlogProof,
} from "../../../src/merkle/tlog-proof.ts";
import { rootOf } from "../../../src/merkle/tree.ts";
import { syntheticLeaves } from "./growing-log.ts";
import { freshSigner } from "./signed-texts.ts";

const { signer, key } = freshSigner("vault.example/ledger");
const leaves = syntheticLeaves(100);
const leafAt = (index: number): Buffer => leaves[index] ?? Buffer.alloc(0);
const hash = Buffer.alloc(32, 1).toString("base64");

async function proofOf(index: number, size = leaves.length): Promise<TlogProof> {
  const root = rootOf(leaves.slice(0, size));
  const hashes = await inclusionProof(index, size, (_, at) => leafAt(at));
  return {
    index,
    hashes,
    checkpoint: await signCheckpoint({ origin: key.name, size, root }, signer),
  };
}

test.each([
  [0, 1],
  [0, 100],
  [63, 64],
  [99, 100],
])(
  "the proof of entry %d of %d comes back from its text and shows its entry",
  async (index, size) => {
    const proof = await proofOf(index, size);
    const text = encodeTlogProof(proof);
    expect(text.startsWith(`c2sp.org/tlog-proof@v1\nindex ${index}\n`)).toBe(true);
    const parsed = parseTlogProof(Buffer.from(text));
    expect(parsed).toEqual(proof);
    expect(verifyTlogProof(proof, leafAt(index), key)).toMatchObject({
      verified: true,
      checkpoint: { origin: key.name, size },
    });
  },
);

test("extra data is kept and proves nothing", async () => {
  const proof = { ...(await proofOf(5)), extra: Buffer.from("release") };
  expect(encodeTlogProof(proof)).toContain("@v1\nextra cmVsZWFzZQ==\nindex 5\n");
  expect(parseTlogProof(encodeTlogProof(proof))).toEqual(proof);
});

test("another entry, index, key or checkpoint is not shown", async () => {
  const proof = await proofOf(5);
  const refused = (changed: TlogProof, leaf = leafAt(5), by = key): string => {
    const result = verifyTlogProof(changed, leaf, by);
    return result.verified ? "verified" : result.refused;
  };
  expect(refused(proof)).toBe("verified");
  expect(refused(proof, leafAt(6))).toBe("not_included");
  expect(refused({ ...proof, index: 4 })).toBe("not_included");
  expect(refused({ ...proof, hashes: proof.hashes.slice(1) })).toBe("not_included");
  expect(refused(proof, leafAt(5), freshSigner(key.name).key)).toBe("unsigned");
  const larger = proof.checkpoint.replace("\n100\n", "\n101\n");
  expect(refused({ ...proof, checkpoint: larger })).toBe("forged");
  expect(refused({ ...proof, checkpoint: "" })).toBe("malformed_checkpoint");
});

test.each([
  ["another first line", `c2sp.org/tlog-proof@v2\nindex 1\n\n`],
  ["no index", `c2sp.org/tlog-proof@v1\n${hash}\n\n`],
  ["an index with a leading zero", `c2sp.org/tlog-proof@v1\nindex 01\n\n`],
  ["a negative index", `c2sp.org/tlog-proof@v1\nindex -1\n\n`],
  ["an index past 2^53-1", `c2sp.org/tlog-proof@v1\nindex 9007199254740992\n\n`],
  ["a hash of 31 bytes", `c2sp.org/tlog-proof@v1\nindex 1\n${hash.slice(0, 40)}\n\n`],
  ["a hash without padding", `c2sp.org/tlog-proof@v1\nindex 1\n${hash.slice(0, -1)}\n\n`],
  ["54 hashes", `c2sp.org/tlog-proof@v1\nindex 1\n${`${hash}\n`.repeat(54)}\n`],
  ["extra data that is not base64", `c2sp.org/tlog-proof@v1\nextra ?\nindex 1\n\n`],
  ["extra data after the index", `c2sp.org/tlog-proof@v1\nindex 1\nextra AA==\n\n`],
  ["no empty line", `c2sp.org/tlog-proof@v1\nindex 1\n${hash}\n`],
  ["carriage returns", `c2sp.org/tlog-proof@v1\r\nindex 1\r\n\n`],
])("a proof with %s is refused", (_, text) => {
  expect(parseTlogProof(`c2sp.org/tlog-proof@v1\nindex 1\n${hash}\n\n`)).not.toBeNull();
  expect(parseTlogProof(text)).toBeNull();
});

test("no input makes the parser throw, and what parses is written back as it was", () => {
  assert(
    property(string({ unit: "binary" }), uint8Array(), (some, bytes) => {
      parseTlogProof(bytes);
      for (const text of [some, `c2sp.org/tlog-proof@v1\nindex 1\n${some}\n\n${some}`]) {
        const proof = parseTlogProof(text);
        if (proof !== null) expect(encodeTlogProof(proof)).toBe(text);
      }
    }),
  );
});
