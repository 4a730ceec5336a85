import { beforeAll, expect, test } from "@jest/globals";
import { verifyReceipt } from "../../../src/cli/receipt.ts";
import { encodeEntry } from "../../../src/ledger/entry.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { nothingSigned, type PlacedRotation, signRotation } from "../../../src/merkle/rotation.ts";
import { encodeTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";

const [older, newer] = [fixedSigner(7), fixedSigner(8)];
const entry = encodeEntry({
  index: 0,
  previous: "",
  time: "2026-01-01T00:00:00.000Z",
  kind: "vault.initialized",
  body: {},
});
let rotations: readonly PlacedRotation[];

const keyOf = ({ verificationKey }: typeof older) => {
  const key = parseVerificationKey(verificationKey);
  if (key === null) throw new Error("the signer has no key");
  return key;
};

async function receiptBy(signer: typeof older) {
  const checkpoint = await signCheckpoint(
    { origin: signer.name, size: 1, root: leafHash(entry) },
    signer,
  );
  const proof = encodeTlogProof({ index: 0, hashes: [], checkpoint });
  return { index: 0, entry: entry.toString("base64"), proof };
}

beforeAll(async () => {
  // Nothing proves where a server says that a rotation stands.
  rotations = [{ index: 1_000_000, statement: await signRotation(older, newer, nothingSigned) }];
});

test("a key that went before the pinned one proves what is old, and nothing that was made just now", async () => {
  const receipt = await receiptBy(older);
  expect(verifyReceipt(receipt, keyOf(newer), rotations).entry.index).toBe(0);
  expect(() => verifyReceipt(receipt, keyOf(newer), rotations, { isNew: true })).toThrow(
    "is not signed by the ledger's key",
  );
});

test("a key that followed the pinned one proves what was made just now", async () => {
  const receipt = await receiptBy(newer);
  const proved = verifyReceipt(receipt, keyOf(older), rotations, { isNew: true });
  expect(proved.entry.index).toBe(0);
});
