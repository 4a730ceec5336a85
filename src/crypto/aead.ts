import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Secret } from "./secret.ts";

const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) of a small record: `iv(12 random) | ciphertext | tag(16)`, with `aad` bound to it.
 * Random IVs allow 2^32 records under one key; keys here serve one person or one process's wraps.
 */
export function encrypt(key: Secret, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv("aes-256-gcm", key.expose(), iv);
  cipher.setAAD(aad);
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext of `encrypt`, or null where key, `aad` or bytes are not the ones that it was made with. */
export function decrypt(key: Secret, record: Uint8Array, aad: Uint8Array): Buffer | null {
  if (record.length < ivBytes + tagBytes) return null;
  const decipher = createDecipheriv("aes-256-gcm", key.expose(), record.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(record.subarray(record.length - tagBytes));
  const plaintext = decipher.update(record.subarray(ivBytes, record.length - tagBytes));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    plaintext.fill(0);
    return null;
  }
}
