import { hash } from "node:crypto";
import { algorithmOf, importPublicKey, isSignedBy, type KeyAlgorithm } from "./key-algorithm.ts";
import { parseBase64, parseUtf8 } from "./strict-text.ts";

/** C2SP signed-note: a text, and signatures over it by named keys. */
export type Note = {
  /** Ends in a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
};

export type NoteSignature = {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  readonly signature: Buffer;
};

/** A key that a note may be signed with. */
export type VerificationKey = {
  readonly name: string;
  readonly keyId: string;
  /** 32 raw bytes of Ed25519, or a P-256 key's SubjectPublicKeyInfo in DER: see `algorithmOf`. */
  readonly publicKey: Buffer;
};

/** Who signs: the custody room's signer fits. `sign` gives the signature of the key's algorithm, as `isSignedBy` takes it. */
export type NoteSigner = {
  readonly name: string;
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
};

/** `forged` is a signature under the key's name and id that the key did not make; `unsigned` is none under them. */
export type NoteVerdict = "verified" | "unsigned" | "forged";

/** The signature types of C2SP signed-note. */
const types: Readonly<Record<KeyAlgorithm, number>> = { ed25519: 1, "ecdsa-p256": 2 };

/** A longer text is no note; a reader need not take more. */
export const maximumNoteBytes = 1_000_000;
const maximumSignatures = 100;
const namePattern = /^[^\s\u0085+]+$/u;
/** What is signed for a DSSE envelope begins so (DSSE v1.0.2): no note may, or a signature of one could pass for the other's. */
const envelopePrefix = "DSSEv1 ";
const signatureLinePattern = /^— ([^\s\u0085+]+) ([A-Za-z0-9+/]+={0,2})$/u;

/** The id of a key: the first 4 bytes of SHA-256(name | 0A | 01 | public key) for Ed25519, and of SHA-256(SubjectPublicKeyInfo) for P-256, as hex. */
export function keyIdOf(name: string, publicKey: Uint8Array): string {
  const head = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(types.ed25519)]);
  const isP256 = algorithmOf(publicKey) === "ecdsa-p256";
  const bytes = isP256 ? publicKey : Buffer.concat([head, publicKey]);
  return hash("sha256", bytes, "hex").slice(0, 8);
}

/** The text that hands a key around: `name+keyId+base64(type | public key)`, type 01 or 02. Throws a TypeError for a name or a key that no note can carry. */
export function encodeVerificationKey(name: string, publicKey: Uint8Array): string {
  const algorithm = assertKey(name, publicKey);
  const key = Buffer.concat([Buffer.of(types[algorithm]), publicKey]).toString("base64");
  return `${name}+${keyIdOf(name, publicKey)}+${key}`;
}

/** The key of `encodeVerificationKey`; null for malformed text, for an id that is not the key's, for a point that is not on P-256, and for other algorithms. */
export function parseVerificationKey(text: string): VerificationKey | null {
  const [, name, keyId, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text.trim()) ?? [];
  const bytes = parseBase64(key ?? "");
  if (name === undefined || !isKeyName(name) || bytes === null) return null;
  const publicKey = bytes.subarray(1);
  const algorithm = algorithmOf(publicKey);
  if (algorithm === null || bytes[0] !== types[algorithm]) return null;
  if (algorithm === "ecdsa-p256" && importPublicKey(publicKey, new Uint8Array()) === null)
    return null;
  return keyId === keyIdOf(name, publicKey) ? { name, keyId, publicKey } : null;
}

/**
 * The note of `text` with the signer's signature. The signature is verified before it is given out, so that a broken key or device
 * never publishes a note that nobody can verify. Throws a TypeError where the text cannot be a note's.
 */
export async function signNote(text: string, signer: NoteSigner): Promise<string> {
  assertKey(signer.name, signer.publicKey);
  if (text.startsWith(envelopePrefix))
    throw new TypeError("a text that begins as a DSSE envelope's is not signed as a note");
  const signature = Buffer.from(await signer.sign(Buffer.from(text, "utf8")));
  const keyId = keyIdOf(signer.name, signer.publicKey);
  const note = encodeNote({ text, signatures: [{ name: signer.name, keyId, signature }] });
  const key = { name: signer.name, keyId, publicKey: Buffer.from(signer.publicKey) };
  const parsed = parseNote(note);
  if (parsed?.text !== text) throw new TypeError("the text cannot be signed as a note");
  if (verifyNote(parsed, key) !== "verified") {
    throw new Error(`the signer ${signer.name} gave a signature that its public key refuses`);
  }
  return note;
}

/** The bytes of a note as text: the text, an empty line, a line for each signature. */
export function encodeNote({ text, signatures }: Note): string {
  const lines = signatures.map(({ name, keyId, signature }) => {
    const bytes = Buffer.concat([Buffer.from(keyId, "hex"), signature]);
    return `— ${name} ${bytes.toString("base64")}\n`;
  });
  return `${text}\n${lines.join("")}`;
}

/**
 * A note from its bytes, nothing of it verified. Null for what is not UTF-8, has control characters other than newline, has no
 * signature, over 100 of them or a line that is none, or is over a million bytes.
 */
export function parseNote(bytes: Uint8Array | string): Note | null {
  if (bytes.length > maximumNoteBytes) return null;
  const whole = parseUtf8(bytes);
  // oxlint-disable-next-line no-control-regex -- the format forbids exactly these
  if (whole === null || /[\u0000-\u0009\u000b-\u001f]/u.test(whole)) return null;
  const split = whole.lastIndexOf("\n\n");
  if (split < 0 || !whole.endsWith("\n")) return null;
  const lines = whole.slice(split + 2, -1).split("\n");
  if (lines.length > maximumSignatures) return null;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = parseSignatureLine(line);
    if (signature === null) return null;
    signatures.push(signature);
  }
  return { text: whole.slice(0, split + 1), signatures };
}

function parseSignatureLine(line: string): NoteSignature | null {
  const [, name, encoded] = signatureLinePattern.exec(line) ?? [];
  const bytes = parseBase64(encoded ?? "");
  if (name === undefined || bytes === null || bytes.length < 5) return null;
  return { name, keyId: bytes.toString("hex", 0, 4), signature: bytes.subarray(4) };
}

/** Whether the key signed the note. Signatures under other names or ids are ignored; one false signature under this key condemns the note. */
export function verifyNote(note: Note, key: VerificationKey): NoteVerdict {
  const mine = note.signatures.filter(
    ({ name, keyId }) => name === key.name && keyId === key.keyId,
  );
  if (mine.length === 0) return "unsigned";
  const text = Buffer.from(note.text, "utf8");
  return mine.every(({ signature }) => isSignedBy(key.publicKey, text, signature))
    ? "verified"
    : "forged";
}

/** Whether a key may have the name: no white space, no plus, not empty. */
export function isKeyName(name: string): boolean {
  return namePattern.test(name);
}

function assertKey(name: string, publicKey: Uint8Array): KeyAlgorithm {
  if (!isKeyName(name)) throw new TypeError(`${JSON.stringify(name)} is not a key name`);
  const algorithm = algorithmOf(publicKey);
  if (algorithm === null)
    throw new TypeError(
      `a key is 32 bytes of Ed25519, or P-256 in 91 bytes of DER: not these ${publicKey.length}`,
    );
  return algorithm;
}
