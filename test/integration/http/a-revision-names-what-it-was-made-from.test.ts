import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { lineageDigest } from "../../../src/lineage/digest.ts";
import { verifyStatement } from "../../../src/lineage/prove.ts";
import { parseModelSigners } from "../../../src/lineage/signing-keys.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { createRepository } from "../../../src/vault/repository.ts";
import { stateRevision } from "../../../src/vault/statement.ts";
import { temporaryFolder, weightvaultHere } from "../../e2e/command.ts";
import { answer, serveHttp } from "../../e2e/http-double.ts";
import {
  addPerson,
  addWorkload,
  type Cast,
  model,
  sha256,
  stage,
  unitedStates,
  usPerson,
} from "../../support/actors.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { signModel } from "../../support/model-signature.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";
import { type Answered, ask, expectProblem, type Serving, serve } from "./serving.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const modelSigners = parseModelSigners(
  publicKey.export({ type: "spki", format: "pem" }).toString(),
);
const at = "/v1/repositories/lab/tuned";
const weights = Buffer.from("tuned weights");
const file = { path: "w.safetensors", size: weights.length, sha256: sha256(weights) };
const made = {
  run: { id: "run-17", system: "slurm" },
  code: { commit: "0".repeat(40), repository: "https://code.example/train" },
  datasets: [{ name: "corpus", sha256: "ab".repeat(32) }],
};

let s: Serving;
let cast: Cast;
let head: string | null = null;
let released = "";

beforeAll(async () => {
  s = await serve({}, { modelSigners });
  cast = await stage(s.vault, { bytes: Buffer.from("the weights") });
  await createRepository(s.vault, cast.job.caller, { namespace: "lab", name: "tuned" });
});

afterAll(async () => await s?.stop());

const job = () => ({ token: cast.job.token });
const lineageOf = (more: object = {}) => ({
  bases: [{ repository: "lab/model", revision: cast.revision }],
  ...made,
  ...more,
});

/** Uploads the one file and commits it on the head. */
async function commit(more: object, onto = head): Promise<Answered> {
  const opened = await ask(s, `POST ${at}/uploads`, job());
  const upload = `${at}/uploads/${String(opened.json["upload"])}`;
  await ask(s, `PUT ${upload}/files/${file.path}`, { ...job(), body: weights });
  const json = { parent: onto, files: [file], ...more };
  return await ask(s, `POST ${upload}/commit`, { ...job(), json });
}

async function committed(more: object): Promise<string> {
  const { status, json } = await commit(more);
  expect({ status, json }).toMatchObject({ status: 201 });
  head = String(json["revision"]);
  return head;
}

const entryOf = async (kind: string, revision: string) =>
  (await entriesOf(s.vault.database)).find(
    (each) => each.kind === kind && each.body["revision"] === revision,
  );

test("what a revision was made from is in its manifest, and its entry carries the digest and the bases alone", async () => {
  const revision = await committed({ lineage: lineageOf() });
  const { json } = await ask(s, `GET ${at}/revisions/${revision}`, job());
  const kept = json["lineage"] as Parameters<typeof lineageDigest>[0];
  const entry = await entryOf("revision.committed", revision);
  const base = await entryOf("revision.committed", cast.revision);
  expect(kept).toEqual({
    ...made,
    bases: [{ repository: base?.body["repository"], revision: cast.revision }],
  });
  expect(entry?.body).toMatchObject({ lineage: lineageDigest(kept), bases: kept.bases });
  expect(JSON.stringify(entry)).not.toMatch(/run-17|slurm|code\.example|corpus/);
});

