import { createPublicKey, type KeyObject, verify } from "node:crypto";

/** What a log's notes are signed with: signature types 01 and 02 of C2SP signed-note, the second on P-256 alone. */
export type KeyAlgorithm = "ed25519" | "ecdsa-p256";

/** DER of a SubjectPublicKeyInfo up to the 32 raw bytes of an Ed25519 key (RFC 8410, section 4). */
export const ed25519SpkiPrefix = Buffer.from("302a300506032b6570032100", "hex");
/** The same up to the uncompressed point of a P-256 key (RFC 5480, section 2): 04, x and y, 65 bytes. */
const p256SpkiPrefix = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const p256SpkiBytes = p256SpkiPrefix.length + 65;
const ed25519KeyBytes = 32;
const ed25519SignatureBytes = 64;

/**
 * Whose algorithm a key is of. Its bytes tell, so that nothing beside them can say otherwise: an Ed25519 key is 32 raw bytes, a P-256 key the
 * 91 bytes of its SubjectPublicKeyInfo in DER, with named curve and uncompressed point. Null for anything else.
 */
export function algorithmOf(publicKey: Uint8Array): KeyAlgorithm | null {
  if (publicKey.length === ed25519KeyBytes) return "ed25519";
  const isP256 =
    publicKey.length === p256SpkiBytes &&
    p256SpkiPrefix.equals(publicKey.subarray(0, p256SpkiPrefix.length)) &&
    publicKey[p256SpkiPrefix.length] === 4;
  return isP256 ? "ecdsa-p256" : null;
}

/**
 * Whether the key made the signature over the message, by its own algorithm and no other: RFC 8032 over the bytes, 64 bytes long; or ECDSA
 * with SHA-256 (FIPS 186-5), as an ECDSA-Sig-Value (RFC 3279, section 2.2.3) in DER and no other encoding: OpenSSL encodes again what it read, and
 * compares. Both s and its negative pass, as signed-note has it: what is signed is the text, and no note is told from another by its signature.
 * False for a key that is none.
 */
export function isSignedBy(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const algorithm = algorithmOf(publicKey);
  if (algorithm === "ed25519") {
    const key = importPublicKey(ed25519SpkiPrefix, publicKey);
    const isWhole = signature.length === ed25519SignatureBytes;
    return key !== null && isWhole && verify(null, message, key, signature);
  }
  if (algorithm === null) return false;
  const key = importPublicKey(publicKey, new Uint8Array());
  return key !== null && verify("sha256", message, { key, dsaEncoding: "der" }, signature);
}

/** Those that were asked for last: a log's few keys are asked for at every checkpoint, and reading one takes a third as long as verifying with it. */
const imported = new Map<string, KeyObject>();
const importedAtMost = 32;

/** The key of a SubjectPublicKeyInfo in two parts; null where OpenSSL takes no such key: a point off its curve, for example. */
export function importPublicKey(spkiPrefix: Uint8Array, publicKey: Uint8Array): KeyObject | null {
  const der = Buffer.concat([spkiPrefix, publicKey]);
  const name = der.toString("latin1");
  const key = imported.get(name) ?? parsedKey(der);
  if (key === null) return null;
  imported.delete(name);
  const [oldest] = imported.keys();
  if (imported.size >= importedAtMost && oldest !== undefined) imported.delete(oldest);
  imported.set(name, key);
  return key;
}

function parsedKey(der: Buffer): KeyObject | null {
  try {
    return createPublicKey({ key: der, format: "der", type: "spki" });
  } catch {
    return null;
  }
}
