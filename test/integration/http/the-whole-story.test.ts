import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair, releaseInfo } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import { objectAad } from "../../../src/floe/aad.ts";
import { open } from "../../../src/floe/open.ts";
import { urlSource } from "../../../src/ledger/source-url.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { chunked, sha256 } from "../../support/actors.ts";
import { trained } from "../../support/datasheets.ts";
import { startTestServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { type Answered, type Asked, ask, expectProblem } from "./serving.ts";

const usPerson = { usPerson: { value: true, category: "citizen" } };
const repository = "/v1/repositories/lab/model";
const weights = randomBytes(2_500_000);

let server: TestServer;
let port: number;
/** What earlier steps of the story made; each test is the next step. */
const made: Record<string, string> = {};

beforeAll(async () => {
  server = await startTestServer();
  port = Number(new URL(server.url).port);
});
afterAll(async () => {
  await server.stop();
});

async function step(target: string, status: number, asked: Asked = {}): Promise<Answered> {
  const answered = await ask({ port }, target, asked);
  expect({ target, status: answered.status, said: answered.json["detail"] }).toEqual({
    target,
    status,
    said: undefined,
  });
  return answered;
}

async function token(principal: string, roles: readonly string[]): Promise<string> {
  const { json } = await step("POST /v1/tokens", 201, {
    token: made["officer"] ?? "",
    json: { principal, roles },
  });
  return String(json["text"]);
}

async function person(name: string, roles: readonly string[]) {
  const { json } = await step("POST /v1/persons", 201, {
    token: made["officer"] ?? "",
    json: { name, ...usPerson },
  });
  const principal = String(json["principal"]);
  return { person: String(json["person"]), principal, token: await token(principal, roles) };
}

test("the bootstrap token is traded once for the first officer", async () => {
  const json = {
    bootstrapToken: await server.bootstrapToken(),
    person: { name: "Olive First", ...usPerson },
  };
  const traded = await step("POST /v1/bootstrap", 201, { json });
  expect(traded.headers["cache-control"]).toBe("no-store");
  const issued = traded.json["token"] as { text: string; roles: string[] };
  expect(issued.roles).toEqual(["export-officer", "operator", "personal-data-reader"]);
  made["officer"] = issued.text;
  made["officerPerson"] = String(traded.json["person"]);
  expectProblem(await ask({ port }, "POST /v1/bootstrap", { json }), "not_authenticated");
});

test("persons, an entity and a workload are recorded, listed and read", async () => {
  const second = await person("Otto Second", ["export-officer", "auditor"]);
  const reader = await person("Rita Reader", ["reader"]);
  Object.assign(made, {
    second: second.token,
    reader: reader.token,
    readerPrincipal: reader.principal,
    readerPerson: reader.person,
  });
  const officer = { token: made["officer"] ?? "" };
  const { json: entity } = await step("POST /v1/entities", 201, {
    ...officer,
    json: { name: "Lab Incorporated", country: "US", headquarters: "US" },
  });
  const { json: workload } = await step("POST /v1/workloads", 201, {
    ...officer,
    json: { name: "training", accountable: second.person, entity: entity["entity"] },
  });
  made["uploader"] = await token(String(workload["principal"]), ["uploader"]);
  const persons = await step("GET /v1/persons", 200, officer);
  expect(persons.json["persons"]).toHaveLength(3);
  expect(JSON.stringify(persons.json)).not.toContain("Rita");
  const read = await step(`GET /v1/persons/${reader.person}`, 200, officer);
  expect(read.json["facts"]).toMatchObject({ name: "Rita Reader", ...usPerson });
  await step(`PUT /v1/persons/${reader.person}`, 204, {
    ...officer,
    json: { name: "Rita Reader", otherNames: ["R. Reader"], ...usPerson },
  });
  const changed = await step(`GET /v1/persons/${reader.person}`, 200, officer);
  expect(changed.json).toMatchObject({ version: 2, facts: { otherNames: ["R. Reader"] } });
  for (const [collection, id] of [
    ["entities", String(entity["entity"])],
    ["workloads", String(workload["workload"])],
  ] as const) {
    const listed = await step(`GET /v1/${collection}`, 200, officer);
    const one = await step(`GET /v1/${collection}/${id}`, 200, officer);
    expect(listed.json[collection]).toEqual([one.json]);
  }
});

test("a job uploads files and commits them as a revision", async () => {
  const uploader = { token: made["uploader"] ?? "" };
  const json = { namespace: "lab", name: "model" };
  await step("POST /v1/repositories", 201, { ...uploader, json });
  const { json: upload } = await step(`POST ${repository}/uploads`, 201, uploader);
  const address = `${repository}/uploads/${String(upload["upload"])}`;
  const put = await step(`PUT ${address}/files/weights.safetensors`, 201, {
    ...uploader,
    body: weights,
    headers: { "x-content-sha256": sha256(weights) },
  });
  const { json: listed } = await step(`GET ${address}`, 200, uploader);
  expect(listed["files"]).toEqual([put.json]);
  const files = [{ path: "weights.safetensors", size: weights.length, sha256: sha256(weights) }];
  const commit = { ...uploader, json: { parent: null, message: "first", files } };
  const { json: committed } = await step(`POST ${address}/commit`, 201, commit);
  const again = await step(`POST ${address}/commit`, 201, commit);
  expect(again.json).toEqual(committed);
  made["revision"] = String(committed["revision"]);
  const { json: head } = await step(`GET ${repository}/revisions/main`, 200, uploader);
  expect(head).toMatchObject({ revision: made["revision"], parent: null, message: "first" });
  const { json: revisions } = await step(`GET ${repository}/revisions`, 200, uploader);
  expect(revisions["revisions"]).toHaveLength(1);
});

const datasheet = trained("2e26");

test("two officers classify the repository, and nobody approves their own", async () => {
  const [officer, second] = [{ token: made["officer"] ?? "" }, { token: made["second"] ?? "" }];
  const { json } = await step(`POST ${repository}/classifications`, 201, {
    ...officer,
    json: { eccn: "4E091", basis: "self", datasheet },
  });
  const approve = `POST ${repository}/classifications/${String(json["classification"])}/approve`;
  expectProblem(await ask({ port }, approve, officer), "two_person_rule");
  await step(approve, 204, second);
  const listed = await step(`GET ${repository}/classifications`, 200, second);
  const read = await step(`GET ${repository}`, 200, second);
  expect(read.json["classification"]).toMatchObject({
    eccn: "4E091",
    state: "approved",
    proposedBy: made["officerPerson"],
    datasheet,
    datasheetSha256: json["datasheetSha256"],
  });
  const address = `${repository}/classifications/${String(json["classification"])}`;
  const shown = await step(`GET ${address}`, 200, second);
  expect(shown.json).toMatchObject({
    ...(read.json["classification"] as object),
    proposal: { conclusion: { kind: "entry" }, candidates: [{ eccn: "4E091" }] },
  });
  expect(listed.json["classifications"]).toEqual([read.json["classification"]]);
});

test("a license is entered by one officer and activated by another", async () => {
  const [officer, second] = [{ token: made["officer"] ?? "" }, { token: made["second"] ?? "" }];
  const json = {
    number: "D000001",
    kind: "bis-license",
    scope: {
      eccns: ["4E091"],
      repositories: ["lab/model"],
      destinations: [],
      nationalities: ["IN"],
      parties: { persons: [made["readerPerson"]], workloads: [], entities: [] },
      reasons: null,
    },
    validFrom: "2026-01-01",
    validUntil: "2027-12-31",
    releasesAllowed: 5,
  };
  const entered = await step("POST /v1/licenses", 201, { ...officer, json });
  const id = String(entered.json["license"]);
  expectProblem(
    await ask({ port }, `POST /v1/licenses/${id}/activate`, officer),
    "two_person_rule",
  );
  await step(`POST /v1/licenses/${id}/activate`, 204, second);
  const read = await step(`GET /v1/licenses/${id}`, 200, second);
  expect(read.json).toMatchObject({ ...json, state: "active", releasesUsed: 0, conditions: "" });
  const listed = await step("GET /v1/licenses", 200, second);
  expect(listed.json["licenses"]).toEqual([read.json]);
});

test("a reader without a grant does not know of the repository; with one, they do", async () => {
  const [officer, reader] = [{ token: made["officer"] ?? "" }, { token: made["reader"] ?? "" }];
  for (const path of ["", "/revisions", "/revisions/main"])
    expectProblem(await ask({ port }, `GET ${repository}${path}`, reader), "not_found");
  const none = await step("GET /v1/repositories", 200, reader);
  expect(none.json["repositories"]).toEqual([]);
  const { json } = await step("POST /v1/grants", 201, {
    ...officer,
    json: {
      principal: made["readerPrincipal"],
      repository: "lab/model",
      purpose: "evaluation",
      validUntil: "2027-06-01T00:00:00Z",
      bytesAllowed: 10_000_000,
    },
  });
  const some = await step("GET /v1/repositories", 200, reader);
  expect(some.json["repositories"]).toHaveLength(1);
  await step(`GET ${repository}/revisions/${made["revision"]}`, 200, reader);
  for (const query of ["", `?principal=${made["readerPrincipal"]}`, "?repository=lab/model"]) {
    const listed = await step(`GET /v1/grants${query}`, 200, officer);
    expect(listed.json["grants"]).toMatchObject([
      { id: json["grant"], repository: "lab/model", bytesAllowed: 10_000_000, bytesUsed: 0 },
    ]);
  }
  made["grant"] = String(json["grant"]);
});

type Released = {
  readonly release: string;
  readonly enclosure: { readonly kem: number; readonly enc: string; readonly ciphertext: string };
  readonly objects: readonly {
    readonly path: string;
    readonly object: string;
    readonly objectBytes: number;
    readonly url: string;
  }[];
  readonly receipt: { readonly index: number; readonly entry: string; readonly proof: string };
};

test("enclosed keys open with the recipient's key and the entry, and the sealed object opens with them", async () => {
  const reader = { token: made["reader"] ?? "" };
  const recipient = await newRecipientKeyPair();
  const { json, headers } = await step("POST /v1/releases", 201, {
    ...reader,
    json: {
      repository: "lab/model",
      revision: "main",
      recipientKey: recipient.publicKey.toString("base64url"),
    },
  });
  expect(headers["cache-control"]).toBe("no-store");
  const { release, enclosure, objects, receipt } = json as unknown as Released;
  const opened = await recipient.open(
    {
      enc: Buffer.from(enclosure.enc, "base64url"),
      ciphertext: Buffer.from(enclosure.ciphertext, "base64url"),
    },
    releaseInfo(leafHash(Buffer.from(receipt.entry, "base64"))),
  );
  const [object] = objects;
  if (opened === null || object === undefined) throw new Error("the enclosure does not open");
  const sealed = await step(`GET ${object.url}`, 200, reader);
  expect(sealed.bytes).toHaveLength(object.objectBytes);
  const pieces: Buffer[] = [];
  const key = new Secret(Buffer.from(opened.expose()));
  const aad = objectAad(Buffer.from(object.object.replaceAll("-", ""), "hex"));
  for await (const piece of open(chunked(sealed.bytes), { key, aad })) pieces.push(piece);
  expect(sha256(Buffer.concat(pieces))).toBe(sha256(weights));
  const rest = await step(`GET ${object.url}`, 206, {
    ...reader,
    headers: { range: "bytes=1000000-", "if-range": String(sealed.headers.etag) },
  });
  expect(rest.bytes.equals(sealed.bytes.subarray(1_000_000))).toBe(true);
  const head = await step(`HEAD ${object.url}`, 200, reader);
  expect(head.headers["content-length"]).toBe(String(object.objectBytes));
  Object.assign(made, { release, objectUrl: object.url });
  const kept = await step(`GET /v1/releases/${release}/receipt`, 200, reader);
  expect(kept.json).toMatchObject({ index: receipt.index, entry: receipt.entry });
});

test("sealed objects go to the release's own principal, of that release, until its time is over", async () => {
  const reader = { token: made["reader"] ?? "" };
  const url = made["objectUrl"] ?? "";
  const other = await person("Una Other", ["reader"]);
  expectProblem(await ask({ port }, `GET ${url}`, { token: other.token }), "not_found");
  const elsewhere = url.replace(/objects\/.*/, "objects/00000000-0000-4000-8000-000000000000");
  expectProblem(await ask({ port }, `GET ${elsewhere}`, reader), "not_found");
  const outside = await ask({ port }, `GET ${url}`, {
    ...reader,
    headers: { range: "bytes=99999999-" },
  });
  expectProblem(outside, "range_not_satisfiable");
  server.clock.advance({ seconds: 16 * 60 });
  expectProblem(await ask({ port }, `GET ${url}`, reader), "release_stopped");
});

test("a recipient key that is none, or missing, or another's form, releases nothing", async () => {
  const reader = { token: made["reader"] ?? "" };
  const json = { repository: "lab/model", revision: "main", recipientKey: "AAAA" };
  expectProblem(
    await ask({ port }, "POST /v1/releases", { ...reader, json }),
    "invalid_recipient_key",
  );
  for (const wrong of [
    { ...json, recipientKey: undefined },
    { ...json, recipientKey: "not base64url!" },
    { ...json, paths: [] },
    { ...json, revision: "HEAD" },
    { ...json, destination: "US" },
  ])
    expectProblem(
      await ask({ port }, "POST /v1/releases", { ...reader, json: wrong }),
      "invalid_request",
    );
  const { publicKey } = await newRecipientKeyPair();
  const recipientKey = publicKey.toString("base64url");
  const missing = { ...json, recipientKey, paths: ["missing.bin"] };
  expectProblem(
    await ask({ port }, "POST /v1/releases", { ...reader, json: missing }),
    "not_found",
  );
});

test("a suspended grant denies the next release, whose entry and evidence an officer reads", async () => {
  const [officer, reader] = [{ token: made["officer"] ?? "" }, { token: made["reader"] ?? "" }];
  await step(`POST /v1/grants/${made["grant"]}/suspend`, 204, officer);
  const { publicKey } = await newRecipientKeyPair();
  const denied = await ask({ port }, "POST /v1/releases", {
    ...reader,
    json: {
      repository: "lab/model",
      revision: "main",
      recipientKey: publicKey.toString("base64url"),
    },
  });
  expectProblem(denied, "release_denied");
  expect(denied.json["decision"]).toMatchObject({ verdict: "deny" });
  await until(
    async () =>
      (await ask({ port }, `GET /v1/releases/${String(denied.json["release"])}`, reader)).json[
        "entry"
      ] !== null,
  );
  const read = await step(`GET /v1/releases/${String(denied.json["release"])}`, 200, reader);
  expect(read.json).toMatchObject({
    repository: "lab/model",
    way: "enclosed",
    verdict: "deny",
    state: "denied",
    bytesCharged: 0,
    outcome: null,
  });
  const evidence = await step(`GET /v1/releases/${String(read.json["id"])}/evidence`, 200, officer);
  expect(evidence.json["facts"]).toMatchObject({ grant: { state: "suspended" } });
  expectProblem(
    await ask({ port }, `GET /v1/releases/${String(read.json["id"])}/evidence`, reader),
    "role_missing",
  );
  expectProblem(
    await ask({ port }, `POST /v1/grants/${made["grant"]}/suspend`, officer),
    "state_unmovable",
  );
  await step(`POST /v1/grants/${made["grant"]}/reinstate`, 204, officer);
});

test("releases are listed newest first; a reader sees their own alone", async () => {
  const [reader, second] = [{ token: made["reader"] ?? "" }, { token: made["second"] ?? "" }];
  const other = await person("Oscar Other", ["reader"]);
  const own = await step("GET /v1/releases", 200, reader);
  const releases = own.json["releases"] as { state: string; createdAt: string }[];
  expect(releases.map(({ state }) => state)).toEqual(["denied", "delivered"]);
  expect((await step("GET /v1/releases", 200, second)).json).toEqual(own.json);
  expect((await step("GET /v1/releases", 200, other)).json["releases"]).toEqual([]);
  const query = `repository=lab/model&principal=${made["readerPrincipal"]}&state=delivered`;
  const delivered = await step(`GET /v1/releases?${query}`, 200, second);
  expect(delivered.json["releases"]).toMatchObject([
    { id: made["release"], outcome: { kind: "release.delivered" } },
  ]);
  expectProblem(
    await ask({ port }, `GET /v1/releases/${made["release"]}`, { token: other.token }),
    "not_found",
  );
});

test("an auditor verifies the whole ledger over HTTP, and nothing past its checkpoint is served", async () => {
  const second = { token: made["second"] ?? "" };
  const { json: key } = await step("GET /v1/ledger/key", 200);
  const report = await verifyLedger(
    urlSource({ url: new URL(`${server.url}/ledger/`), token: () => second.token }),
    { verificationKey: String(key["verificationKey"]) },
  );
  expect(report.findings).toEqual([]);
  const checkpoint = await step("GET /ledger/checkpoint", 200, second);
  expect(checkpoint.headers).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "private, max-age=1",
  });
  const [origin, size] = checkpoint.bytes.toString().split("\n");
  expect(origin).toBe(key["origin"]);
  const tile = await step(`GET /ledger/tile/0/000.p/${size}`, 200, second);
  expect(tile.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "cache-control": "private, max-age=31536000, immutable",
  });
  expect(tile.bytes).toHaveLength(Number(size) * 32);
  for (const path of [
    `0/000.p/${Number(size) + 1}`,
    "0/000",
    "0/001.p/1",
    "1/000.p/1",
    "entries/000",
    "0/000.p/0",
    "0/000.p/01",
    "00/000.p/1",
    "0/x000/000.p/1",
    "64/000.p/1",
    "-1/000",
    "0/",
    "0/000.p/1/",
  ])
    expectProblem(await ask({ port }, `GET /ledger/tile/${path}`, second), "not_found");
});

test("the vault says that it lives and is ready, and describes itself", async () => {
  expect((await step("GET /livez", 200)).json).toEqual({ status: "alive" });
  const { json } = await step("GET /readyz", 200);
  expect(json).toEqual({
    status: "ready",
    checks: {
      database: "ok",
      store: "ok",
      custodian: "ok",
      signer: "ok",
      sequencer: "ok",
      screening: "ok",
    },
  });
  const { json: description } = await step("GET /openapi.json", 200);
  expect(description["openapi"]).toBe("3.1.1");
});
