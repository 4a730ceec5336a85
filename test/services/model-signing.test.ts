import { generateKeyPairSync, hash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { verifyModelSignature } from "../../src/lineage/model-signature.ts";
import { type ModelSigners, parseModelSigners } from "../../src/lineage/signing-keys.ts";
import { type Made, makeCertificate } from "../support/certificates.ts";
import { signModel } from "../support/model-signature.ts";
import { findModelSigning, type ModelSigning } from "../support/openssf/model-signing.ts";

const folder = mkdtempSync(join(tmpdir(), "weightvault-oms-"));
const found = findModelSigning(folder);
if ("absent" in found) console.warn(`model signatures are not tried: ${found.absent}`);

const model = join(folder, "model");
const contents = {
  "config.json": "{}",
  "shards/one.safetensors": "one",
  "shards/two.safetensors": "two",
};
const files = Object.entries(contents).map(([path, text]) => ({
  path,
  sha256: hash("sha256", text, "hex"),
}));
/** The package judges a certificate at the beginning of its own validity, and we at the instant that we are given. */
const at = new Date("2026-11-23T09:00:00.000Z");

beforeAll(() => {
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(model, path)), { recursive: true });
    writeFileSync(join(model, path), text);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

function newKey(namedCurve: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const secret = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { privateKey, pem, secret };
}

type Job =
  | { readonly key: string; readonly signature: string }
  | { readonly root: string; readonly signature: string };
type SigningJob = Readonly<Record<"key" | "signature", string>> & {
  readonly certificate?: string;
  readonly chain?: string;
};

/** One process for all of them: the package takes seconds to load. */
const signAll = `
import json
for job in json.loads(sys.argv[2]):
    config = model_signing.signing.Config()
    if "chain" in job:
        config.use_certificate_signer(private_key=job["key"], signing_certificate=job["certificate"],
                                      certificate_chain=[job["chain"]])
    else:
        config.use_elliptic_key_signer(private_key=job["key"])
    config.set_hashing_config(model_signing.hashing.Config().set_ignored_paths(paths=["model.sig"]))
    config.sign(sys.argv[1], job["signature"])`;
const verifyAll = `
import json
said = []
for job in json.loads(sys.argv[2]):
    config = model_signing.verifying.Config()
    if "root" in job:
        config.use_certificate_verifier(certificate_chain=[job["root"]])
    else:
        config.use_elliptic_key_verifier(public_key=job["key"])
    try:
        config.verify(sys.argv[1], job["signature"])
        said.append("verified")
    except Exception as error:
        said.append(type(error).__name__)
print(json.dumps(said))`;

const curves = ["prime256v1", "secp384r1", "secp521r1"];

("absent" in found ? describe.skip : describe)("OpenSSF Model Signing's own package", () => {
  const python = found as ModelSigning;
  const judge = (bundle: Buffer, signers: ModelSigners, of = files) =>
    verifyModelSignature(bundle, { files: of, signers, at });
  const signThere = (jobs: readonly SigningJob[]) =>
    python.run(signAll, model, JSON.stringify(jobs));
  const verifyThere = (jobs: readonly Job[]) =>
    JSON.parse(python.run(verifyAll, model, JSON.stringify(jobs))) as readonly string[];

  let root: Made;
  let middle: Made;
  let leaf: Made;

  beforeAll(async () => {
    const authority = { isAuthority: true, validAt: at };
    root = await makeCertificate({ name: "Lab Root", ...authority });
    middle = await makeCertificate({ name: "Lab Issuing", issuer: root, ...authority });
    leaf = await makeCertificate({ name: "Model Signer", issuer: middle, validAt: at });
  });

  test("signs with keys and certificates what we verify, and nothing else of it", () => {
    const made = curves.map((curve) => ({
      ...newKey(curve),
      curve,
      signature: join(folder, curve),
    }));
    const chained = join(folder, "chained");
    signThere([
      ...made.map(({ curve, secret, signature }) => ({
        key: write(`${curve}.key`, secret),
        signature,
      })),
      {
        key: write("leaf.key", leaf.privateKey.export({ type: "pkcs8", format: "pem" })),
        certificate: write("leaf.pem", leaf.pem),
        chain: write("middle.pem", middle.pem),
        signature: chained,
      },
    ]);
    const changed = files.map((each) => ({ ...each, sha256: hash("sha256", "x", "hex") }));
    const withItself = [...files, { path: "model.sig", sha256: hash("sha256", "sig", "hex") }];
    const cases = [
      ...made.map(({ pem, signature }) => ({ signature, signers: parseModelSigners(pem) })),
      { signature: chained, signers: parseModelSigners(root.pem) },
    ];
    for (const { signature, signers } of cases) {
      const bundle = readFileSync(signature);
      expect(judge(bundle, signers)).toMatchObject({
        trust: signature === chained ? "certificate" : "key",
        covered: 3,
        ignored: 0,
      });
      expect(judge(bundle, signers, withItself)).toMatchObject({ covered: 3, ignored: 1 });
      expect(judge(bundle, signers, changed)).toMatchObject({ verdict: "invalid" });
      expect(judge(bundle, signers, files.slice(1))).toMatchObject({ verdict: "invalid" });
      const strangers = parseModelSigners(newKey("prime256v1").pem);
      expect(judge(bundle, strangers)).toMatchObject({ verdict: "untrusted" });
    }
  });

  test("verifies what our tests sign with keys and certificates, and refuses what we refuse", () => {
    const chain = [leaf.der, middle.der];
    const jobs: readonly Job[] = [
      ...curves.flatMap((curve) => {
        const { privateKey, pem } = newKey(curve);
        const key = write(`${curve}.pub`, pem);
        const good = write(`${curve}.good`, signModel({ files, privateKey }));
        const bad = write(`${curve}.bad`, signModel({ files: files.slice(1), privateKey }));
        const stranger = write(`${curve}.other`, newKey(curve).pem);
        return [
          { key, signature: good },
          { key, signature: bad },
          { key: stranger, signature: good },
        ];
      }),
      {
        root: write("root.pem", root.pem),
        signature: write("ours", signModel({ files, privateKey: leaf.privateKey, chain })),
      },
    ];
    expect(verifyThere(jobs)).toEqual([
      ...curves.flatMap(() => ["verified", "ValueError", "ValueError"]),
      "verified",
    ]);
  });
});