test("a revision without a lineage keeps the bytes that it always had", async () => {
  const revision = await committed({});
  const [row] = (
    await sql<{ manifest: Buffer }>`select manifest from revision where id = ${revision}`.execute(
      s.vault.database.db,
    )
  ).rows;
  expect(Object.keys(JSON.parse(row?.manifest.toString() ?? "{}") as object)).toEqual([
    "createdAt",
    "createdBy",
    "files",
    "message",
    "parent",
    "repository",
  ]);
  const body = (await entryOf("revision.committed", revision))?.body ?? {};
  expect(["lineage", "bases"].filter((name) => name in body)).toEqual([]);
  const { json } = await ask(s, `GET ${at}/revisions/main`, job());
  expect(json["lineage"]).toBeNull();
});

test("a base that is not in this vault commits nothing", async () => {
  const unknown = [
    { repository: "lab/model", revision: "0".repeat(40) },
    { repository: "lab/nowhere", revision: cast.revision },
    { repository: "lab/tuned", revision: cast.revision },
  ];
  for (const base of unknown)
    expectProblem(await commit({ lineage: lineageOf({ bases: [base] }) }), "lineage_base_unknown");
  expectProblem(await commit({ lineage: {} }), "invalid_request");
  expectProblem(await commit({ lineage: lineageOf({ by: "Somebody" }) }), "invalid_request");
  expect((await ask(s, `GET ${at}`, job())).json["head"]).toBe(head);
});

test("the same upload committed again with another lineage is refused", async () => {
  const opened = await ask(s, `POST ${at}/uploads`, job());
  const upload = `${at}/uploads/${String(opened.json["upload"])}`;
  await ask(s, `PUT ${upload}/files/${file.path}`, { ...job(), body: weights });
  const send = async (lineage: object) =>
    await ask(s, `POST ${upload}/commit`, {
      ...job(),
      json: { parent: head, files: [file], lineage },
    });
  const first = await send(lineageOf());
  const again = await send(lineageOf());
  expect([first.status, again.json["revision"]]).toEqual([201, first.json["revision"]]);
  expectProblem(await send(made), "upload_closed");
  head = String(first.json["revision"]);
});

test("the same upload committed again with a model signature that was not verified with it is refused", async () => {
  const opened = await ask(s, `POST ${at}/uploads`, job());
  const upload = `${at}/uploads/${String(opened.json["upload"])}`;
  await ask(s, `PUT ${upload}/files/${file.path}`, { ...job(), body: weights });
  const parent = head;
  const send = async (more: object) =>
    await ask(s, `POST ${upload}/commit`, { ...job(), json: { parent, files: [file], ...more } });
  const modelSignature = signModel({ files: [file], privateKey }).toString();
  head = String((await send({ modelSignature })).json["revision"]);
  expect((await send({ modelSignature })).json["revision"]).toBe(head);
  expectProblem(await send({ modelSignature: "{}" }), "upload_closed");
});

test("a model signature is verified with the commit, stored byte for byte and recorded in an entry of its own", async () => {
  const bundle = signModel({ files: [file], privateKey });
  const revision = await committed({ modelSignature: bundle.toString() });
  const entry = await entryOf("revision.signed", revision);
  const [key] = modelSigners.keys;
  expect(entry?.body).toMatchObject({
    revision,
    bundle: sha256(bundle),
    key: key?.fingerprint,
    trust: "key",
    verdict: "verified",
    files: { covered: 1, ignored: 0 },
    by: cast.job.principal,
  });
  const listed = await ask(s, `GET ${at}/revisions/${revision}/signatures`, job());
  expect(listed.json["signatures"]).toMatchObject([{ bundle: sha256(bundle), trust: "key" }]);
  const saved = await ask(
    s,
    `GET ${at}/revisions/${revision}/signatures/${sha256(bundle).toUpperCase()}`,
    job(),
  );
  expect(saved.bytes.equals(bundle)).toBe(true);
});

