import { createPublicKey, generateKeyPairSync, hash, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { verifyModelSignature } from "../../../src/lineage/model-signature.ts";
import {
  type ModelSigners,
  noModelSigners,
  parseModelSigners,
} from "../../../src/lineage/signing-keys.ts";
import { type CertificateOptions, type Made, makeCertificate } from "../../support/certificates.ts";
import { type Bundle, type BundleOptions, signModel } from "../../support/model-signature.ts";

const at = new Date("2026-11-23T09:00:00.000Z");
const digestOf = (text: string): string => hash("sha256", text, "hex");
const files = [
  { path: "config.json", sha256: digestOf("config") },
  { path: "shards/one.safetensors", sha256: digestOf("one") },
];
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const pemOf = (key: typeof publicKey) => key.export({ type: "spki", format: "pem" }).toString();
const trusted = parseModelSigners(pemOf(publicKey));

function judge(
  options: Partial<BundleOptions> = {},
  {
    signers = trusted,
    of = files,
  }: { readonly signers?: ModelSigners; readonly of?: typeof files } = {},
) {
  const bundle = signModel({ files, privateKey, ...options });
  return verifyModelSignature(bundle, { files: of, signers, at });
}

function refusal(result: ReturnType<typeof judge>): readonly [string, string] {
  return "refused" in result ? [result.verdict, result.refused] : ["verified", ""];
}

test.each(["prime256v1", "secp384r1", "secp521r1"])(
  "a signature by a trusted key of %s over exactly the files verifies, and names the key",
  (namedCurve) => {
    const pair = generateKeyPairSync("ec", { namedCurve });
    const signers = parseModelSigners(`${pemOf(publicKey)}${pemOf(pair.publicKey)}`);
    expect(judge({ privateKey: pair.privateKey }, { signers })).toEqual({
      keyFingerprint: hash("sha256", pair.publicKey.export({ type: "spki", format: "der" }), "hex"),
      trust: "key",
      covered: 2,
      ignored: 0,
    });
  },
);

test("a key that nobody configured is untrusted, whether the bundle names it or not", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const unnamed = (bundle: Bundle) => ({
    ...bundle,
    verificationMaterial: { publicKey: {}, tlogEntries: [] },
  });
  for (const options of [{}, { bundle: unnamed }]) {
    const [verdict] = refusal(judge({ privateKey: pair.privateKey, ...options }));
    expect(verdict).toBe("untrusted");
    expect(refusal(judge(options, { signers: noModelSigners }))[0]).toBe("untrusted");
  }
  expect(judge({ bundle: unnamed })).toMatchObject({ trust: "key" });
});

test("a bundle that names a trusted key and is signed by another is invalid", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const hint = hash("sha256", pemOf(publicKey), "hex");
  const result = judge({
    privateKey: pair.privateKey,
    bundle: (bundle) => ({ ...bundle, verificationMaterial: { publicKey: { hint } } }),
  });
  expect(refusal(result)[0]).toBe("invalid");
});

test("a missing, an extra or a changed file is refused by name", () => {
  const [config, shard] = files;
  if (config === undefined || shard === undefined) throw new Error("there are two files");
  const cases: readonly (readonly [ReturnType<typeof judge>, string])[] = [
    [judge({ files: [config] }), 'does not cover "shards/one.safetensors"'],
    [judge({}, { of: [config] }), 'covers "shards/one.safetensors", which'],
    [judge({}, { of: [config, { ...shard, sha256: digestOf("two") }] }), "has another SHA-256"],
    [judge({ files: [config, { ...shard, path: "shards/two" }] }), "does not cover"],
  ];
  for (const [result, says] of cases) {
    expect(refusal(result)[0]).toBe("invalid");
    expect(refusal(result)[1]).toContain(says);
  }
});

