import { createPublicKey, hash, type KeyObject, sign } from "node:crypto";
import { preAuthenticationEncoding } from "../../src/lineage/dsse.ts";

type File = { readonly path: string; readonly sha256: string };

export type BundleOptions = {
  readonly files: readonly File[];
  readonly privateKey: KeyObject;
  /** Certificates in DER, the signer's first; left out, the bundle names the key. */
  readonly chain?: readonly Buffer[];
  readonly ignorePaths?: readonly string[];
  /** Changes the statement before it is signed. */
  readonly statement?: (statement: Statement) => unknown;
  /** Changes the bundle after it is signed. */
  readonly bundle?: (bundle: Bundle) => unknown;
};

export type Statement = ReturnType<typeof statementOf>;
export type Bundle = ReturnType<typeof bundleOf>;

const hashes: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/** A bundle as OpenSSF Model Signing v1.0 makes it over files. */
export function signModel(options: BundleOptions): Buffer {
  const { statement: change = (same) => same, bundle: edit = (same) => same } = options;
  const payload = Buffer.from(JSON.stringify(change(statementOf(options)), null, 2));
  return Buffer.from(JSON.stringify(edit(bundleOf(payload, options))));
}

function statementOf({ files, ignorePaths }: BundleOptions) {
  const sorted = files.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  const digests = Buffer.concat(sorted.map(({ sha256 }) => Buffer.from(sha256, "hex")));
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "model", digest: { sha256: hash("sha256", digests, "hex") } }],
    predicateType: "https://model_signing/signature/v1.0",
    predicate: {
      serialization: {
        method: "files",
        hash_type: "sha256",
        allow_symlinks: false,
        ...(ignorePaths === undefined ? {} : { ignore_paths: ignorePaths }),
      },
      resources: sorted.map(({ path, sha256 }) => ({
        name: path,
        algorithm: "sha256",
        digest: sha256,
      })),
    },
  };
}

function bundleOf(payload: Buffer, { privateKey, chain }: BundleOptions) {
  const payloadType = "application/vnd.in-toto+json";
  const curve = privateKey.asymmetricKeyDetails?.namedCurve ?? "";
  const message = preAuthenticationEncoding(payloadType, payload);
  const pem = createPublicKey(privateKey).export({ type: "spki", format: "pem" });
  return {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: {
      ...(chain === undefined
        ? { publicKey: { hint: hash("sha256", pem, "hex") } }
        : {
            x509CertificateChain: {
              certificates: chain.map((der) => ({ rawBytes: der.toString("base64") })),
            },
          }),
      tlogEntries: [] as unknown[],
    },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [
        { sig: sign(hashes[curve] ?? "sha256", message, privateKey).toString("base64"), keyid: "" },
      ],
    },
  };
}
