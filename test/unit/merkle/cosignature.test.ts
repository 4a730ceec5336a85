import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { encodeCheckpoint } from "../../../src/merkle/checkpoint.ts";
import {
  type CosignatureAlgorithm,
  cosign,
  cosignerKey,
  cosignOwn,
  encodeCosignerKey,
  parseCosignerKey,
  verifyCosignature,
  withOwnSignatures,
  withoutMlDsa,
} from "../../../src/merkle/cosignature.ts";
import {
  encodeNote,
  encodeVerificationKey,
  parseNote,
  signNote,
  verifyNote,
} from "../../../src/merkle/note.ts";
import { freshCosigner, freshSigner } from "./signed-texts.ts";

const text = encodeCheckpoint({
  origin: "vault.example/ledger",
  size: 7,
  root: Buffer.alloc(32, 5),
});
const kinds: readonly CosignatureAlgorithm[] = ["ed25519", "ml-dsa-44"];

describeKinds(
  "a cosignature verifies under its own key alone, and tells its time",
  async (kind) => {
    const [one, two] = [freshCosigner("w.example/1", kind), freshCosigner("w.example/2", kind)];
    const note = { text, signatures: [await cosign(text, one, 1_679_315_147)] };
    const parsed = parseNote(encodeNote(note));
    if (parsed === null) throw new Error("the note does not parse");
    expect(verifyCosignature(parsed, one.key)).toEqual({
      verdict: "verified",
      timestamp: 1_679_315_147,
    });
    expect(verifyCosignature(parsed, two.key)).toEqual({ verdict: "unsigned" });
  },
);

describeKinds(
  "no bit of a cosignature can be changed, and no line of its checkpoint",
  async (kind) => {
    const cosigner = freshCosigner("w.example/1", kind);
    const cosignature = await cosign(text, cosigner, 1_679_315_147);
    const changed = (at: number) => {
      const signature = Buffer.from(cosignature.signature);
      signature[at] = (signature[at] ?? 0) ^ 1;
      return { ...cosignature, signature };
    };
    const { length } = cosignature.signature;
    for (const at of [0, 7, 8, 9, 40, length - 1])
      expect(verifyCosignature({ text, signatures: [changed(at)] }, cosigner.key).verdict).toBe(
        "forged",
      );
    for (const other of [text.replace("\n7\n", "\n8\n"), text.replace("vault", "fault"), "no\n"])
      expect(
        verifyCosignature({ text: other, signatures: [cosignature] }, cosigner.key).verdict,
      ).toBe("forged");
    const both = { text, signatures: [cosignature, changed(20)] };
    expect(verifyCosignature(both, cosigner.key).verdict).toBe("forged");
  },
);

test("a log's own ML-DSA-44 signatures stand behind its other one under its own name, tell no time, and others read the note as before", async () => {
  const log = freshSigner("vault.example/ledger");
  const [one, two] = [log.key.name, log.key.name].map((name) => freshCosigner(name, "ml-dsa-44"));
  if (one === undefined || two === undefined) throw new Error("there are two");
  const signed = await signNote(text, log.signer);
  const note = parseNote(await cosignOwn(signed, [one, two]));
  if (note === null) throw new Error("the note does not parse");
  expect(note.text).toBe(text);
  expect(note.signatures.map(({ keyId }) => keyId)).toEqual([
    log.key.keyId,
    one.key.keyId,
    two.key.keyId,
  ]);
  expect(verifyNote(note, log.key)).toBe("verified");
  for (const { key } of [one, two])
    expect(verifyCosignature(note, key)).toEqual({ verdict: "verified", timestamp: 0 });
  expect(await cosignOwn(signed, [])).toBe(signed);
});

test("where a note has to be short its signatures of ML-DSA-44 are left out, and nothing else", async () => {
  const log = freshSigner("vault.example/ledger");
  const signed = await signNote(text, log.signer);
  const both = await cosignOwn(signed, [freshCosigner(log.key.name, "ml-dsa-44")]);
  expect(both.length).toBeGreaterThan(3_000);
  expect(withoutMlDsa(both)).toBe(signed);
  expect(withoutMlDsa(signed)).toBe(signed);
  const alone = encodeNote({ text, signatures: parseNote(both)?.signatures.slice(1) ?? [] });
  expect(withoutMlDsa(alone)).toBe(alone);
});

test("where a note is to have the log's own signatures alone, both of its keys' stay and every witness's goes", async () => {
  const log = freshSigner("vault.example/ledger");
  const own = await cosignOwn(await signNote(text, log.signer), [
    freshCosigner(log.key.name, "ml-dsa-44"),
  ]);
  const note = parseNote(own);
  if (note === null) throw new Error("the note does not parse");
  const witness = await cosign(text, freshCosigner("witness.example/w1", "ml-dsa-44"), 1);
  const witnessed = encodeNote({ text, signatures: [...note.signatures, witness] });
  expect(withOwnSignatures(witnessed)).toBe(own);
  expect(withOwnSignatures(own)).toBe(own);
});