test("a file under what the signer left out may be there, and counts as left out", () => {
  const more = [
    ...files,
    { path: "model.sig", sha256: digestOf("sig") },
    { path: ".git/config", sha256: digestOf("git") },
  ];
  const ignorePaths = ["model.sig", ".git/", "../elsewhere", "/root/model/x"];
  expect(judge({ ignorePaths }, { of: more })).toMatchObject({ covered: 2, ignored: 2 });
  // A name that only begins alike is not left out.
  const alike = [...files, { path: "model.signature", sha256: digestOf("x") }];
  expect(refusal(judge({ ignorePaths }, { of: alike }))[0]).toBe("invalid");
});

test("a signature cannot leave out the whole model, or cover what it leaves out", () => {
  const endless = Array.from({ length: 1_001 }, (_, each) => `${each}`);
  for (const ignorePaths of [["."], [""], ["./"], ["shards"], endless])
    expect(refusal(judge({ ignorePaths }))[0]).toBe("invalid");
});

test("a keyless signature is refused and told what to do", () => {
  const keyless = [
    { certificate: { rawBytes: "AAAA" }, tlogEntries: [] },
    { publicKey: { hint: "" }, tlogEntries: [{ logIndex: "1" }] },
  ];
  for (const verificationMaterial of keyless) {
    const result = judge({ bundle: (bundle) => ({ ...bundle, verificationMaterial }) });
    expect(refusal(result)).toEqual(["invalid", expect.stringMatching(/keyless.*Fulcio/)]);
  }
});

test("every other form is refused: the statement is v1.0 over files with SHA-256, the envelope has one signature", () => {
  const statements: readonly NonNullable<BundleOptions["statement"]>[] = [
    (same) => ({ ...same, _type: "https://in-toto.io/Statement/v0.1" }),
    (same) => ({ ...same, predicateType: "https://model_signing/Digests/v0.1" }),
    (same) => ({ ...same, subject: [...same.subject, ...same.subject] }),
    (same) => ({ ...same, subject: [{ name: "model", digest: { sha256: digestOf("x") } }] }),
    (same) => ({ ...same, predicate: { ...same.predicate, resources: [] } }),
    (same) => withSerialization(same, { method: "shards", shard_size: 1_000_000 }),
    (same) => withSerialization(same, { hash_type: "blake3" }),
    (same) => ({
      ...same,
      predicate: {
        ...same.predicate,
        resources: same.predicate.resources.map((each) => ({ ...each, algorithm: "blake2b" })),
      },
    }),
  ];
  for (const statement of statements) expect(refusal(judge({ statement }))[0]).toBe("invalid");
  const bundles: readonly NonNullable<BundleOptions["bundle"]>[] = [
    (same) => ({ ...same, mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.2" }),
    (same) => ({ ...same, dsseEnvelope: undefined }),
    (same) => ({ ...same, verificationMaterial: {} }),
    (same) => withEnvelope(same, { payloadType: "application/json" }),
    (same) =>
      withEnvelope(same, {
        signatures: [...same.dsseEnvelope.signatures, ...same.dsseEnvelope.signatures],
      }),
    (same) => withEnvelope(same, { payload: Buffer.from("{}").toString("base64") }),
  ];
  for (const bundle of bundles) expect(refusal(judge({ bundle }))[0]).toBe("invalid");
  for (const bytes of ["", "null", "[]", "{", "\u0000"])
    expect(
      refusal(verifyModelSignature(Buffer.from(bytes), { files, signers: trusted, at }))[0],
    ).toBe("invalid");
});

test("no bit of a signature or of what is signed can be flipped", () => {
  const bundle = JSON.parse(signModel({ files, privateKey }).toString()) as Bundle;
  const { payload, signatures } = bundle.dsseEnvelope;
  const flip = (text: string, bit: number): string => {
    const bytes = Buffer.from(text, "base64");
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes.toString("base64");
  };
  const sig = signatures[0]?.sig ?? "";
  const changed = [
    ...Array.from({ length: Buffer.from(sig, "base64").length * 8 }, (_, bit) =>
      withEnvelope(bundle, { signatures: [{ sig: flip(sig, bit), keyid: "" }] }),
    ),
    ...Array.from({ length: 200 }, (_, at8) =>
      withEnvelope(bundle, { payload: flip(payload, at8 * 7) }),
    ),
  ];
  const verdicts = changed.map((each) =>
    refusal(
      verifyModelSignature(Buffer.from(JSON.stringify(each)), { files, signers: trusted, at }),
    ),
  );
  expect(verdicts.filter(([verdict]) => verdict !== "invalid")).toEqual([]);
});

test("a file of signers holds public keys and certificates alone, and says what else it holds", () => {
  const secret = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  expect(() => parseModelSigners(secret)).toThrow(/private key is neither/);
  expect(() => parseModelSigners("no PEM")).toThrow(/no public key/);
  const broken = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
  expect(() => parseModelSigners(broken)).toThrow(/malformed/);
  for (const type of ["ed25519", "rsa"] as const) {
    const pair =
      type === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2_048 })
        : generateKeyPairSync("ed25519");
    expect(() => parseModelSigners(pemOf(pair.publicKey))).toThrow(/P-256/);
  }
  const koblitz = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  expect(() => parseModelSigners(pemOf(koblitz.publicKey))).toThrow(/P-256/);
});