test("a model signature that does not hold, or by nobody trusted, commits nothing", async () => {
  const stranger = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
  const other = { ...file, sha256: sha256(Buffer.from("other")) };
  const cases = [
    ["model_signature_untrusted", signModel({ files: [file], privateKey: stranger })],
    ["model_signature_invalid", signModel({ files: [other], privateKey })],
    ["model_signature_invalid", Buffer.from("{}")],
  ] as const;
  for (const [code, bundle] of cases)
    expectProblem(await commit({ modelSignature: bundle.toString() }), code);
  expect((await ask(s, `GET ${at}`, job())).json["head"]).toBe(head);
});

test("a signature is attached later by who committed the revision, once, and by nobody else", async () => {
  const revision = await committed({});
  const to = `POST ${at}/revisions/${revision}/signatures`;
  const headers = { "content-type": "application/octet-stream" };
  const bundle = signModel({ files: [file], privateKey });
  const second = await addWorkload(s.vault, cast.first, cast.second.person, ["uploader"]);
  expectProblem(await ask(s, to, { token: second.token, body: bundle, headers }), "conflict");
  expectProblem(
    await ask(s, to, { token: cast.reader.token, body: bundle, headers }),
    "role_missing",
  );
  expectProblem(
    await ask(s, to, { ...job(), body: Buffer.from("x"), headers }),
    "model_signature_invalid",
  );
  const first = await ask(s, to, { ...job(), body: bundle, headers });
  const again = await ask(s, to, { ...job(), body: bundle, headers });
  expect([first.status, again.json]).toEqual([201, first.json]);
  const signed = (await entriesOf(s.vault.database)).filter(
    ({ kind, body }) => kind === "revision.signed" && body["revision"] === revision,
  );
  expect(signed).toHaveLength(1);
});

test("who classifies is shown the bases' classifications, and says why this one is less strict", async () => {
  const propose = async (json: object): Promise<Answered> =>
    await ask(s, `POST ${at}/classifications`, {
      token: cast.first.token,
      json: { basis: "self", ...json },
    });
  const refused = await propose({ eccn: "EAR99" });
  expectProblem(refused, "justification_required");
  expect(refused.json).toMatchObject({
    bases: [
      {
        repository: "lab/model",
        revisions: [cast.revision],
        classification: { eccn: "4E091" },
        isLessStrict: expect.stringContaining("4E091"),
      },
    ],
  });
  const justification = "Distilled onto public data alone; counsel's memo 12.";
  const argued = await propose({ eccn: "EAR99", justification });
  expect(argued).toMatchObject({ status: 201 });
  const same = await propose({ eccn: "4E091" });
  expect(same.json).toMatchObject({ bases: [{ isLessStrict: null }] });
  const shown = await ask(s, `GET ${at}/classifications/${String(argued.json["classification"])}`, {
    token: cast.second.token,
  });
  expect(shown.json).toMatchObject({
    justification,
    bases: [{ repository: "lab/model", isLessStrict: expect.any(String) }],
  });
});

test("a proposal that nobody justified is not approved once a stricter base was named", async () => {
  await createRepository(s.vault, cast.job.caller, { namespace: "lab", name: "late" });
  const late = "/v1/repositories/lab/late";
  const proposed = await ask(s, `POST ${late}/classifications`, {
    token: cast.first.token,
    json: { basis: "self", eccn: "EAR99" },
  });
  expect(proposed).toMatchObject({ status: 201, json: { bases: [] } });
  const opened = await ask(s, `POST ${late}/uploads`, job());
  const upload = `${late}/uploads/${String(opened.json["upload"])}`;
  await ask(s, `PUT ${upload}/files/${file.path}`, { ...job(), body: weights });
  const json = { parent: null, files: [file], lineage: lineageOf() };
  expect((await ask(s, `POST ${upload}/commit`, { ...job(), json })).status).toBe(201);
  const approve = `POST ${late}/classifications/${String(proposed.json["classification"])}/approve`;
  const refused = await ask(s, approve, { token: cast.second.token });
  expectProblem(refused, "justification_required");
  expect(refused.json).toMatchObject({ bases: [{ repository: "lab/model" }] });
});