test("a log whose own cosigner gives a false signature gives out no note at all", async () => {
  const log = freshSigner("vault.example/ledger");
  const cosigner = freshCosigner(log.key.name, "ml-dsa-44");
  const broken = { ...cosigner, sign: async () => Buffer.alloc(2_420) };
  await expect(cosignOwn(await signNote(text, log.signer), [broken])).rejects.toThrow(/refuses/u);
  await expect(cosignOwn("no note", [cosigner])).rejects.toThrow(TypeError);
});

describeKinds("of several cosignatures by one key the latest time counts", async (kind) => {
  const cosigner = freshCosigner("w.example/1", kind);
  const signatures = [await cosign(text, cosigner, 9), await cosign(text, cosigner, 8)];
  expect(verifyCosignature({ text, signatures }, cosigner.key)).toEqual({
    verdict: "verified",
    timestamp: 9,
  });
});

describeKinds("a cosigner whose signature its key refuses never gives one out", async (kind) => {
  const cosigner = freshCosigner("w.example/1", kind);
  const broken = { ...cosigner, sign: async () => Buffer.alloc(64) };
  await expect(cosign(text, broken, 1)).rejects.toThrow(/refuses/u);
  for (const [unfit, at] of [
    ["no checkpoint\n", 1],
    [text, -1],
    [text, 1.5],
    [text, 2 ** 63],
  ] as const)
    await expect(cosign(unfit, cosigner, at)).rejects.toThrow(TypeError);
});

describeKinds("a cosigner's key comes back from its text, and from no other", async (kind) => {
  const { key } = freshCosigner("w.example/1", kind);
  const encoded = encodeCosignerKey(key);
  expect(parseCosignerKey(encoded)).toEqual(key);
  expect(parseCosignerKey(`${encoded}\n`)).toEqual(key);
  for (const other of [
    "",
    key.name,
    encoded.replace("w.example/1", "w.example/2"),
    encoded.replace(key.keyId, "00000000"),
    `${encoded}=`,
    encoded.slice(0, -4),
    `${encoded.slice(0, encoded.lastIndexOf("+"))}+AA==`,
  ])
    expect(parseCosignerKey(other)).toBeNull();
  expect(() => cosignerKey(kind, "a b", key.publicKey)).toThrow(TypeError);
  expect(() => cosignerKey(kind, "a", key.publicKey.subarray(1))).toThrow(TypeError);
});

test("a log's key is no cosigner's, and a log's signature no cosignature", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  expect(parseCosignerKey(encodeVerificationKey("vault.example/ledger", raw))).toBeNull();
  const key = cosignerKey("ed25519", "vault.example/ledger", raw);
  const note = parseNote(await signNote(text, freshSigner(key.name).signer));
  expect(note === null ? null : verifyCosignature(note, key).verdict).toBe("unsigned");
  const plain = {
    name: key.name,
    keyId: key.keyId,
    signature: sign(null, Buffer.from(text), privateKey),
  };
  expect(verifyCosignature({ text, signatures: [plain] }, key).verdict).toBe("forged");
});

test("what an Ed25519 cosignature signs is two lines and the checkpoint", async () => {
  const cosigner = freshCosigner("w.example/1", "ed25519");
  const signed: string[] = [];
  const heard = {
    ...cosigner,
    sign: async (message: Uint8Array) => {
      signed.push(Buffer.from(message).toString());
      return await cosigner.sign(message);
    },
  };
  await cosign(text, heard, 1_679_315_147);
  expect(signed).toEqual([`cosignature/v1\ntime 1679315147\n${text}`]);
});

const folder = new URL("../../../../shared/vectors/tlog-example/", import.meta.url);
const present = existsSync(folder);
if (!present)
  console.warn("../shared/vectors/tlog-example is absent: its cosignatures are not checked");

(present ? test : test.skip).each([
  ["the witness's under Ed25519", "witness.vkey", "ed25519"],
  ["the log's own under ML-DSA-44", "mldsa44.vkey", "ml-dsa-44"],
])("of the known example log, %s verifies", (_, file, algorithm) => {
  const key = parseCosignerKey(readFileSync(new URL(file, folder), "utf8"));
  const note = parseNote(readFileSync(new URL("checkpoint", folder)));
  if (key === null || note === null) throw new Error("the example does not parse");
  expect(key.algorithm).toBe(algorithm);
  expect(verifyCosignature(note, key)).toEqual({ verdict: "verified", timestamp: 1_795_400_000 });
});

function describeKinds(name: string, body: (kind: CosignatureAlgorithm) => Promise<void>): void {
  test.each(kinds)(`${name} (%s)`, body);
}
