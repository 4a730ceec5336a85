import { createPublicKey, generateKeyPairSync, hash, sign } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import {
  algorithmOf,
  ed25519SpkiPrefix,
  importPublicKey,
  isSignedBy,
} from "../../../src/merkle/key-algorithm.ts";
import {
  encodeVerificationKey,
  keyIdOf,
  parseNote,
  parseVerificationKey,
  signNote,
  verifyNote,
} from "../../../src/merkle/note.ts";
import { parsePolicy } from "../../../src/merkle/policy.ts";
import {
  nothingSigned,
  readRotation,
  Succession,
  signRotation,
} from "../../../src/merkle/rotation.ts";
import { freshP256Signer, freshSigner } from "./signed-texts.ts";

const name = "vault.example/ledger";
const text = "one\ntwo\n";
const message = Buffer.from(text);
const p256 = freshP256Signer(name);
const ed25519 = freshSigner(name);
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const spkiOf = (curve: string) =>
  generateKeyPairSync("ec", { namedCurve: curve }).publicKey.export({
    format: "der",
    type: "spki",
  });

const vkey = (type: number, key: Uint8Array, id: string) =>
  `${name}+${id}+${Buffer.from([type, ...key]).toString("base64")}`;

/** The one DER encoding of an integer that is not negative. */
function integer(value: bigint): readonly number[] {
  const hex = value.toString(16);
  const bytes = [...Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex")];
  const positive = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes;
  return [2, positive.length, ...positive];
}

const sequence = (...items: readonly (readonly number[])[]) => {
  const body = items.flat();
  return Buffer.from([0x30, body.length, ...body]);
};

/** r and s of a true signature. */
async function scalars(): Promise<readonly [bigint, bigint]> {
  const der = Buffer.from(await p256.signer.sign(message));
  const size = der.readUInt8(3);
  const at = (from: number, to?: number) => BigInt(`0x${der.toString("hex", from, to)}`);
  return [at(4, 4 + size), at(4 + size + 2)];
}

describe("a key that is imported", () => {
  const keyOf = () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    return publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  };

  test("is read once while it is among the last that were asked for, and is never taken for another", () => {
    const keys = Array.from({ length: 40 }, keyOf);
    const [first = Buffer.alloc(0)] = keys;
    const imported = importPublicKey(ed25519SpkiPrefix, first);
    expect(importPublicKey(ed25519SpkiPrefix, first)).toBe(imported);
    for (const key of keys) {
      const spki = importPublicKey(ed25519SpkiPrefix, key)?.export({ format: "der", type: "spki" });
      expect(spki).toEqual(Buffer.concat([ed25519SpkiPrefix, key]));
    }
    expect(importPublicKey(ed25519SpkiPrefix, first)).not.toBe(imported);
  });

  test("is none where OpenSSL takes no such key, however often it is asked", () => {
    for (let asked = 0; asked < 2; asked += 1)
      expect(importPublicKey(ed25519SpkiPrefix, Buffer.alloc(31))).toBeNull();
  });
});