test("statements of a revision and of a release verify offline by the command, down to the bytes of the files", async () => {
  await using folder = await temporaryFolder();
  const revision = await committed({ lineage: lineageOf() });
  const auditor = await addPerson(s.vault, cast.first, { ...usPerson, name: "Ada" }, ["auditor"]);
  const { publicKey: recipientKey } = await newRecipientKeyPair();
  const { decided } = await releaseEnclosed(s.vault, cast.reader.caller, {
    ...model,
    revision: "main",
    paths: null,
    way: "enclosed",
    recipientKey,
    destination: unitedStates,
  });
  const place = (name: string) => join(folder.path, name);
  const env = {
    WEIGHTVAULT_URL: s.url,
    WEIGHTVAULT_TOKEN: auditor.token,
    WEIGHTVAULT_LEDGER_KEY: s.verificationKey,
  };
  const run = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await weightvaultHere(args, { env });
    return { code, stdout, stderr };
  };
  const saved = await run("statement", "revision", `lab/tuned@${revision}`, "--save", place("r"));
  expect(saved).toMatchObject({ code: 0 });
  await writeFile(place(file.path), weights);
  const whole = await run("statement", "verify", place("r"), "--files", folder.path, "--json");
  expect({ code: whole.code, stderr: whole.stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(whole.stdout)).toMatchObject({
    verified: true,
    checked: 1,
    // The envelope itself.
    others: 1,
    statement: { predicate: { revision, lineage: made } },
  });
  await writeFile(place(file.path), "other weights");
  expect((await run("statement", "verify", place("r"), "--files", folder.path)).code).toBe(6);
  const absent = await run("statement", "verify", place("r"), "--files", place("absent"));
  expect([absent.code, absent.stderr]).toEqual([
    1,
    expect.stringContaining("is no folder with files to hold to the statement"),
  ]);

  released = decided.release;
  const kept = await run("statement", "release", released, "--save", place("d"));
  expect(kept).toMatchObject({ code: 0 });
  const judged = await run("statement", "verify", place("d"), "--json");
  expect(JSON.parse(judged.stdout)).toMatchObject({
    statement: {
      subject: [{ name: "weights.safetensors" }],
      predicate: { verdict: "allow", release: released },
    },
  });
  for (const { person, principal, token } of [cast.reader, cast.first, cast.job])
    for (const each of [person, principal, token]) expect(judged.stdout.includes(each)).toBe(false);
  const denied = await ask(s, `GET /v1/releases/${released}/statement`, {
    token: cast.reader.token,
  });
  expectProblem(denied, "role_missing");
});

test("a signer that takes 4,096 bytes states the manifest, and the manifest's files are checked with it", async () => {
  await using folder = await temporaryFolder();
  const { signer } = s.vault;
  const small = { name: signer.name, publicKey: signer.publicKey, sign: signer.sign.bind(signer) };
  const lengths: number[] = [];
  const spy = async (message: Uint8Array) => {
    lengths.push(message.length);
    return await small.sign(message);
  };
  const vault = { ...s.vault, signer: { ...small, sign: spy, check: async () => {} } };
  const datasets = Array.from({ length: 100 }, (_, each) => ({
    name: `corpus ${each}`,
    sha256: sha256(Buffer.from(`${each}`)),
  }));
  const revision = await committed({ lineage: lineageOf({ datasets }) });
  await entriesOf(s.vault.database);
  const named = { namespace: "lab", name: "tuned", revision };
  const envelope = await stateRevision(vault, cast.job.caller, named);
  const key = parseVerificationKey(s.verificationKey);
  if (key === null) throw new Error("the ledger has no key");
  const result = verifyStatement(envelope, key);
  expect(result).toMatchObject({ statement: { predicate: { subjects: "list", revision } } });
  expect(Math.max(...lengths)).toBeLessThanOrEqual(4_096);

  const place = (name: string) => join(folder.path, name);
  const manifest = await ask(s, `GET ${at}/revisions/${revision}`, job());
  await writeFile(place("envelope"), JSON.stringify(envelope));
  await writeFile(place("manifest"), manifest.bytes);
  await writeFile(place(file.path), weights);
  const verify = async (...args: readonly string[]) =>
    await weightvaultHere(["statement", "verify", place("envelope"), ...args], {
      env: { WEIGHTVAULT_LEDGER_KEY: s.verificationKey },
    });
  const files = ["--files", folder.path];
  expect((await verify("--manifest", place("manifest"), ...files)).code).toBe(0);
  expect((await verify(...files)).code).toBe(2);
  const lied = { ...manifest.json, lineage: null };
  await writeFile(place("manifest"), JSON.stringify(lied));
  expect((await verify("--manifest", place("manifest"), ...files)).code).toBe(6);
});

