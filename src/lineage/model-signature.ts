import { hash, verify } from "node:crypto";
import { z } from "zod";
import { type ChainResult, judgeChain } from "./certificate-chain.ts";
import { type Envelope, parseEnvelope, preAuthenticationEncoding } from "./dsse.ts";
import type { ModelSigners, SigningKey } from "./signing-keys.ts";
import { inTotoPayloadType, inTotoStatementType } from "./statement.ts";

/** A file as a signature is held against it. */
export type SignedFile = { readonly path: string; readonly sha256: string };

/** What a signature shows: who made it, by a key that is trusted itself or by a chain, and how many files it covers and leaves out. */
export type ModelSignature = {
  readonly keyFingerprint: string;
  readonly trust: "key" | "certificate";
  readonly covered: number;
  readonly ignored: number;
};

/** `untrusted`: whoever made it is none of the configured signers. `invalid`: it is malformed, false, or of other files. */
export type ModelSignatureResult =
  | ModelSignature
  | { readonly refused: string; readonly verdict: "invalid" | "untrusted" };

/** A longer bundle is none: one over ten thousand files has about four megabytes. */
export const longestBundleBytes = 8 * 2 ** 20;

/** Each file is held against each of them. */
const mostIgnored = 1_000;

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const predicateType = "https://model_signing/signature/v1.0";
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Sigstore's bundle v0.3 as far as it is read; the JSON of protobuf may add members with their defaults. */
const bundleForm = z.looseObject({
  mediaType: z.literal(bundleType),
  verificationMaterial: z.looseObject({
    publicKey: z.looseObject({ hint: z.string().nullish() }).nullish(),
    x509CertificateChain: z
      .looseObject({ certificates: z.array(z.looseObject({ rawBytes: z.base64() })) })
      .nullish(),
    certificate: z.unknown().optional(),
    tlogEntries: z.array(z.unknown()).nullish(),
  }),
  dsseEnvelope: z.unknown().optional(),
});

/** OpenSSF Model Signing v1.0, the statement: its predicate may have more members, which a reader leaves alone. */
const statementForm = z.looseObject({
  _type: z.literal(inTotoStatementType),
  predicateType: z.literal(predicateType),
  subject: z.array(z.looseObject({ digest: z.looseObject({ sha256 }) })).length(1),
  predicate: z.looseObject({
    serialization: z.looseObject({
      method: z.literal("files"),
      hash_type: z.literal("sha256"),
      allow_symlinks: z.boolean().optional(),
      ignore_paths: z.array(z.string()).max(mostIgnored).optional(),
    }),
    resources: z
      .array(z.looseObject({ name: z.string(), algorithm: z.literal("sha256"), digest: sha256 }))
      .min(1),
  }),
});

type Material = z.output<typeof bundleForm>["verificationMaterial"];

/**
 * Judges an OpenSSF Model Signing bundle against all files of a revision: one signature over the DSSE envelope by a trusted key, or by a
 * certificate that leads to a trusted root at the instant, and resources that are exactly the files and their digests, save for what the signer
 * left out under `ignore_paths`. Keyless signatures (Fulcio, Rekor) are refused. Never throws.
 */
export function verifyModelSignature(
  bytes: Uint8Array,
  {
    files,
    signers,
    at,
  }: {
    readonly files: readonly SignedFile[];
    readonly signers: ModelSigners;
    readonly at: Date;
  },
): ModelSignatureResult {
  const bundle = bundleForm.safeParse(parseJson(bytes));
  if (!bundle.success)
    return invalid(`it is no Sigstore bundle of ${bundleType}: ${firstIssue(bundle.error)}`);
  const { verificationMaterial: material, dsseEnvelope } = bundle.data;
  const isKeyless = material.certificate != null || (material.tlogEntries ?? []).length > 0;
  if (isKeyless)
    return invalid("keyless signatures (Fulcio, Rekor) are not taken: sign with a key or a chain");
  const envelope = parseEnvelope(dsseEnvelope);
  if (envelope?.signatures.length !== 1) return invalid("it holds no envelope with one signature");
  if (envelope.payloadType !== inTotoPayloadType)
    return invalid(`what is signed is not ${inTotoPayloadType}`);
  const signer = signerOf(material, envelope, { signers, at });
  if ("refused" in signer) return signer;
  const statement = statementForm.safeParse(parseJson(envelope.payload));
  if (!statement.success)
    return invalid(`it signs no ${predicateType} over files: ${firstIssue(statement.error)}`);
  const compared = compare(statement.data, files);
  return "refused" in compared ? compared : { ...signer, ...compared };
}