describe("a P-256 key", () => {
  test("is named by its SubjectPublicKeyInfo alone, under signature type 02", () => {
    const { publicKey } = p256.signer;
    const id = hash("sha256", publicKey, "hex").slice(0, 8);
    expect([keyIdOf(name, publicKey), keyIdOf("another", publicKey)]).toEqual([id, id]);
    expect(encodeVerificationKey(name, publicKey)).toBe(vkey(2, publicKey, id));
    expect(parseVerificationKey(vkey(2, publicKey, id))).toEqual(p256.key);
    expect([algorithmOf(publicKey), algorithmOf(ed25519.signer.publicKey)]).toEqual([
      "ecdsa-p256",
      "ed25519",
    ]);
  });

  test("signs notes and checkpoints that verify under it, and under no other key", async () => {
    const note = parseNote(await signNote(text, p256.signer));
    if (note === null) throw new Error("the note does not parse");
    expect(verifyNote(note, p256.key)).toBe("verified");
    expect(verifyNote(note, freshP256Signer(name).key)).toBe("unsigned");
    expect(verifyNote(note, ed25519.key)).toBe("unsigned");
    expect(verifyNote({ ...note, text: "one\nthree\n" }, p256.key)).toBe("forged");
    const checkpoint = { origin: name, size: 1, root: Buffer.alloc(32, 1) };
    expect(await signCheckpoint(checkpoint, p256.signer)).toContain(`— ${name} `);
  });

  test("in any other form is no key: another curve, a compressed point, one off the curve, another type or id", () => {
    const { publicKey } = p256.signer;
    const id = keyIdOf(name, publicKey);
    const compressed = Buffer.concat([
      Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex"),
      Buffer.of(2 + ((publicKey.at(-1) ?? 0) & 1)),
      publicKey.subarray(27, 59),
    ]);
    expect(createPublicKey({ key: compressed, format: "der", type: "spki" }).type).toBe("public");
    // The form of ANSI X9.62 with both: the parity of y beside y.
    const hybrid = Buffer.from(publicKey);
    hybrid.writeUInt8(6 + ((publicKey.at(-1) ?? 0) & 1), 26);
    expect(createPublicKey({ key: hybrid, format: "der", type: "spki" }).type).toBe("public");
    const off = Buffer.from(publicKey);
    off.writeUInt8(off.readUInt8(90) ^ 1, 90);
    const idOf = (der: Uint8Array) => hash("sha256", der, "hex").slice(0, 8);
    const typed = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(2), publicKey]);
    for (const wrong of [
      vkey(2, spkiOf("P-384"), idOf(spkiOf("P-384"))),
      vkey(2, spkiOf("secp256k1"), idOf(publicKey)),
      ...[compressed, hybrid, off].map((der) => vkey(2, der, idOf(der))),
      vkey(1, publicKey, id),
      vkey(2, ed25519.signer.publicKey, keyIdOf(name, ed25519.signer.publicKey)),
      vkey(2, publicKey, idOf(typed)),
      vkey(2, Buffer.concat([publicKey, Buffer.of(0)]), id),
    ])
      expect(parseVerificationKey(wrong)).toBeNull();
    for (const key of [compressed, hybrid, spkiOf("P-384"), publicKey.subarray(0, 90)]) {
      expect(algorithmOf(key)).toBeNull();
      expect(() => encodeVerificationKey(name, key)).toThrow(TypeError);
      expect(isSignedBy(key, message, Buffer.alloc(64))).toBe(false);
    }
    expect(isSignedBy(off, message, Buffer.from(sequence(integer(1n), integer(1n))))).toBe(false);
  });

  test("has no place in a witness policy, as a log's or a witness's", () => {
    const key = encodeVerificationKey(name, p256.signer.publicKey);
    for (const line of [`log ${key}`, `witness w ${key} https://w.example`])
      expect(parsePolicy(Buffer.from(`${line}\nquorum none\n`))).toEqual({
        problem: expect.stringMatching(/^line 1: the (log|witness)'s key is not/),
      });
  });
});