describe("a signer's certificate", () => {
  let root: Made;
  let middle: Made;
  let leaf: Made;
  let signers: ModelSigners;

  const issue = async (options: Partial<CertificateOptions> & { readonly name: string }) =>
    await makeCertificate({ validAt: at, ...options });
  const under = async (
    chain: readonly Made[],
    { when = at, roots = signers }: { readonly when?: Date; readonly roots?: ModelSigners } = {},
  ) => {
    const [first] = chain;
    if (first === undefined) throw new Error("a chain has a signer");
    const bundle = signModel({
      files,
      privateKey: first.privateKey,
      chain: chain.map(({ der }) => der),
    });
    return refusal(verifyModelSignature(bundle, { files, signers: roots, at: when }));
  };

  beforeAll(async () => {
    root = await issue({ name: "Lab Root", isAuthority: true });
    middle = await issue({ name: "Lab Issuing", issuer: root, isAuthority: true, pathLength: 0 });
    leaf = await issue({ name: "Model Signer", issuer: middle, curve: "P-384" });
    signers = parseModelSigners(root.pem);
  });

  test("that leads to a configured root signs, and the entry will name its key", async () => {
    expect(await under([leaf, middle])).toEqual(["verified", ""]);
    expect(await under([leaf, middle, root])).toEqual(["verified", ""]);
    const direct = await issue({ name: "Direct", issuer: root, curve: "P-521" });
    expect(await under([direct])).toEqual(["verified", ""]);
    const bundle = signModel({ files, privateKey: leaf.privateKey, chain: [leaf.der, middle.der] });
    const der = createPublicKey(leaf.privateKey).export({ type: "spki", format: "der" });
    expect(verifyModelSignature(bundle, { files, signers, at })).toMatchObject({
      trust: "certificate",
      keyFingerprint: hash("sha256", der, "hex"),
    });
  });

  test("that leads elsewhere, skips a link or is on its own is untrusted", async () => {
    const otherRoot = await issue({ name: "Lab Root", isAuthority: true });
    const strangerLeaf = await issue({ name: "Model Signer", issuer: otherRoot });
    expect((await under([leaf]))[0]).toBe("untrusted");
    expect((await under([strangerLeaf, otherRoot]))[0]).toBe("untrusted");
    expect((await under([leaf, strangerLeaf, middle]))[0]).toBe("untrusted");
    expect((await under([leaf, middle], { roots: noModelSigners }))[0]).toBe("untrusted");
    expect((await under([leaf, middle], { roots: trusted }))[0]).toBe("untrusted");
  });

  test("that is not valid now, not for signing, or under no authority is refused", async () => {
    const day = 86_400_000;
    const late = new Date(at.getTime() + 16 * day);
    const early = new Date(at.getTime() - 16 * day);
    expect(await under([leaf, middle], { when: late })).toEqual([
      "invalid",
      expect.stringContaining("not valid now"),
    ]);
    expect((await under([leaf, middle], { when: early }))[0]).toBe("invalid");
    const noSigner = await issue({ name: "Other", issuer: root, usage: 0x08 });
    expect(await under([noSigner])).toEqual([
      "invalid",
      expect.stringContaining("not for signing"),
    ]);
    const bare = await issue({ name: "Other", issuer: root, usage: null });
    expect((await under([bare]))[0]).toBe("invalid");
    const coded = await issue({
      name: "Code",
      issuer: root,
      usage: null,
      purposes: ["1.3.6.1.5.5.7.3.3"],
    });
    expect((await under([coded]))[0]).toBe("verified");
    const forTls = await issue({
      name: "A Server",
      issuer: root,
      purposes: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
    });
    expect(await under([forTls])).toEqual(["invalid", expect.stringContaining("other purposes")]);
    const both = await issue({ name: "Both", issuer: root, purposes: ["1.3.6.1.5.5.7.3.3"] });
    expect((await under([both]))[0]).toBe("verified");
    const ruledOut = await issue({
      name: "Only Enciphers",
      issuer: root,
      usage: 0x20,
      purposes: ["1.3.6.1.5.5.7.3.3"],
    });
    expect((await under([ruledOut]))[0]).toBe("invalid");
    const plain = await issue({ name: "No Authority", issuer: root });
    const byPlain = await issue({ name: "Signer", issuer: plain });
    expect((await under([byPlain, plain]))[0]).not.toBe("verified");
    const claimed = await issue({ name: "Claims It", issuer: root, usage: 0x84 });
    const byClaimed = await issue({ name: "Signer", issuer: claimed });
    expect(await under([byClaimed, claimed])).toEqual([
      "invalid",
      expect.stringContaining("not a certification authority's"),
    ]);
  });

  test("under a chain that is too long, strange, or signed with SHA-1 is refused", async () => {
    const below = await issue({ name: "Below", issuer: middle, isAuthority: true });
    const far = await issue({ name: "Far", issuer: below });
    expect(await under([far, below, middle])).toEqual([
      "invalid",
      expect.stringContaining("longer"),
    ]);
    const strange = await issue({ name: "Strange", issuer: root, strange: "1.2.3.4.5" });
    expect(await under([strange])).toEqual(["invalid", expect.stringContaining("critical")]);
    const constrained = await issue({ name: "Named", issuer: root, strange: "2.5.29.30" });
    expect((await under([constrained]))[0]).not.toBe("verified");
    const weak = await issue({ name: "Weak", issuer: root, signedWith: "SHA-1" });
    expect((await under([weak]))[0]).not.toBe("verified");
    expect((await under(Array.from({ length: 9 }, () => leaf)))[0]).toBe("invalid");
  });

  test("under an authority for other purposes, as one for TLS servers, is refused", async () => {
    const purposes = ["1.3.6.1.5.5.7.3.1"];
    const tls = await issue({ name: "TLS Issuing", issuer: root, isAuthority: true, purposes });
    const signer = await issue({ name: "Signer", issuer: tls });
    expect(await under([signer, tls])).toEqual([
      "invalid",
      expect.stringContaining("other purposes"),
    ]);
  });

  test("does not vouch for another key's signature", () => {
    const bundle = signModel({ files, privateKey, chain: [leaf.der, middle.der] });
    expect(refusal(verifyModelSignature(bundle, { files, signers, at }))[0]).toBe("invalid");
    const malformed = signModel({ files, privateKey, chain: [Buffer.from("no certificate")] });
    expect(refusal(verifyModelSignature(malformed, { files, signers, at }))[0]).toBe("invalid");
    expect(new X509Certificate(root.der).ca).toBe(true);
  });
});

function withEnvelope(bundle: Bundle, changed: Partial<Bundle["dsseEnvelope"]>): unknown {
  return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, ...changed } };
}

function withSerialization(
  statement: Parameters<NonNullable<BundleOptions["statement"]>>[0],
  changed: Readonly<Record<string, unknown>>,
): unknown {
  const { predicate } = statement;
  const serialization = { ...predicate.serialization, ...changed };
  return { ...statement, predicate: { ...predicate, serialization } };
}
