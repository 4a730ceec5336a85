import { hash } from "node:crypto";
import { beforeAll, expect, test } from "@jest/globals";
import { lineageDigest } from "../../../src/lineage/digest.ts";
import { type EnvelopeJson, signEnvelope } from "../../../src/lineage/dsse.ts";
import type { Lineage } from "../../../src/lineage/form.ts";
import { isOwnProof, verifyOwnStatement, verifyStatement } from "../../../src/lineage/prove.ts";
import {
  inTotoPayloadType,
  releaseStatement,
  revisionStatement,
} from "../../../src/lineage/statement.ts";
import { type Cosigner, cosignOwn } from "../../../src/merkle/cosignature.ts";
import { encodeVerificationKey, parseVerificationKey } from "../../../src/merkle/note.ts";
import { inclusionProof, readTiles } from "../../../src/merkle/proof.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { tilePath } from "../../../src/merkle/tile.ts";
import { encodeTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { encodeAll, filesOf, fixedSigner } from "../../vectors/ledger/build.ts";
import {
  beginning,
  committed,
  decided,
  digestOf,
  idOf,
  record,
} from "../../vectors/ledger/story.ts";
import { freshCosigner, freshP256Signer } from "../merkle/signed-texts.ts";

const signer = fixedSigner(7);
const key = keyOf(signer);
const manifest = digestOf("revision");
const revision = manifest.slice(0, 40);
const lineage: Lineage = {
  bases: [{ repository: idOf("aurora/base"), revision: digestOf("base").slice(0, 40) }],
  run: { id: "run-17", system: "slurm" },
};
const files = ["config.json", "weights.safetensors"].map((path) => ({
  path,
  sha256: digestOf(path),
}));
const records = [
  ...beginning.map((each) =>
    each === committed
      ? record(each.kind, {
          ...each.body,
          lineage: lineageDigest(lineage),
          bases: lineage.bases ?? [],
        })
      : each,
  ),
  decided("denied", "first"),
];
const entries = encodeAll(records);
const commitAt = records.findIndex(({ kind }) => kind === "revision.committed");
const releaseAt = records.length - 1;
let proofs: readonly string[];

function keyOf(of: typeof signer) {
  const parsed = parseVerificationKey(of.verificationKey);
  if (parsed === null) throw new Error("the signer has no key");
  return parsed;
}

async function proofsUnder(
  by: typeof signer,
  cosigners: readonly Cosigner[] = [],
): Promise<readonly string[]> {
  const log = await filesOf(entries, by);
  const read = readTiles(
    entries.length,
    async (tile) => log.get(tilePath(tile)) ?? Buffer.alloc(0),
  );
  const checkpoint = await cosignOwn(log.get("checkpoint")?.toString() ?? "", cosigners);
  const made: string[] = [];
  for (const index of entries.keys()) {
    const hashes = await inclusionProof(index, entries.length, read);
    made.push(encodeTlogProof({ index, hashes, checkpoint }));
  }
  return made;
}

beforeAll(async () => {
  proofs = await proofsUnder(signer);
});

const ledgerAt = (index: number) => ({
  index,
  entry: entries[index]?.toString("base64") ?? "",
  proof: proofs[index] ?? "",
});

type Predicate = Parameters<typeof revisionStatement>[0]["predicate"];

const predicateOf = (changed: Partial<Predicate> = {}): Predicate => ({
  repository: { id: idOf("aurora/large"), name: "aurora/large" },
  revision,
  manifest: { sha256: manifest },
  files: { count: 2, bytes: "4096" },
  lineage,
  ledger: ledgerAt(commitAt),
  ...changed,
});

function revisionPayload(changed: Partial<Predicate> = {}, longest = 1_000_000): Buffer {
  const list = { name: `aurora/large@${revision}`, sha256: manifest };
  const fits = (payload: Buffer) => payload.length <= longest;
  return revisionStatement({ predicate: predicateOf(changed), files, list }, fits);
}

type ReleasePredicate = Parameters<typeof releaseStatement>[0]["predicate"];

function releasePayload(changed: Partial<ReleasePredicate> = {}): Buffer {
  const predicate = {
    release: idOf("first"),
    repository: { id: idOf("aurora/large") },
    revision,
    verdict: "deny" as const,
    objects: { count: 2, bytes: "4096", sha256: digestOf("objects of first") },
    ledger: {
      index: releaseAt,
      leaf: leafHash(entries[releaseAt] ?? Buffer.alloc(0)).toString("hex"),
      proof: proofs[releaseAt] ?? "",
    },
    ...changed,
  };
  const list = { name: predicate.release, sha256: predicate.objects.sha256 };
  return releaseStatement({ predicate, files, list }, () => true);
}

const signed = async (payload: Buffer, by = signer): Promise<EnvelopeJson> =>
  await signEnvelope({ payloadType: inTotoPayloadType, payload }, by);

async function refusalOf(payload: Buffer): Promise<string> {
  const result = verifyStatement(await signed(payload), key);
  const own = verifyOwnStatement({ payloadType: inTotoPayloadType, payload }, signer);
  const refused = "refused" in result ? result.refused : "";
  // The vault holds its own statements to the same, before it signs.
  expect(own ?? "").toBe(refused);
  return refused;
}

test("a revision's statement is an in-toto Statement v1 over its files that verifies with the ledger's key alone", async () => {
  const result = verifyStatement(await signed(revisionPayload()), key);
  if ("refused" in result) throw new Error(result.refused);
  expect(result.statement).toMatchObject({
    _type: "https://in-toto.io/Statement/v1",
    predicateType: "urn:weightvault:statement:revision:v1",
    subject: files.map(({ path, sha256 }) => ({ name: path, digest: { sha256 } })),
    predicate: { revision, lineage, subjects: "files" },
  });
  expect(await refusalOf(revisionPayload())).toBe("");
});

test("where the signer takes less, the statement is over the manifest, which holds files and lineage", async () => {
  const payload = revisionPayload({}, revisionPayload().length - 1);
  const result = verifyStatement(await signed(payload), key);
  if ("refused" in result) throw new Error(result.refused);
  const { predicate, subject } = result.statement;
  expect(subject).toEqual([{ name: `aurora/large@${revision}`, digest: { sha256: manifest } }]);
  expect(predicate.subjects).toBe("list");
  expect("lineage" in predicate).toBe(false);
});

test("a statement of another revision, manifest, repository or lineage than was committed is refused", async () => {
  const other = digestOf("other");
  const changes: readonly Partial<Predicate>[] = [
    { revision: other.slice(0, 40) },
    { manifest: { sha256: other } },
    { revision: other.slice(0, 40), manifest: { sha256: other } },
    { repository: { id: idOf("aurora/base"), name: "aurora/base" } },
    { lineage: { ...lineage, run: { id: "run-18" } } },
    { lineage: null },
    { ledger: ledgerAt(releaseAt) },
    { ledger: { ...ledgerAt(commitAt), proof: proofs[releaseAt] ?? "" } },
    { ledger: { ...ledgerAt(commitAt), index: releaseAt } },
    { ledger: { ...ledgerAt(commitAt), entry: Buffer.from("{}").toString("base64") } },
    { ledger: { ...ledgerAt(commitAt), proof: "c2sp.org/tlog-proof@v1\n" } },
  ];
  for (const changed of changes) expect(await refusalOf(revisionPayload(changed))).not.toBe("");
});

test("a release's statement has the verdict and the place of its entry, and nobody's id", async () => {
  const payload = releasePayload();
  expect(await refusalOf(payload)).toBe("");
  const text = payload.toString();
  for (const name of ["trainer", "trainer's principal", "trainer's token", "grant", "license"])
    expect([name, text.includes(idOf(name))]).toEqual([name, false]);
  expect(text).toContain('"verdict":"deny"');
  expect(text).toContain(signer.name);
});

test("a release's statement under another entry's proof is refused", async () => {
  const ledger = { index: releaseAt, leaf: hash("sha256", "x"), proof: proofs[releaseAt] ?? "" };
  expect(await refusalOf(releasePayload({ ledger }))).toContain("not proved");
  const { leaf } = JSON.parse(releasePayload().toString()).predicate.ledger as { leaf: string };
  const elsewhere = { index: commitAt, leaf, proof: proofs[commitAt] ?? "" };
  expect(await refusalOf(releasePayload({ ledger: elsewhere }))).toContain("not proved");
});

test("a statement whose checkpoint another key signed, or that another key signed, is refused", async () => {
  const other = fixedSigner(8);
  const [proof = ""] = (await proofsUnder(other)).slice(commitAt);
  expect(await refusalOf(revisionPayload({ ledger: { ...ledgerAt(commitAt), proof } }))).toContain(
    "not proved",
  );
  expect(verifyStatement(await signed(revisionPayload(), other), key)).toEqual({
    refused: "it is not signed by the ledger's key",
  });
});

test("a ledger that a P-256 key signs states under it: receipt and envelope verify with that key, and by the rotation that led to it", async () => {
  const later = freshP256Signer(signer.name);
  const verificationKey = encodeVerificationKey(signer.name, later.key.publicKey);
  const sign = async (message: Uint8Array) => Buffer.from(await later.signer.sign(message));
  const by = { name: signer.name, publicKey: later.key.publicKey, verificationKey, sign };
  const proof = (await proofsUnder(by))[commitAt] ?? "";
  expect(isOwnProof(proof, by)).toBe(true);
  const payload = revisionPayload({ ledger: { ...ledgerAt(commitAt), proof } });
  expect(verifyOwnStatement({ payloadType: inTotoPayloadType, payload }, by)).toBeNull();
  const envelope = await signed(payload, by);
  expect(verifyStatement(envelope, later.key)).toHaveProperty("statement");
  expect(verifyStatement(envelope, key)).toHaveProperty("refused");
  const rotations = [{ index: 1_000, statement: await signRotation(signer, by, nothingSigned) }];
  expect(verifyStatement(envelope, key, rotations)).toHaveProperty("statement");
  // The checkpoint of the one key and the envelope of the other are no statement.
  const mixed = await signed(revisionPayload(), by);
  expect(verifyStatement(mixed, later.key)).toHaveProperty("refused");
});

test("a statement of the key that followed the pinned one verifies by the rotation, and one of a key that went before does not", async () => {
  const later = fixedSigner(8);
  const statement = await signRotation(signer, later, nothingSigned);
  const rotations = [{ index: 1_000, statement }];
  const [proof = ""] = (await proofsUnder(later)).slice(commitAt);
  const payload = revisionPayload({ ledger: { ...ledgerAt(commitAt), proof } });
  const envelope = await signed(payload, later);
  expect(verifyStatement(envelope, key)).toHaveProperty("refused");
  expect(verifyStatement(envelope, key, rotations)).toHaveProperty("statement");
  // Whoever pinned the later key may have done so because the earlier one was stolen.
  const before = await signed(revisionPayload());
  expect(verifyStatement(before, key, rotations)).toHaveProperty("statement");
  expect(verifyStatement(before, keyOf(later), rotations)).toEqual({
    refused: "it is not signed by the ledger's key",
  });
});

test("a statement of a key that was replaced is refused where it rests on a checkpoint from after its reign", async () => {
  const statement = await signRotation(signer, fixedSigner(8), nothingSigned);
  const envelope = await signed(revisionPayload());
  const endedAt = (size: number) => [{ index: size - 1, statement }];
  expect(verifyStatement(envelope, key, endedAt(entries.length))).toHaveProperty("statement");
  expect(verifyStatement(envelope, key, endedAt(entries.length - 1))).toEqual({
    refused: "it rests on a checkpoint that its key was not allowed to sign any more",
  });
});

test("a proof under the checkpoint of another key of the ledger is told from the signer's own", async () => {
  const [proof = ""] = proofs.slice(commitAt);
  expect(isOwnProof(proof, signer)).toBe(true);
  expect(isOwnProof(proof, fixedSigner(8))).toBe(false);
});

test("what is signed and is no statement of ours is refused", async () => {
  const whole = JSON.parse(revisionPayload().toString()) as Readonly<Record<string, unknown>>;
  const strange: readonly unknown[] = [
    null,
    {},
    { ...whole, _type: "https://in-toto.io/Statement/v0.1" },
    { ...whole, predicateType: "https://slsa.dev/provenance/v1" },
    { ...whole, subject: [] },
    { ...whole, more: 1 },
  ];
  for (const value of strange)
    expect(await refusalOf(Buffer.from(JSON.stringify(value)))).toContain("no statement");
  const typed = await signEnvelope(
    { payloadType: "application/json", payload: revisionPayload() },
    signer,
  );
  expect(verifyStatement(typed, key)).toMatchObject({ refused: expect.any(String) });
  expect(verifyStatement({ not: "an envelope" }, key)).toEqual({
    refused: "it is no DSSE envelope",
  });
});

test("a statement is refused to who demands the ledger's ML-DSA-44 key where the checkpoint that it rests on lacks that signature", async () => {
  const [own, other] = [signer.name, signer.name].map((name) => freshCosigner(name, "ml-dsa-44"));
  if (own === undefined || other === undefined) throw new Error("two cosigners");
  const under = async (cosigners: readonly Cosigner[]) => {
    const proof = (await proofsUnder(signer, cosigners))[commitAt] ?? "";
    return await signed(revisionPayload({ ledger: { ...ledgerAt(commitAt), proof } }));
  };
  expect(verifyStatement(await under([own]), key, [], own.key)).toHaveProperty("statement");
  for (const cosigners of [[], [other]]) {
    const envelope = await under(cosigners);
    expect(verifyStatement(envelope, key)).toHaveProperty("statement");
    expect(verifyStatement(envelope, key, [], own.key)).toEqual({
      refused: `its checkpoint is not signed by the ML-DSA-44 key ${own.key.keyId}`,
    });
  }
});