test("after a rotation a statement waits for a checkpoint of the key that signs it, and nobody is told of tampering", async () => {
  await entriesOf(s.vault.database);
  const next = { ...fixedSigner(9, s.vault.signer.name), check: async () => {} };
  const vault = { ...s.vault, signer: next };
  const named = { namespace: "lab", name: "model", revision: cast.revision };
  await expect(stateRevision(vault, cast.job.caller, named)).rejects.toMatchObject({
    code: "ledger_unavailable",
  });
});

test("a statement about something else than was asked for is not believed, however well it verifies", async () => {
  await using folder = await temporaryFolder();
  await entriesOf(s.vault.database);
  const other = await ask(s, `GET ${at}/revisions/main/statement`, job());
  const key = await ask(s, "GET /v1/ledger/key");
  await using liar = await serveHttp((request, response) => {
    answer(response, 200, request.url === "/v1/ledger/key" ? key.json : other.json);
  });
  const env = {
    WEIGHTVAULT_URL: liar.url,
    WEIGHTVAULT_TOKEN: cast.job.token,
    WEIGHTVAULT_LEDGER_KEY: s.verificationKey,
  };
  const save = join(folder.path, "saved");
  const fetched = async (...args: readonly string[]) =>
    (await weightvaultHere(["statement", ...args, "--save", save], { env })).code;
  expect(await fetched("revision", `lab/model@${cast.revision}`)).toBe(6);
  expect(await fetched("revision", `lab/tuned@${cast.revision}`)).toBe(6);
  expect(await fetched("revision", "lab/model@main")).toBe(6);
  expect(await fetched("release", released)).toBe(6);
  await expect(readFile(save)).rejects.toMatchObject({ code: "ENOENT" });
  expect(await fetched("revision", "lab/tuned@main")).toBe(0);
});

const statedRelease = async (): Promise<Answered> =>
  await ask(s, `GET /v1/releases/${released}/statement`, { token: cast.second.token });

test("rows that differ from their entries are neither listed nor stated", async () => {
  const revision = await committed({
    modelSignature: signModel({ files: [file], privateKey }).toString(),
  });
  await entriesOf(s.vault.database);
  const { db } = s.vault.database;
  const own = await ask(s, `GET ${at}/revisions/${revision}/statement`, job());
  expect(own.status).toBe(200);
  await sql`alter table model_signature disable trigger append_only`.execute(db);
  await sql`update model_signature set revision = ${cast.revision}, repository = (select repository from revision where id = ${cast.revision})
    where revision = ${revision}`.execute(db);
  expectProblem(
    await ask(s, `GET /v1/repositories/lab/model/revisions/${cast.revision}/signatures`, job()),
    "record_tampered",
  );
  expect((await statedRelease()).status).toBe(200);
  await sql`alter table release_object disable trigger append_only`.execute(db);
  await sql`update release_object set path = 'other' where release = ${released}`.execute(db);
  expectProblem(await statedRelease(), "record_tampered");
});

test("the ledger that all of it made verifies", async () => {
  const report = await verified(s);
  expect(report.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(report.verified).toBe(true);
});
