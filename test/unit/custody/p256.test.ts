import { generateKeyPairSync, sign, verify } from "node:crypto";
import { expect, test } from "@jest/globals";
import { derSignature, p256Spki, p256SpkiOfPoint } from "../../../src/custody/p256.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = publicKey.export({ format: "der", type: "spki" });
const point = spki.subarray(26);

test("what CKM_ECDSA gives becomes the DER that everybody verifies", () => {
  for (let time = 0; time < 64; time += 1) {
    const message = Buffer.from(`size ${time}`);
    const raw = sign("sha256", message, { key: privateKey, dsaEncoding: "ieee-p1363" });
    expect(verify("sha256", message, publicKey, derSignature(raw))).toBe(true);
  }
});

test("each number is in its shortest form, and positive", () => {
  const scalar = (hex: string) => Buffer.from(hex.padStart(64, "0"), "hex");
  const der = (r: string, s: string) =>
    derSignature(Buffer.concat([scalar(r), scalar(s)])).toString("hex");
  expect(der("01", "7f")).toBe("300602010102017f");
  expect(der("80", "00")).toBe("300702020080020100");
  expect(der("ff00", "0100")).toBe("3009020300ff0002020100");
  const most = "f".repeat(64);
  expect(der(most, most)).toBe(`3046022100${most}022100${most}`);
  for (const size of [0, 63, 65])
    expect(() => derSignature(Buffer.alloc(size))).toThrow(RangeError);
});

test("a token's point is taken in a DER octet string and bare, and in no other form", () => {
  const wrapped = Buffer.concat([Buffer.from([4, 65]), point]);
  expect(p256SpkiOfPoint(wrapped)).toEqual(spki);
  expect(p256SpkiOfPoint(point)).toEqual(spki);
  for (const wrong of [
    Buffer.concat([Buffer.from([4, 66]), point]),
    Buffer.concat([Buffer.from([4, 65]), point.subarray(1)]),
    Buffer.concat([Buffer.of(2), point.subarray(1)]),
    point.subarray(0, 33),
    Buffer.alloc(0),
  ])
    expect(p256SpkiOfPoint(wrong)).toBeNull();
});

test("a key of another curve is none", () => {
  expect(p256Spki(spki)).toEqual(spki);
  for (const namedCurve of ["P-384", "secp256k1"]) {
    const other = generateKeyPairSync("ec", { namedCurve }).publicKey;
    expect(p256Spki(other.export({ format: "der", type: "spki" }))).toBeNull();
  }
  const ed25519 = generateKeyPairSync("ed25519").publicKey;
  expect(p256Spki(ed25519.export({ format: "der", type: "spki" }))).toBeNull();
  expect(p256Spki(Buffer.concat([spki, Buffer.of(0)]))).toBeNull();
});
