import { createCipheriv } from "node:crypto";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decrypt, encrypt } from "../../../src/crypto/aead.ts";
import { Secret } from "../../../src/crypto/secret.ts";

const hex = (digits: string) => Buffer.from(digits, "hex");
const key = () => new Secret(Buffer.alloc(32, 7));

/** Test cases 13 and 14 of the GCM specification submitted to NIST: a zero key, a zero IV, no associated data. */
test.each([
  ["no plaintext", "", "", "530f8afbc74536b9a963b4f1c4cb738b"],
  [
    "a zero block",
    "00".repeat(16),
    "cea7403d4d606b6e074ec5d3baf39d18",
    "d0d1c8a799996bf0265b98b5d48ab919",
  ],
])("opens the published AES-256-GCM answer for %s", (_, plaintext, ciphertext, tag) => {
  const record = hex("00".repeat(12) + ciphertext + tag);
  const zero = new Secret(Buffer.alloc(32));
  expect(decrypt(zero, record, Buffer.alloc(0))).toEqual(hex(plaintext));
});

test("the record is iv, ciphertext, tag as AES-256-GCM of node:crypto makes them", () => {
  const [plaintext, aad] = [Buffer.from("a data key"), Buffer.from("its context")];
  const record = encrypt(key(), plaintext, aad);
  const cipher = createCipheriv("aes-256-gcm", key().expose(), record.subarray(0, 12));
  cipher.setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  expect(record.subarray(12)).toEqual(Buffer.concat([ciphertext, cipher.getAuthTag()]));
});

test("every record has an IV of its own", () => {
  const ivs = Array.from({ length: 1_000 }, () =>
    encrypt(key(), Buffer.alloc(1), Buffer.alloc(0)).toString("hex", 0, 12),
  );
  expect(new Set(ivs).size).toBe(1_000);
});

test("what was encrypted is decrypted, and under no other associated data", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), fc.uint8Array(), (plaintext, aad, other) => {
      const record = encrypt(key(), plaintext, aad);
      expect(decrypt(key(), record, aad)).toEqual(Buffer.from(plaintext));
      const isSame = Buffer.from(aad).equals(other);
      expect(decrypt(key(), record, other) === null).toBe(!isSame);
    }),
  );
});

test("a record with any bit flipped, cut short or extended gives null", () => {
  const aad = Buffer.from("context");
  const record = encrypt(key(), Buffer.from("thirty-two bytes of a data key!!"), aad);
  for (let bit = 0; bit < record.length * 8; bit += 1) {
    const flipped = Buffer.from(record);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect([bit, decrypt(key(), flipped, aad)]).toEqual([bit, null]);
  }
  for (let length = 0; length < record.length; length += 1) {
    expect([length, decrypt(key(), record.subarray(0, length), aad)]).toEqual([length, null]);
  }
  expect(decrypt(key(), Buffer.concat([record, Buffer.alloc(1)]), aad)).toBeNull();
});

test("another key gives null", () => {
  const record = encrypt(key(), Buffer.from("text"), Buffer.alloc(0));
  expect(decrypt(new Secret(Buffer.alloc(32, 8)), record, Buffer.alloc(0))).toBeNull();
});
