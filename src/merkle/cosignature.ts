import { hash, type KeyObject, verify } from "node:crypto";
import { parseCheckpoint } from "./checkpoint.ts";
import { ed25519SpkiPrefix, importPublicKey } from "./key-algorithm.ts";
import {
  encodeNote,
  isKeyName,
  type Note,
  type NoteSignature,
  type NoteVerdict,
  parseNote,
} from "./note.ts";
import { parseBase64 } from "./strict-text.ts";

export type CosignatureAlgorithm = "ed25519" | "ml-dsa-44";

/** A key that checkpoints are cosigned with (C2SP tlog-cosignature). */
export type CosignerKey = {
  readonly algorithm: CosignatureAlgorithm;
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  /** 32 raw bytes of Ed25519, 1,312 of ML-DSA-44. */
  readonly publicKey: Buffer;
};

/** Who cosigns. `sign` gives 64 bytes under Ed25519 and 2,420 under ML-DSA-44 (FIPS 204, empty context). */
export type Cosigner = {
  readonly key: CosignerKey;
  sign(message: Uint8Array): Promise<Uint8Array>;
};

/** What a note says of one cosigner; the time is in seconds since 1970, the latest where it cosigned more than once. */
export type CosignatureVerdict =
  | { readonly verdict: "verified"; readonly timestamp: number }
  | { readonly verdict: Exclude<NoteVerdict, "verified"> };

const timestampBytes = 8;

const algorithms = {
  ed25519: {
    type: 4,
    keyBytes: 32,
    signatureBytes: 64,
    spkiPrefix: ed25519SpkiPrefix,
  },
  "ml-dsa-44": {
    type: 6,
    keyBytes: 1_312,
    signatureBytes: 2_420,
    /** DER of a SubjectPublicKeyInfo up to the raw bytes of an ML-DSA-44 key (RFC 9881, section 4). */
    spkiPrefix: Buffer.from("30820532300b06096086480165030403110382052100", "hex"),
  },
} as const satisfies Record<CosignatureAlgorithm, unknown>;

/** The key of that name: its id is the first 4 bytes of SHA-256(name | 0A | type | public key). Throws a TypeError for what no note can carry. */
export function cosignerKey(
  algorithm: CosignatureAlgorithm,
  name: string,
  publicKey: Uint8Array,
): CosignerKey {
  const { keyBytes } = algorithms[algorithm];
  if (!isKeyName(name)) throw new TypeError(`${JSON.stringify(name)} is not a key name`);
  if (publicKey.length !== keyBytes)
    throw new TypeError(`an ${algorithm} key is ${keyBytes} bytes, not ${publicKey.length}`);
  const typed = typedKey(algorithm, publicKey);
  const bytes = Buffer.concat([Buffer.from(`${name}\n`), typed]);
  const keyId = hash("sha256", bytes, "hex").slice(0, 8);
  return { algorithm, name, keyId, publicKey: Buffer.from(publicKey) };
}

/** The text that hands a cosigner's key around: `name+keyId+base64(type | public key)`. */
export function encodeCosignerKey({ algorithm, name, keyId, publicKey }: CosignerKey): string {
  return `${name}+${keyId}+${typedKey(algorithm, publicKey).toString("base64")}`;
}

