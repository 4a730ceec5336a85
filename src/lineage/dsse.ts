import { isSignedBy } from "../merkle/key-algorithm.ts";
import { keyIdOf, type NoteSigner, type VerificationKey } from "../merkle/note.ts";

/** A signed payload, as a DSSE envelope carries it (DSSE v1.0.2, envelope.md). */
export type Envelope = {
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly signatures: readonly EnvelopeSignature[];
};

export type EnvelopeSignature = {
  /** A hint at the key, authenticated by nothing; empty where there is none. */
  readonly keyid: string;
  readonly signature: Buffer;
};

/** The JSON form of an envelope. */
export type EnvelopeJson = {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
};

/** `unsigned`: nothing in it is by the key's id; `forged`: something is, and the key did not make it. */
export type EnvelopeVerdict = "verified" | "unsigned" | "forged";

const mostSignatures = 16;

/**
 * What is signed (DSSE v1.0.2, protocol.md): `DSSEv1`, the type and the payload, each behind its length in bytes. The ledger's key signs notes too.
 * No note's text begins as this does, since `signNote` refuses such a text, so neither can be passed off as the other.
 */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, "utf8");
  const head = `DSSEv1 ${type.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head, "utf8"), payload]);
}

/**
 * Signs a payload with the ledger's key, by its algorithm; the key id is that of the key's notes. The signature is verified before it is given out, so
 * that a broken key or device never publishes one that nobody can verify.
 */
export async function signEnvelope(
  { payloadType, payload }: Pick<Envelope, "payloadType" | "payload">,
  signer: NoteSigner,
): Promise<EnvelopeJson> {
  const { name, publicKey } = signer;
  const key = { name, publicKey: Buffer.from(publicKey), keyId: keyIdOf(name, publicKey) };
  const message = preAuthenticationEncoding(payloadType, payload);
  const signature = Buffer.from(await signer.sign(message));
  const envelope = { payloadType, payload, signatures: [{ keyid: key.keyId, signature }] };
  if (verifyEnvelope(envelope, key) !== "verified")
    throw new Error(`the signer ${name} gave a signature that its public key refuses`);
  return {
    payload: payload.toString("base64"),
    payloadType,
    signatures: [{ keyid: key.keyId, sig: signature.toString("base64") }],
  };
}

/** An envelope from its JSON value, nothing of it verified. Null for what is none, has no signature or over 16, or has broken base64. */
export function parseEnvelope(value: unknown): Envelope | null {
  if (!isRecord(value)) return null;
  const { payload, payloadType, signatures } = value;
  if (typeof payload !== "string" || typeof payloadType !== "string") return null;
  if (!Array.isArray(signatures) || signatures.length < 1 || signatures.length > mostSignatures)
    return null;
  const bytes = parseAnyBase64(payload);
  const parsed = signatures.map(parseSignature);
  const whole = parsed.filter((each) => each !== null);
  if (bytes === null || whole.length !== parsed.length) return null;
  return { payloadType, payload: bytes, signatures: whole };
}

/** Whether the key signed the envelope, by its own algorithm. Other keys' signatures are ignored; one false signature under this key's id condemns it. */
export function verifyEnvelope(envelope: Envelope, key: VerificationKey): EnvelopeVerdict {
  const mine = envelope.signatures.filter(({ keyid }) => keyid === key.keyId);
  if (mine.length === 0) return "unsigned";
  const message = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
  return mine.every(({ signature }) => isSignedBy(key.publicKey, message, signature))
    ? "verified"
    : "forged";
}

function parseSignature(value: unknown): EnvelopeSignature | null {
  if (!isRecord(value)) return null;
  const { keyid = "", sig } = value;
  // Protobuf's JSON writes what is not stated as null.
  const hint = keyid ?? "";
  const signature = typeof sig === "string" ? parseAnyBase64(sig) : null;
  return typeof hint === "string" && signature !== null ? { keyid: hint, signature } : null;
}

/** Standard or URL-safe base64, as a reader of envelopes must take both; null for anything else. */
export function parseAnyBase64(text: string): Buffer | null {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) return null;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  const bytes = Buffer.from(standard, "base64");
  return bytes.toString("base64").replace(/=+$/, "") === standard ? bytes : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
