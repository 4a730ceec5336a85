import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type Canonical, canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { Secret } from "../../../src/crypto/secret.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { issueToken } from "../../../src/vault/token.ts";
import { type Actor, addPerson, type Cast, grant, stage, usPerson } from "../../support/actors.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { type Asked, ask, expectProblem, type Serving, serve } from "./serving.ts";

const capability = "https://bucket.example/sealed?signature=do-not-tell";
const given: number[] = [];
const places = { given: true };

/** A store whose blobs have an address of their own. */
function addressed(store: BlobStore): BlobStore {
  return new Proxy(store, {
    get: (target, property) => {
      if (property !== "locate") {
        const member: unknown = Reflect.get(target, property, target);
        return typeof member === "function" ? member.bind(target) : member;
      }
      return async (_: string, mostSeconds: number) => {
        if (!places.given) return null;
        given.push(mostSeconds);
        const seconds = Math.min(300, mostSeconds);
        return { url: new Secret(Buffer.from(capability)), seconds };
      };
    },
  });
}

const bytes = randomBytes(2_500_000);
let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve({}, { storeOver: addressed });
  cast = await stage(s.vault, { bytes });
});
afterAll(async () => {
  try {
    const { findings } = await verified(s);
    expect(findings).toEqual([]);
  } finally {
    await s.stop();
  }
});
beforeEach(() => {
  places.given = true;
  given.length = 0;
});

async function newReader(): Promise<Actor & { readonly grant: string }> {
  const reader = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  return { ...reader, grant: await grant(s.vault, cast.first, reader.principal) };
}

async function releaseTo(token: string, headers: Asked["headers"] = {}) {
  const { publicKey } = await newRecipientKeyPair();
  const recipientKey = publicKey.toString("base64url");
  const json = { repository: "lab/model", revision: "main", recipientKey };
  const answered = await ask(s, "POST /v1/releases", { token, json, headers });
  expect(answered.status).toBe(201);
  const [object] = answered.json["objects"] as { url: string; object: string }[];
  if (object === undefined) throw new Error("the release has no object");
  return { release: String(answered.json["release"]), ...object };
}

async function locate(token: string, url: string, asked: Asked = {}) {
  return await ask(s, `GET ${url}/location`, { ...asked, token });
}

test("an address is given for a delivered object, and stands in no log line and no ledger entry", async () => {
  const { token } = await newReader();
  const { url } = await releaseTo(token);
  const answered = await locate(token, url);
  expect(answered.status).toBe(200);
  expect(answered.headers["cache-control"]).toBe("no-store");
  const expiresAt = new Date(s.clock.at.getTime() + 300_000).toISOString();
  expect(answered.json).toEqual({ url: capability, isDirect: true, expiresAt });
  const told = JSON.stringify([s.lines, await entriesOf(s.vault.database)]);
  expect(told).not.toContain("do-not-tell");
});

test("an address does not outlive its release", async () => {
  const { token } = await newReader();
  const { url } = await releaseTo(token);
  s.clock.advance({ seconds: 14 * 60 });
  const { json } = await locate(token, url);
  expect(given).toEqual([60]);
  expect(json["expiresAt"]).toBe(new Date(s.clock.at.getTime() + 60_000).toISOString());
  s.clock.advance({ seconds: 61 });
  expectProblem(await locate(token, url), "release_stopped");
});

test("a store without addresses leaves the vault's own route, for as long as the release lasts", async () => {
  places.given = false;
  const { token } = await newReader();
  const { url } = await releaseTo(token);
  const { json } = await locate(token, url);
  const expiresAt = new Date(s.clock.at.getTime() + 15 * 60_000).toISOString();
  expect(json).toEqual({ url, isDirect: false, expiresAt });
});

test("nobody else, no other object and no other token of the same principal gets an address", async () => {
  const reader = await newReader();
  const { url } = await releaseTo(reader.token);
  expectProblem(await locate((await newReader()).token, url), "not_found");
  const elsewhere = url.replace(/objects\/.*/, "objects/00000000-0000-4000-8000-000000000000");
  expectProblem(await locate(reader.token, elsewhere), "not_found");
  const second = await issueToken(s.vault, cast.first.caller, {
    principal: reader.principal,
    roles: ["reader"],
    expiresAt: reader.caller.tokenExpiresAt,
  });
  expectProblem(await locate(second.text.expose().toString("utf8"), url), "release_stopped");
});

test("after a revocation no address is given for a release that was delivered before", async () => {
  const reader = await newReader();
  const { url } = await releaseTo(reader.token);
  expect((await locate(reader.token, url)).status).toBe(200);
  await changeStanding(s.vault, cast.first.caller, {
    noun: "grant",
    id: reader.grant,
    change: "revoked",
  });
  expectProblem(await locate(reader.token, url), "release_stopped");
});

test("an address is given only where the release was decided for", async () => {
  const { token } = await newReader();
  const { url } = await releaseTo(token);
  const headers = { "x-forwarded-for": "203.0.113.9" };
  expectProblem(await locate(token, url, { headers }), "release_stopped");
});

test("a listing carries what its revision's id is made of", async () => {
  const { token } = await newReader();
  const { json } = await ask(s, "GET /v1/repositories/lab/model/revisions/main", { token });
  const { revision, lineage, ...manifest } = json;
  expect(lineage).toBeNull();
  const digest = createHash("sha256")
    .update(canonicalJson(manifest as Canonical))
    .digest("hex");
  expect(digest.slice(0, 40)).toBe(revision);
});

test("sealed bytes come whole or in one range, and conditions hold for GET and HEAD alike", async () => {
  const { token } = await newReader();
  const { url, object } = await releaseTo(token);
  const get = async (headers: Record<string, string>, method = "GET") =>
    await ask(s, `${method} ${url}`, { token, headers });
  const whole = await get({});
  expect(whole).toMatchObject({ status: 200, headers: { "accept-ranges": "bytes" } });
  const total = whole.bytes.length;
  const slices = [
    ["bytes=0-73", 0, 74],
    ["bytes=1048650-2097225", 1_048_650, 2_097_226],
    [`bytes=${total - 5}-`, total - 5, total],
    ["bytes=-7", total - 7, total],
    [`bytes=2000000-${total + 99}`, 2_000_000, total],
  ] as const;
  for (const [range, start, end] of slices) {
    const { status, headers, bytes: part } = await get({ range, "if-range": `"${object}"` });
    expect([range, status, headers["content-range"]]).toEqual([
      range,
      206,
      `bytes ${start}-${end - 1}/${total}`,
    ]);
    expect(part.equals(whole.bytes.subarray(start, end))).toBe(true);
  }
  for (const headers of [
    { range: "bytes=0-73", "if-range": '"another"' },
    { range: "bytes=0-73", "if-range": `W/"${object}"` },
    { range: "bytes=0-1,5-6" },
    { range: "bytes=9-3" },
  ])
    expect((await get(headers)).status).toBe(200);
  const outside = await get({ range: `bytes=${total}-` });
  expectProblem(outside, "range_not_satisfiable");
  expect(outside.headers["content-range"]).toBe(`bytes */${total}`);
  for (const method of ["GET", "HEAD"]) {
    expect((await get({ "if-none-match": `"${object}"` }, method)).status).toBe(304);
    expect((await get({ "if-match": '"another"' }, method)).status).toBe(412);
  }
  const head = await get({ range: "bytes=0-73" }, "HEAD");
  expect([head.status, head.headers["content-length"], head.bytes.length]).toEqual([
    200,
    String(total),
    0,
  ]);
});
