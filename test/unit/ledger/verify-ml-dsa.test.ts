import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { type Cosigner, cosignOwn } from "../../../src/merkle/cosignature.ts";
import { encodeNote, parseNote } from "../../../src/merkle/note.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

const signer = fixedSigner(7);
const [old, next] = [signer.name, signer.name].map((name) => freshCosigner(name, "ml-dsa-44")) as [
  Cosigner,
  Cosigner,
];
const files = await filesOf(
  encodeAll([{ kind: "vault.initialized", body: { vault: "v" } }]),
  signer,
);
const signed = String(files.get("checkpoint"));

async function report(checkpoint: string, demanded: Cosigner | null) {
  const source = memorySource(new Map([...files, ["checkpoint", Buffer.from(checkpoint)]]));
  const { verificationKey } = signer;
  const mlDsa = demanded === null ? {} : { mlDsaKey: demanded.key };
  const { verified, findings, ...told } = await verifyLedger(source, { verificationKey, ...mlDsa });
  return { verified, codes: findings.map(({ code }) => code), mlDsaSigned: told.mlDsaSigned };
}

test("a checkpoint that the ML-DSA-44 key signed verifies under it, under the ledger's key alone, and where the key changes under the old and the next", async () => {
  const both = await cosignOwn(signed, [old, next]);
  const fine = { verified: true, codes: [] };
  for (const cosigner of [old, next])
    expect(await report(both, cosigner)).toEqual({ ...fine, mlDsaSigned: true });
  expect(await report(both, null)).toEqual(fine);
});

test("a checkpoint without the demanded ML-DSA-44 signature does not verify, though the ledger's key signed it", async () => {
  const missing = { verified: false, codes: ["ml_dsa_missing"], mlDsaSigned: false };
  expect(await report(signed, old)).toEqual(missing);
  expect(await report(await cosignOwn(signed, [next]), old)).toEqual(missing);
  expect(await report(signed, null)).toMatchObject({ verified: true });
});

test("a false signature under the demanded ML-DSA-44 key is found, also beside a true one", async () => {
  const note = parseNote(await cosignOwn(signed, [old]));
  const [own, line] = note?.signatures ?? [];
  if (note === null || own === undefined || line === undefined) throw new Error("two lines");
  const signature = Buffer.from(line.signature);
  signature[100] = (signature[100] ?? 0) ^ 1;
  const forged = { verified: false, codes: ["ml_dsa_forged"], mlDsaSigned: false };
  for (const lines of [
    [own, { ...line, signature }],
    [own, line, { ...line, signature }],
  ])
    expect(await report(encodeNote({ ...note, signatures: lines }), old)).toEqual(forged);
});
