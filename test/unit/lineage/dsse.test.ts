import { generateKeyPairSync, sign } from "node:crypto";
import { expect, test } from "@jest/globals";
import {
  type EnvelopeJson,
  parseEnvelope,
  preAuthenticationEncoding,
  signEnvelope,
  verifyEnvelope,
} from "../../../src/lineage/dsse.ts";
import { encodeCheckpoint, signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { keyIdOf, parseVerificationKey, signNote } from "../../../src/merkle/note.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";
import { freshP256Signer } from "../merkle/signed-texts.ts";

const signer = fixedSigner(7);
const other = fixedSigner(8);
const key = keyOf(signer);
const stated = { payloadType: "application/vnd.in-toto+json", payload: Buffer.from('{"a":1}') };

function keyOf(of: typeof signer) {
  const parsed = parseVerificationKey(of.verificationKey);
  if (parsed === null) throw new Error("the signer has no key");
  return parsed;
}

function verdictOf(value: unknown, by = key) {
  const envelope = parseEnvelope(value);
  return envelope === null ? null : verifyEnvelope(envelope, by);
}

test("what is signed is the protocol's own example, byte for byte", () => {
  const encoded = preAuthenticationEncoding(
    "http://example.com/HelloWorld",
    Buffer.from("hello world"),
  );
  expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  // Lengths are of bytes, and an empty payload has its length too.
  expect(preAuthenticationEncoding("é", Buffer.alloc(0)).toString()).toBe("DSSEv1 2 é 0 ");
});

test("an envelope verifies with the ledger's key, whose id it names, and with no other", async () => {
  const envelope = await signEnvelope(stated, signer);
  expect(envelope.signatures.map(({ keyid }) => keyid)).toEqual([
    keyIdOf(signer.name, signer.publicKey),
  ]);
  expect(verdictOf(envelope)).toBe("verified");
  expect(verdictOf(envelope, keyOf(other))).toBe("unsigned");
  expect(verdictOf(JSON.parse(JSON.stringify(envelope)))).toBe("verified");
});

test("an envelope by a P-256 key verifies with it, and neither key's algorithm counts for the other", async () => {
  const p256 = freshP256Signer(signer.name);
  const envelope = await signEnvelope(stated, p256.signer);
  expect(verdictOf(envelope, p256.key)).toBe("verified");
  expect(verdictOf(envelope)).toBe("unsigned");
  const renamed = (from: EnvelopeJson, keyid: string) => ({
    ...from,
    signatures: from.signatures.map((each) => ({ ...each, keyid })),
  });
  expect(verdictOf(renamed(envelope, key.keyId))).toBe("forged");
  const other = await signEnvelope(stated, signer);
  expect(verdictOf(renamed(other, p256.key.keyId), p256.key)).toBe("forged");
});

test("URL-safe base64 is read as well, and other base64 is not", async () => {
  const bytes = Buffer.from([0xfb, 0xff, 0xfe]);
  const envelope = await signEnvelope({ ...stated, payload: bytes }, signer);
  const urlSafe = { ...envelope, payload: bytes.toString("base64url") };
  expect(envelope.payload).not.toBe(urlSafe.payload);
  expect(verdictOf(urlSafe)).toBe("verified");
  for (const payload of ["+/+", "====", "a b=", "YQ==YQ=="])
    expect([payload, parseEnvelope({ ...envelope, payload })]).toEqual([payload, null]);
});

test("another payload, type or signature is forged, and a false one condemns a true one", async () => {
  const envelope = await signEnvelope(stated, signer);
  const [mine] = envelope.signatures;
  const changed: readonly EnvelopeJson[] = [
    { ...envelope, payload: Buffer.from('{"a":2}').toString("base64") },
    { ...envelope, payloadType: "application/vnd.in-toto+jsom" },
    { ...envelope, signatures: [{ keyid: key.keyId, sig: Buffer.alloc(64).toString("base64") }] },
    { ...envelope, signatures: [{ keyid: key.keyId, sig: "AAAA" }] },
    {
      ...envelope,
      signatures: [
        ...(mine === undefined ? [] : [mine]),
        { keyid: key.keyId, sig: Buffer.alloc(64, 1).toString("base64") },
      ],
    },
  ];
  expect(changed.map((each) => verdictOf(each))).toEqual(changed.map(() => "forged"));
});

test("what is no envelope is told apart from one that does not verify", async () => {
  const envelope = await signEnvelope(stated, signer);
  const [first] = envelope.signatures;
  const broken: readonly unknown[] = [
    null,
    [],
    "envelope",
    { ...envelope, payload: 1 },
    { ...envelope, payloadType: undefined },
    { ...envelope, signatures: [] },
    { ...envelope, signatures: [null] },
    { ...envelope, signatures: [{ keyid: 7, sig: "" }] },
    { ...envelope, signatures: Array.from({ length: 17 }, () => first) },
  ];
  expect(broken.map((each) => parseEnvelope(each))).toEqual(broken.map(() => null));
});

test("a signer that gives a false signature gives out no envelope", async () => {
  const liar = { ...signer, publicKey: signer.publicKey, sign: async () => Buffer.alloc(64) };
  await expect(signEnvelope(stated, liar)).rejects.toThrow(/public key refuses/);
});

test("no note and no checkpoint begins as an envelope's bytes do, so neither signature passes for the other's", async () => {
  const message = preAuthenticationEncoding(stated.payloadType, stated.payload).toString();
  await expect(signNote(`${message}\n`, signer)).rejects.toThrow(TypeError);
  await expect(signNote("DSSEv1 \n", signer)).rejects.toThrow(TypeError);
  const root = Buffer.alloc(32);
  for (const origin of ["DSSEv1 ", "DSSEv1 28 application/vnd.in-toto+json 7 {}"]) {
    expect(() => encodeCheckpoint({ origin, size: 1, root })).toThrow(TypeError);
    await expect(signCheckpoint({ origin, size: 1, root }, signer)).rejects.toThrow(TypeError);
  }
  // A key's name has no space, so an origin that is one can at the most begin so.
  expect(encodeCheckpoint({ origin: "DSSEv1", size: 1, root })).toMatch(/^DSSEv1\n1\n/);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const name = "vault.example";
  const note = sign(null, Buffer.from("vault.example\n1\nroot\n"), privateKey);
  const passedOff = { ...stated, signatures: [{ keyid: keyIdOf(name, raw), signature: note }] };
  expect(verifyEnvelope(passedOff, { name, keyId: keyIdOf(name, raw), publicKey: raw })).toBe(
    "forged",
  );
});
