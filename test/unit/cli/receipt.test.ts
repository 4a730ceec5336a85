import { beforeAll, expect, test } from "@jest/globals";
import { verifyReceipt } from "../../../src/cli/receipt.ts";
import { encodeEntry } from "../../../src/ledger/entry.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { type Cosigner, cosignOwn } from "../../../src/merkle/cosignature.ts";
import { encodeNote, parseNote, parseVerificationKey } from "../../../src/merkle/note.ts";
import { nothingSigned, type PlacedRotation, signRotation } from "../../../src/merkle/rotation.ts";
import { encodeTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

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

async function receiptBy(signer: typeof older, cosigners: readonly Cosigner[] = []) {
  const head = { origin: signer.name, size: 1, root: leafHash(entry) };
  return receiptUnder(await cosignOwn(await signCheckpoint(head, signer), cosigners));
}

function receiptUnder(checkpoint: string) {
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

test("a receipt proves nothing to who demands the ledger's ML-DSA-44 key where its checkpoint lacks that signature, or has a false one", async () => {
  const [own, other] = [older.name, older.name].map((name) => freshCosigner(name, "ml-dsa-44"));
  if (own === undefined || other === undefined) throw new Error("two cosigners");
  const demanded = { mlDsaKey: own.key };
  const prove = (receipt: Awaited<ReturnType<typeof receiptBy>>) =>
    verifyReceipt(receipt, keyOf(older), [], demanded).entry.index;
  const receipt = await receiptBy(older, [own]);
  expect(prove(receipt)).toBe(0);
  const missing = `is not signed by the ML-DSA-44 key ${own.key.keyId}`;
  for (const cosigners of [[], [other]]) {
    const lacking = await receiptBy(older, cosigners);
    expect(() => prove(lacking)).toThrow(missing);
    expect(verifyReceipt(lacking, keyOf(older)).entry.index).toBe(0);
  }
  const note = parseNote(receipt.proof.split("\n\n").slice(1).join("\n\n"));
  const [first, line] = note?.signatures ?? [];
  if (note === null || first === undefined || line === undefined) throw new Error("two lines");
  const signature = Buffer.from(line.signature);
  signature[100] = (signature[100] ?? 0) ^ 1;
  const forged = receiptUnder(encodeNote({ ...note, signatures: [first, { ...line, signature }] }));
  expect(() => prove(forged)).toThrow("has a forged signature of the ML-DSA-44 key");
});
