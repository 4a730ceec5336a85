import { createPublicKey, hash, type KeyObject, X509Certificate } from "node:crypto";

/** An elliptic-curve key that may sign models. */
export type SigningKey = {
  readonly key: KeyObject;
  /** SHA-256 of the key's SubjectPublicKeyInfo in DER, hex: how the ledger names it. */
  readonly fingerprint: string;
  /** SHA-256 of the same in PEM, hex: how bundles of OpenSSF Model Signing name it. */
  readonly hint: string;
  /** The hash that goes with its curve, as Sigstore's specification pairs them. */
  readonly hashName: "sha256" | "sha384" | "sha512";
};

/** Whose model signatures an operator takes: keys, and certificates that signers' certificates must lead to. */
export type ModelSigners = {
  readonly keys: readonly SigningKey[];
  readonly roots: readonly X509Certificate[];
};

export const noModelSigners: ModelSigners = { keys: [], roots: [] };

const hashOfCurve: Readonly<Record<string, SigningKey["hashName"]>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

const blocks = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g;

/** The keys and certificates of a PEM file. Throws a TypeError, which never repeats the text, for anything else in it and for a file with neither. */
export function parseModelSigners(pem: string): ModelSigners {
  const found = [...pem.matchAll(blocks)];
  if (found.length === 0) throw new TypeError("there is no public key or certificate in PEM");
  const keys: SigningKey[] = [];
  const roots: X509Certificate[] = [];
  for (const [block, label] of found) {
    if (label === "PUBLIC KEY") {
      const key = signingKey(parsed(() => createPublicKey(block)));
      if (key === null) throw new TypeError("a key is not of P-256, P-384 or P-521");
      keys.push(key);
    } else if (label === "CERTIFICATE") roots.push(parsed(() => new X509Certificate(block)));
    else throw new TypeError(`a ${label?.toLowerCase()} is neither a public key nor a certificate`);
  }
  return { keys, roots };
}

/** A public key as a signer's; null for another algorithm or curve. */
export function signingKey(key: KeyObject): SigningKey | null {
  const hashName = hashOfCurve[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (key.asymmetricKeyType !== "ec" || hashName === undefined) return null;
  return {
    key,
    hashName,
    fingerprint: hash("sha256", key.export({ type: "spki", format: "der" }), "hex"),
    hint: hash("sha256", key.export({ type: "spki", format: "pem" }), "hex"),
  };
}

function parsed<Result>(parse: () => Result): Result {
  try {
    return parse();
  } catch (cause) {
    throw new TypeError("a key or certificate is malformed", { cause });
  }
}
