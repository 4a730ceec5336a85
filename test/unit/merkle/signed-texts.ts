import { generateKeyPairSync, sign } from "node:crypto";
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
  const key = parseVerificationKey(encodeVerificationKey(name, raw));
  if (key === null) throw new Error("the key does not come back from its own text");
  const signer = {
    name,
    publicKey: raw,
    sign: async (message: Uint8Array) => sign(null, message, privateKey),
  };
  return { signer, key };
}