type Signer = Pick<ModelSignature, "keyFingerprint" | "trust">;
type Refused = Extract<ModelSignatureResult, { readonly refused: string }>;

function invalid(refused: string): Refused {
  return { refused, verdict: "invalid" };
}

/** Whose key made the signature, among those that the material can be about. */
function signerOf(
  { publicKey, x509CertificateChain: chain }: Material,
  envelope: Envelope,
  { signers, at }: { readonly signers: ModelSigners; readonly at: Date },
): Signer | Refused {
  if (chain != null) {
    const ders = chain.certificates.map(({ rawBytes }) => Buffer.from(rawBytes, "base64"));
    const judged: ChainResult = judgeChain(ders, signers.roots, at);
    if ("refused" in judged)
      return { refused: judged.refused, verdict: judged.isUntrusted ? "untrusted" : "invalid" };
    return isSignedBy(envelope, judged.key)
      ? { keyFingerprint: judged.key.fingerprint, trust: "certificate" }
      : invalid("its signature is not one of its certificate's key");
  }
  if (publicKey == null) return invalid("it names neither a key nor a chain of certificates");
  const hint = publicKey.hint ?? "";
  const candidates = signers.keys.filter((each) => hint === "" || each.hint === hint);
  const key = candidates.find((each) => isSignedBy(envelope, each));
  if (key !== undefined) return { keyFingerprint: key.fingerprint, trust: "key" };
  if (hint === "" || candidates.length === 0)
    return { refused: "its key is none of the configured ones", verdict: "untrusted" };
  return invalid("its signature is not one of the key that it names");
}

function isSignedBy(
  { payloadType, payload, signatures }: Envelope,
  { key, hashName }: SigningKey,
): boolean {
  const [first] = signatures;
  const message = preAuthenticationEncoding(payloadType, payload);
  return first !== undefined && verify(hashName, message, key, first.signature);
}

/** Holds what was signed against the files, both ways. */
function compare(
  { subject, predicate }: z.output<typeof statementForm>,
  files: readonly SignedFile[],
): Pick<ModelSignature, "covered" | "ignored"> | Refused {
  const { resources, serialization } = predicate;
  const digests = Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, "hex")));
  if (subject[0]?.digest.sha256 !== hash("sha256", digests, "hex"))
    return invalid("its subject is not the digest of its resources");
  const left = (serialization.ignore_paths ?? []).map((path) => path.replace(/\/+$/, ""));
  if (left.some((path) => path === "" || path === "."))
    return invalid("it leaves out the whole model");
  const isLeft = (path: string) =>
    left.some((each) => path === each || path.startsWith(`${each}/`));
  const signed = new Map(resources.map(({ name, digest }) => [name, digest]));
  if (signed.size !== resources.length) return invalid("it names a file twice");
  const covered = files.filter(({ path }) => signed.has(path));
  const others = files.filter(({ path }) => !signed.has(path));
  const missing = others.find(({ path }) => !isLeft(path));
  if (missing !== undefined)
    return invalid(`it does not cover ${JSON.stringify(missing.path)} of the revision`);
  const known = new Set(covered.map(({ path }) => path));
  const extra = resources.find(({ name }) => !known.has(name) || isLeft(name));
  if (extra !== undefined)
    return invalid(`it covers ${JSON.stringify(extra.name)}, which the revision does not have so`);
  const changed = covered.find(({ path, sha256: digest }) => signed.get(path) !== digest);
  if (changed !== undefined)
    return invalid(`${JSON.stringify(changed.path)} has another SHA-256 in the revision`);
  return { covered: covered.length, ignored: others.length };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function firstIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return issue === undefined ? "" : `${issue.path.join(".") || "the whole"}: ${issue.message}`;
}