describe("a signature", () => {
  test("counts by its key's own algorithm alone", async () => {
    const [ecdsa, eddsa] = [await p256.signer.sign(message), await ed25519.signer.sign(message)];
    expect(isSignedBy(p256.signer.publicKey, message, ecdsa)).toBe(true);
    expect(isSignedBy(ed25519.signer.publicKey, message, eddsa)).toBe(true);
    expect(isSignedBy(p256.signer.publicKey, message, eddsa)).toBe(false);
    expect(isSignedBy(ed25519.signer.publicKey, message, ecdsa)).toBe(false);
    // Under the other's id, as whoever writes the line may claim.
    for (const [key, signature] of [
      [p256.key, eddsa],
      [ed25519.key, ecdsa],
    ] as const) {
      const line = { name, keyId: key.keyId, signature: Buffer.from(signature) };
      expect(verifyNote({ text, signatures: [line] }, key)).toBe("forged");
    }
  });

  test("of P-256 is over SHA-256 and in DER, not over another hash and not r and s bare", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ format: "der", type: "spki" });
    const is = (signature: Uint8Array) => isSignedBy(spki, message, signature);
    expect(is(sign("sha256", message, privateKey))).toBe(true);
    for (const other of ["sha384", "sha512", "sha1"])
      expect(is(sign(other, message, privateKey))).toBe(false);
    expect(is(sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" }))).toBe(false);
  });

  test("has one encoding of its two numbers, each from 1 to the group's order less one", async () => {
    const [r, s] = await scalars();
    const is = (signature: Uint8Array) =>
      isSignedBy(p256.signer.publicKey, message, Buffer.from(signature));
    const whole = sequence(integer(r), integer(s));
    expect(is(whole)).toBe(true);
    // signed-note admits both: what a note says is its text.
    expect(is(sequence(integer(r), integer(order - s)))).toBe(true);
    const padded = (value: bigint) => {
      const [tag, size = 0, ...bytes] = integer(value);
      return [tag ?? 2, size + 1, 0, ...bytes];
    };
    const body = [...whole.subarray(2)];
    for (const wrong of [
      sequence(padded(r), integer(s)),
      sequence(integer(r), padded(s)),
      sequence(integer(r), integer(s), [0]),
      sequence(integer(r), integer(s), integer(1n)),
      Buffer.concat([whole, Buffer.of(0)]),
      Buffer.from([0x30, 0x81, body.length, ...body]),
      Buffer.from([0x30, 0x80, ...body, 0, 0]),
      Buffer.from([0x31, body.length, ...body]),
      sequence(integer(r + order), integer(s)),
      sequence(integer(r), integer(s + order)),
      sequence(integer(0n), integer(s)),
      sequence(integer(r), integer(0n)),
      sequence(integer(r), [2, 0]),
      sequence([2, 1, 0xff], integer(s)),
      sequence(integer(r)),
      Buffer.alloc(0),
    ])
      expect(is(wrong)).toBe(false);
    for (let length = 0; length < whole.length; length += 1)
      expect(is(whole.subarray(0, length))).toBe(false);
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Buffer.from(whole);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(is(flipped)).toBe(false);
    }
  });
});

test("a ledger's key is handed over from one algorithm to the other and back, each by both signatures", async () => {
  const last = freshSigner(name);
  const [first, second] = [
    await signRotation(ed25519.signer, p256.signer, nothingSigned),
    await signRotation(p256.signer, last.signer, nothingSigned),
  ];
  expect(readRotation(first, name)).toMatchObject({ from: ed25519.key, to: p256.key });
  expect(readRotation(second, name)).toMatchObject({ from: p256.key, to: last.key });
  for (const trusted of [ed25519.key, p256.key, last.key]) {
    const succession = new Succession(trusted, name);
    expect(succession.take({ index: 3, statement: first })).toBe(true);
    expect(succession.take({ index: 7, statement: second })).toBe(true);
    expect(succession.reigns).toEqual([
      { key: ed25519.key, lastSize: 4 },
      { key: p256.key, lastSize: 8 },
      { key: last.key, lastSize: Number.POSITIVE_INFINITY },
    ]);
    const open = async (signer: typeof p256.signer, size: number) =>
      succession.open(await signCheckpoint({ origin: name, size, root: Buffer.alloc(32) }, signer))
        ?.verdict;
    expect(await open(p256.signer, 8)).toBe("verified");
    expect(await open(p256.signer, 9)).toBe("retired");
    expect(await open(last.signer, 9)).toBe("verified");
  }
  // A statement that the next key did not sign says nothing.
  const lines = first.split("\n");
  expect(readRotation(lines.toSpliced(-2, 1).join("\n"), name)).toBeNull();
});
