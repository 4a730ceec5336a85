import { type Attribute, type Cryptoki, ck, type Handle } from "./cryptoki.ts";
import { TokenFault, type TokenSession } from "./pkcs11-token.ts";

const { attribute, class: kind, keyType } = ck;

/** What an AES-256 key for wrapping is found by. */
export function wrappingKey(label: string): readonly Attribute[] {
  return [
    { type: attribute.class, value: kind.secretKey },
    { type: attribute.keyType, value: keyType.aes },
    { type: attribute.label, value: label },
  ];
}

/** What either half of an Ed25519 pair is found by. */
export function signingKey(half: "publicKey" | "privateKey", label: string): readonly Attribute[] {
  return [
    { type: attribute.class, value: kind[half] },
    { type: attribute.keyType, value: keyType.edwards },
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
  label: string,
): Handle {
  const name = half === "publicKey" ? "public" : "private";
  return session.find(`${name} Ed25519 key ${label}`, signingKey(half, label));
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

/** The 32 raw bytes of the public key. Tokens give them bare, or in a DER octet string as PKCS #11 3.0 asks. */
export function publicPoint({ cryptoki, handle }: TokenSession, key: Handle): Buffer {
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
