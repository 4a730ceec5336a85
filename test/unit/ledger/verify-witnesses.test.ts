import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { type Cosigner, cosign, encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import {
  encodeNote,
  encodeVerificationKey,
  type NoteSignature,
  parseNote,
} from "../../../src/merkle/note.ts";
import { parsePolicy } from "../../../src/merkle/policy.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { freshCosigner, freshSigner } from "../merkle/signed-texts.ts";

const signer = fixedSigner(7);
const [one, two, three] = ["1", "2", "3"].map((at) => freshCosigner(`w.example/${at}`)) as [
  Cosigner,
  Cosigner,
  Cosigner,
];
const files = await filesOf(
  encodeAll([{ kind: "vault.initialized", body: { vault: "v" } }]),
  signer,
);
const signed = parseNote(files.get("checkpoint") ?? "");

const witnessLines = [one, two, three]
  .map(({ key }, at) => `witness w${at + 1} ${encodeCosignerKey(key)}\n`)
  .join("");
const twoOfThree = `log ${signer.verificationKey}\n${witnessLines}group g 2 w1 w2 w3\nquorum g\n`;

/** The report on the ledger whose checkpoint has these lines behind its own. */
async function report(text: string, signatures: readonly NoteSignature[]) {
  const parsed = parsePolicy(Buffer.from(text));
  if ("problem" in parsed || signed === null) throw new Error("no policy, or no checkpoint");
  const note = encodeNote({ ...signed, signatures: [...signed.signatures, ...signatures] });
  const source = memorySource(new Map([...files, ["checkpoint", Buffer.from(note)]]));
  const { verificationKey } = signer;
  return await verifyLedger(source, { verificationKey, policy: parsed.policy });
}

const cosigned = async (cosigner: Cosigner) =>
  await cosign(signed?.text ?? "", cosigner, 1_795_400_000);

test("a checkpoint with its quorum verifies, and the report says who cosigned it and when", async () => {
  const { verified, witnessed } = await report(twoOfThree, [
    await cosigned(one),
    await cosigned(three),
  ]);
  expect(verified).toBe(true);
  expect(witnessed).toEqual({
    hasQuorum: true,
    witnesses: [
      { name: "w1", cosignedAt: 1_795_400_000 },
      { name: "w2", cosignedAt: null },
      { name: "w3", cosignedAt: 1_795_400_000 },
    ],
  });
});

test("a checkpoint without its quorum does not verify, and without a policy nobody asks", async () => {
  const { verified, findings } = await report(twoOfThree, [await cosigned(two)]);
  expect(verified).toBe(false);
  expect(findings).toMatchObject([
    { code: "quorum_missing", message: "only w2 cosigned the checkpoint" },
  ]);
  const plain = await verifyLedger(memorySource(files), signer);
  expect([plain.verified, "witnessed" in plain]).toEqual([true, false]);
});

test("a forged cosignature is found, even where the others are a quorum", async () => {
  const forged = { ...(await cosigned(two)), signature: Buffer.alloc(72) };
  const lines = [await cosigned(one), forged, await cosigned(three)];
  const { verified, findings, witnessed } = await report(twoOfThree, lines);
  expect([verified, witnessed?.hasQuorum]).toEqual([false, true]);
  expect(findings).toMatchObject([{ code: "cosignature_forged" }]);
});

test("a cosignature of another checkpoint is forged here", async () => {
  const other = await cosign((signed?.text ?? "").replace("\n1\n", "\n2\n"), one, 1_795_400_000);
  const { findings } = await report(twoOfThree, [
    other,
    await cosigned(two),
    await cosigned(three),
  ]);
  expect(findings).toMatchObject([{ code: "cosignature_forged" }]);
});

test("a ledger that the policy does not list is found", async () => {
  const { name, publicKey } = freshSigner("other.example/ledger").key;
  const text = twoOfThree.replace(signer.verificationKey, encodeVerificationKey(name, publicKey));
  const { findings } = await report(text, [await cosigned(one), await cosigned(two)]);
  expect(findings).toMatchObject([{ code: "log_not_in_policy" }]);
});
