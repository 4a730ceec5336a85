import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { promisify } from "node:util";
import type { CosignatureAlgorithm } from "../merkle/cosignature.ts";
import { unusable } from "./soft-file.ts";

/** A private key in a file that cosigns checkpoints (C2SP tlog-cosignature): a witness's, or the ledger's own of ML-DSA-44. */
export type CosigningKey = {
  readonly algorithm: CosignatureAlgorithm;
  /** 32 raw bytes of Ed25519, 1,312 of ML-DSA-44. */
  readonly publicKey: Buffer;
  /** A signature of 64 bytes (RFC 8032), or of 2,420 (FIPS 204, empty context), made beside the event loop. */
  readonly sign: (message: Uint8Array) => Promise<Buffer>;
};

/** RFC 8410, section 4, and RFC 9881, section 4: so many bytes stand before the raw key. */
const spkiPrefixBytes = { ed25519: 12, "ml-dsa-44": 22 } as const;

const signBeside = promisify(sign);

/** A new private key, PKCS #8 in PEM. */
export function newCosigningPem(algorithm: CosignatureAlgorithm): Buffer {
  const { privateKey } =
    algorithm === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ml-dsa-44");
  return Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }));
}

/** The key in a file's PEM, which is wiped. Throws `configuration_invalid` for what is none, or of another algorithm than the two. */
export function cosigningKeyOf(file: string, pem: Buffer): CosigningKey {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw unusable(file, "holds no private key in PEM", cause);
  } finally {
    pem.fill(0);
  }
  const type = key.asymmetricKeyType;
  if (type !== "ed25519" && type !== "ml-dsa-44")
    throw unusable(file, "is neither an Ed25519 nor an ML-DSA-44 key");
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return {
    algorithm: type,
    publicKey: spki.subarray(spkiPrefixBytes[type]),
    sign: async (message) => await signBeside(null, message, key),
  };
}
