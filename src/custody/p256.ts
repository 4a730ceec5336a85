import { createPublicKey, verify } from "node:crypto";

/** DER of a SubjectPublicKeyInfo up to the uncompressed point of a P-256 key (RFC 5480, section 2). */
const spkiPrefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const pointBytes = 65;
const scalarBytes = 32;

/** CKA_EC_PARAMS of P-256: the curve's object identifier, secp256r1 of RFC 5480. */
export const p256Parameters = Buffer.from("06082a8648ce3d030107", "hex");

/** The SubjectPublicKeyInfo in DER of a P-256 key, as a note's key carries it; null for any other key, and for a point in another form. */
export function p256Spki(spki: Uint8Array): Buffer | null {
  const der = Buffer.from(spki);
  const isPrefixed = der.subarray(0, spkiPrefix.length).equals(spkiPrefix);
  const isUncompressed = der[spkiPrefix.length] === 4;
  return isPrefixed && isUncompressed && der.length === spkiPrefix.length + pointBytes ? der : null;
}

/** The same from CKA_EC_POINT: tokens give the point in a DER octet string, as PKCS #11 asks, or bare. Null for what is neither. */
export function p256SpkiOfPoint(ecPoint: Uint8Array): Buffer | null {
  const isWrapped = ecPoint.length === pointBytes + 2 && ecPoint[0] === 4 && ecPoint[1] === 65;
  return p256Spki(Buffer.concat([spkiPrefix, isWrapped ? ecPoint.subarray(2) : ecPoint]));
}

/** The DER of a signature (RFC 3279, section 2.2.3) from what CKM_ECDSA gives: r and s, 32 bytes each. Throws a RangeError for other lengths. */
export function derSignature(raw: Uint8Array): Buffer {
  if (raw.length !== 2 * scalarBytes)
    throw new RangeError(`a P-256 signature is ${2 * scalarBytes} bytes, not ${raw.length}`);
  const body = Buffer.concat([
    derInteger(raw.subarray(0, scalarBytes)),
    derInteger(raw.subarray(scalarBytes)),
  ]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

/** Shortest form: no leading zero but the one that keeps the number positive. */
function derInteger(scalar: Uint8Array): Buffer {
  const first = scalar.findIndex((byte) => byte !== 0);
  const digits = scalar.subarray(first === -1 ? scalar.length - 1 : first);
  const sign = (digits[0] ?? 0) >= 0x80 ? [0] : [];
  return Buffer.from([2, sign.length + digits.length, ...sign, ...digits]);
}

/** Whether `signature` is that of ECDSA with SHA-256 in DER by the key of that SubjectPublicKeyInfo over `message`. */
export function isP256Signature(
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  return verify("sha256", message, { key, dsaEncoding: "der" }, signature);
}