/** The key of `encodeCosignerKey`; null for malformed text, an id that is not the key's, a key that OpenSSL refuses, and other types, a log's (01) among them. */
export function parseCosignerKey(text: string): CosignerKey | null {
  const [, name, keyId, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/u.exec(text.trim()) ?? [];
  const bytes = parseBase64(key ?? "");
  if (name === undefined || !isKeyName(name) || bytes === null) return null;
  for (const algorithm of ["ed25519", "ml-dsa-44"] as const) {
    const { type, keyBytes } = algorithms[algorithm];
    if (bytes[0] !== type || bytes.length !== 1 + keyBytes) continue;
    const parsed = cosignerKey(algorithm, name, bytes.subarray(1));
    return parsed.keyId === keyId && imported(parsed) !== null ? parsed : null;
  }
  return null;
}

/**
 * The cosignature of a checkpoint's text at a time, in seconds since 1970. It is verified before it is given out. Throws a TypeError where the
 * text is no checkpoint or the time is none.
 */
export async function cosign(
  text: string,
  cosigner: Cosigner,
  timestamp: number,
): Promise<NoteSignature> {
  const { key } = cosigner;
  const message = cosignedMessage(text, key, timestamp);
  if (message === null) throw new TypeError("this cannot be cosigned: no checkpoint, or no time");
  const made = await cosigner.sign(message);
  const cosignature = {
    name: key.name,
    keyId: key.keyId,
    signature: Buffer.concat([timestampOf(timestamp), made]),
  };
  if (verifyCosignature({ text, signatures: [cosignature] }, key).verdict !== "verified")
    throw new Error(`the cosigner ${key.name} gave a signature that its public key refuses`);
  return cosignature;
}

/**
 * A log's signed checkpoint with the signatures of its own cosigners behind the others, each of them without a time (0): a log does not say that
 * it observed its largest tree, and a clock that steps back would have it say so of a smaller one. Throws as `cosign`, and where the note is none.
 */
export async function cosignOwn(signed: string, cosigners: readonly Cosigner[]): Promise<string> {
  if (cosigners.length === 0) return signed;
  const note = parseNote(signed);
  if (note === null) throw new TypeError("what is no note cannot be cosigned");
  const own = await Promise.all(cosigners.map(async (each) => await cosign(note.text, each, 0)));
  return encodeNote({ ...note, signatures: [...note.signatures, ...own] });
}

/** A checkpoint's note with the signatures alone that are under the name of its log, of whatever type; as it is where there are none. */
export function withOwnSignatures(signed: string): string {
  const note = parseNote(signed);
  const [origin] = note?.text.split("\n") ?? [];
  const own = note?.signatures.filter(({ name }) => name === origin) ?? [];
  return note === null || own.length === 0 ? signed : encodeNote({ ...note, signatures: own });
}

/** A checkpoint's note without its signatures of ML-DSA-44, some 3,300 bytes each; as it is where it has no other. */
export function withoutMlDsa(signed: string): string {
  const note = parseNote(signed);
  const longBytes = timestampBytes + algorithms["ml-dsa-44"].signatureBytes;
  const short = note?.signatures.filter(({ signature }) => signature.length !== longBytes) ?? [];
  return note === null || short.length === 0 ? signed : encodeNote({ ...note, signatures: short });
}

/** Whether the key cosigned the note's checkpoint. Lines under other names or ids are ignored; one false line under this key condemns them all. */
export function verifyCosignature(note: Note, key: CosignerKey): CosignatureVerdict {
  const mine = note.signatures.filter(
    ({ name, keyId }) => name === key.name && keyId === key.keyId,
  );
  if (mine.length === 0) return { verdict: "unsigned" };
  const times = mine.map(({ signature }) => timeOf(note.text, key, signature));
  if (times.includes(null)) return { verdict: "forged" };
  return { verdict: "verified", timestamp: Math.max(...times.map(Number)) };
}

/** The same of a checkpoint's bytes; `unsigned` where they are no note. */
export function judgeCosigned(
  checkpoint: Uint8Array | string,
  key: CosignerKey,
): CosignatureVerdict {
  const note = parseNote(checkpoint);
  return note === null ? { verdict: "unsigned" } : verifyCosignature(note, key);
}

/** The time of one true cosignature; null for one that the key did not make. */
function timeOf(text: string, key: CosignerKey, cosignature: Buffer): number | null {
  if (cosignature.length !== timestampBytes + algorithms[key.algorithm].signatureBytes) return null;
  const time = cosignature.readBigUInt64BE();
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const message = cosignedMessage(text, key, Number(time));
  const publicKey = imported(key);
  if (message === null || publicKey === null) return null;
  return verify(null, message, publicKey, cosignature.subarray(timestampBytes))
    ? Number(time)
    : null;
}

/** The bytes that are signed; null where the text is no checkpoint, or the format has no room for its names. */
function cosignedMessage(text: string, key: CosignerKey, timestamp: number): Buffer | null {
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === null || !Number.isSafeInteger(timestamp) || timestamp < 0) return null;
  if (key.algorithm === "ed25519")
    return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`, "utf8");
  const [name, origin] = [Buffer.from(key.name), Buffer.from(checkpoint.origin)];
  if (name.length > 255 || origin.length > 255) return null;
  const [start, end] = [Buffer.alloc(8), Buffer.alloc(8)];
  end.writeBigUInt64BE(BigInt(checkpoint.size));
  return Buffer.concat([
    Buffer.from("subtree/v1\n\0"),
    Buffer.of(name.length),
    name,
    timestampOf(timestamp),
    Buffer.of(origin.length),
    origin,
    start,
    end,
    checkpoint.root,
  ]);
}

function timestampOf(seconds: number): Buffer {
  const bytes = Buffer.alloc(timestampBytes);
  bytes.writeBigUInt64BE(BigInt(seconds));
  return bytes;
}

function typedKey(algorithm: CosignatureAlgorithm, publicKey: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(algorithms[algorithm].type), publicKey]);
}

function imported({ algorithm, publicKey }: CosignerKey): KeyObject | null {
  return importPublicKey(algorithms[algorithm].spkiPrefix, publicKey);
}
