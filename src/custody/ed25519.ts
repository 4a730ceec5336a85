import { createPublicKey, verify } from "node:crypto";
import { Refusal } from "../errors.ts";

/** DER of a SubjectPublicKeyInfo up to the 32 raw bytes of an Ed25519 key (RFC 8410, section 4). */
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
const rawBytes = 32;

/** The 32 raw bytes of an Ed25519 key's SubjectPublicKeyInfo in DER; null for any other key. */
export function rawPublicKey(spki: Uint8Array): Buffer | null {
  const der = Buffer.from(spki);
  if (der.length !== spkiPrefix.length + rawBytes) return null;
  return der.subarray(0, spkiPrefix.length).equals(spkiPrefix)
    ? der.subarray(spkiPrefix.length)
    : null;
}

/** Whether `signature` is that of RFC 8032 by the key of 32 raw bytes over `message`. */
export function isSignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const der = Buffer.concat([spkiPrefix, publicKey]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(null, message, key, signature);
}

/** C2SP signed-note: a key's name is not empty and has no white space and no plus. Refuses others (`configuration_invalid`). */
export function assertKeyName(name: string): void {
  if (name !== "" && !/[\s+]/u.test(name)) return;
  throw new Refusal("configuration_invalid", "the signer's name is empty or has a space or plus");
}
