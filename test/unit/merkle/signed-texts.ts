import { generateKeyPairSync, sign } from "node:crypto";
import {
  type CosignatureAlgorithm,
  type Cosigner,
  cosignerKey,
} from "../../../src/merkle/cosignature.ts";
import {
  encodeVerificationKey,
  type NoteSigner,
  parseVerificationKey,
  type VerificationKey,
} from "../../../src/merkle/note.ts";

export type TestSigner = { readonly signer: NoteSigner; readonly key: VerificationKey };

/** A fresh Ed25519 signer and the key that verifies it. */
export function freshSigner(name: string): TestSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return signerOf(name, raw, (message) => sign(null, message, privateKey));
}

/** A fresh signer of ECDSA on P-256. */
export function freshP256Signer(name: string): TestSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ format: "der", type: "spki" });
  return signerOf(name, spki, (message) => sign("sha256", message, privateKey));
}

function signerOf(
  name: string,
  publicKey: Buffer,
  make: (message: Uint8Array) => Buffer,
): TestSigner {
  const key = parseVerificationKey(encodeVerificationKey(name, publicKey));
  if (key === null) throw new Error("the key does not come back from its own text");
  return { signer: { name, publicKey, sign: async (message) => make(message) }, key };
}

/** A fresh cosigner, as a witness is one. */
export function freshCosigner(name: string, algorithm: CosignatureAlgorithm = "ed25519"): Cosigner {
  const { privateKey, publicKey } =
    algorithm === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("ml-dsa-44");
  const spki = publicKey.export({ format: "der", type: "spki" });
  const key = cosignerKey(algorithm, name, spki.subarray(algorithm === "ed25519" ? 12 : 22));
  return { key, sign: async (message) => sign(null, message, privateKey) };
}
