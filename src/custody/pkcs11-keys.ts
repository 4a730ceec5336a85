import { type Attribute, type Cryptoki, ck, type Handle } from "./cryptoki.ts";
import { p256Parameters, p256SpkiOfPoint } from "./p256.ts";
import { findObjects, TokenFault, type TokenSession } from "./pkcs11-token.ts";
import type { SignatureAlgorithm } from "./signer.ts";

const { attribute, class: kind, keyType } = ck;

/** What an AES-256 key for wrapping is found by. */
export function wrappingKey(label: string): readonly Attribute[] {
  return [
    { type: attribute.class, value: kind.secretKey },
    { type: attribute.keyType, value: keyType.aes },
    { type: attribute.label, value: label },
  ];
}

/** A pair that signs: its label, and its algorithm. */
export type SigningPair = { readonly label: string; readonly algorithm: SignatureAlgorithm };

/** How each kind of pair is called, and its CKA_KEY_TYPE. */
const pairs = {
  ed25519: { title: "Ed25519", type: keyType.edwards },
  "ecdsa-p256": { title: "P-256", type: keyType.ec },
} as const satisfies Record<SignatureAlgorithm, unknown>;

/** What either half of a pair is found by. */
export function signingKey(
  half: "publicKey" | "privateKey",
  { label, algorithm }: SigningPair,
): readonly Attribute[] {
  return [
    { type: attribute.class, value: kind[half] },
    { type: attribute.keyType, value: pairs[algorithm].type },
    { type: attribute.label, value: label },
  ];
}

/** The wrapping key. A fault where the token holds none, or several. */
export function findWrappingKey(session: TokenSession, label: string): Handle {
  return session.find(`AES key ${label}`, wrappingKey(label));
}

export function findSigningKey(
  session: TokenSession,
  half: "publicKey" | "privateKey",
  pair: SigningPair,
): Handle {
  const name = half === "publicKey" ? "public" : "private";
  const { title } = pairs[pair.algorithm];
  return session.find(`${name} ${title} key ${pair.label}`, signingKey(half, pair));
}

/** A fault where the label is a pair's of the other algorithm alone: making one more would not be what its owner wants. */
export function assertAlgorithm(
  { cryptoki, handle }: TokenSession,
  { label, algorithm }: SigningPair,
): void {
  const other = algorithm === "ed25519" ? "ecdsa-p256" : "ed25519";
  const has = (which: SignatureAlgorithm) =>
    findObjects(cryptoki, handle, signingKey("privateKey", { label, algorithm: which })).length > 0;
  if (has(algorithm) || !has(other)) return;
  throw new TokenFault(
    false,
    `the token's key ${label} is of ${pairs[other].title}, which WEIGHTVAULT_LEDGER_SIGNATURE=${other} takes (WEIGHTVAULT_LEDGER_NEXT_SIGNATURE for the next key)`,
  );
}

/** The key's own id, as hex: it goes with the key to another token, as label and handle do not. */
export function idOf({ cryptoki, handle }: TokenSession, key: Handle, label: string): string {
  const id = read(cryptoki, handle, { object: key, type: attribute.id }).toString("hex");
  if (id === "") throw new TokenFault(false, `the key ${label} has no CKA_ID: give it one`);
  return id;
}

/** A fault where the token would let anybody read the key out. */
export function assertKept({ cryptoki, handle }: TokenSession, key: Handle, label: string): void {
  const isSet = (type: number) => read(cryptoki, handle, { object: key, type }).some(Boolean);
  if (isSet(attribute.sensitive) && !isSet(attribute.extractable)) return;
  throw new TokenFault(
    false,
    `the key ${label} may leave the token: it must be sensitive and not extractable`,
  );
}

/** A fault where the wrapping key has another length than AES-256's. */
export function assertAes256({ cryptoki, handle }: TokenSession, key: Handle, label: string): void {
  const length = read(cryptoki, handle, { object: key, type: attribute.valueLength });
  if (length.readUInt8(0) === 32 && !length.subarray(1).some(Boolean)) return;
  throw new TokenFault(false, `the key ${label} is not an AES-256 key`);
}

/** The public half, as a note's key carries it. A fault where it is on another curve, or in a form that is not known. */
export function publicKeyOf(
  session: TokenSession,
  key: Handle,
  algorithm: SignatureAlgorithm,
): Buffer {
  return algorithm === "ed25519" ? publicPoint(session, key) : publicSpki(session, key);
}

function publicSpki({ cryptoki, handle }: TokenSession, key: Handle): Buffer {
  const parameters = read(cryptoki, handle, { object: key, type: attribute.ecParameters });
  if (!parameters.equals(p256Parameters))
    throw new TokenFault(false, "the token's signing key is not on the curve P-256");
  const spki = p256SpkiOfPoint(read(cryptoki, handle, { object: key, type: attribute.ecPoint }));
  if (spki !== null) return spki;
  throw new TokenFault(false, "the token gives a P-256 public key in a form that is not known");
}

/** The 32 raw bytes of an Ed25519 key. Tokens give them bare, or in a DER octet string as PKCS #11 3.0 asks. */
function publicPoint({ cryptoki, handle }: TokenSession, key: Handle): Buffer {
  const point = read(cryptoki, handle, { object: key, type: attribute.ecPoint });
  if (point.length === 32) return point;
  if (point.length === 34 && point.readUInt16BE(0) === 0x0420) return point.subarray(2);
  throw new TokenFault(false, "the token gives an Ed25519 public key in a form that is not known");
}

function read(
  cryptoki: Cryptoki,
  session: Handle,
  { object, type }: { readonly object: Handle; readonly type: number },
): Buffer {
  return cryptoki.C_GetAttributeValue(session, object, [{ type }])[0]?.value ?? Buffer.alloc(0);
}
