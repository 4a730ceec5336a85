import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_P256_HKDF_SHA256 } from "hpke";
import { Refusal } from "../errors.ts";
import { Secret } from "./secret.ts";

/** RFC 9180 base mode, DHKEM(P-256, HKDF-SHA256) / HKDF-SHA256 / AES-256-GCM: 0x0010, 0x0001, 0x0002. */
const suite = new CipherSuite(KEM_DHKEM_P256_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

export const kemId = 0x0010;
const uploadLabel = "weightvault/upload/v1\0";
const releaseLabel = "weightvault/release/v1\0";

/** Keys enclosed for one recipient: `enc` is the encapsulated secret (65 bytes), `ciphertext` the data keys and a tag. */
export type Enclosure = { readonly enc: Buffer; readonly ciphertext: Buffer };

export type RecipientKeyPair = {
  /** Uncompressed P-256 point, 65 bytes. */
  readonly publicKey: Buffer;
  open(enclosure: Enclosure, info: Uint8Array): Promise<Secret | null>;
};

/** `info` of a release's enclosure: it binds the keys to the leaf hash of the `release.allowed` entry. */
export function releaseInfo(leafHash: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(releaseLabel, "utf8"), leafHash]);
}

/** The same of an upload key's: the leaf hash is that of its `upload.key-released` entry. */
export function uploadInfo(leafHash: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(uploadLabel, "utf8"), leafHash]);
}

/** Whether the bytes are a P-256 point that HPKE can enclose for. */
export async function isRecipientKey(publicKey: Uint8Array): Promise<boolean> {
  return (await recipient(publicKey)) !== null;
}

/** Encloses the data keys, concatenated in the order of the object list. Throws `invalid_recipient_key`. */
export async function enclose(
  publicKey: Uint8Array,
  info: Uint8Array,
  dataKeys: readonly Secret[],
): Promise<Enclosure> {
  const key = await recipient(publicKey);
  if (key === null)
    throw new Refusal("invalid_recipient_key", "the recipient key is not a point of P-256");
  using plaintext = new Secret(Buffer.concat(dataKeys.map((dataKey) => dataKey.expose())));
  const { encapsulatedSecret, ciphertext } = await suite.Seal(key, plaintext.expose(), { info });
  return { enc: Buffer.from(encapsulatedSecret), ciphertext: Buffer.from(ciphertext) };
}

/** A key pair for one release; its private half cannot be exported. */
export async function newRecipientKeyPair(): Promise<RecipientKeyPair> {
  const pair = await suite.GenerateKeyPair();
  return {
    publicKey: Buffer.from(await suite.SerializePublicKey(pair.publicKey)),
    open: async ({ enc, ciphertext }, info) => {
      try {
        return new Secret(
          Buffer.from(await suite.Open(pair.privateKey, enc, ciphertext, { info })),
        );
      } catch {
        return null;
      }
    },
  };
}

async function recipient(publicKey: Uint8Array) {
  try {
    return await suite.DeserializePublicKey(publicKey);
  } catch {
    return null;
  }
}
