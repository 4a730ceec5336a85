import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { Refusal } from "../../../src/errors.ts";
import { objectKey } from "../../../src/vault/object.ts";
import {
  addPerson,
  addWorkload,
  type Cast,
  foreignPerson,
  grant,
  sha256,
  stage,
  uploadRevision,
  usPerson,
} from "../../support/actors.ts";
import { failing } from "../../support/faults.ts";
import { entriesOf, verified } from "../../support/ledger.ts";
import { until } from "../../support/until.ts";
import { type Asked, ask, dial, expectProblem, type Serving, serve } from "./serving.ts";

const files = "/v1/repositories/lab/model/revisions/main/files";
const weights = `${files}/weights.safetensors`;
const bytes = randomBytes(5_000_000);
const intact = randomBytes(6_000_000);

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve({ releaseWaitMs: 2_000 });
  cast = await stage(s.vault, { bytes });
  cast = {
    ...cast,
    revision: await uploadRevision(
      s.vault,
      cast.job,
      {
        "weights.safetensors": bytes,
        "empty.bin": Buffer.alloc(0),
        "folder/spaced name é.bin": Buffer.from("named"),
        "damaged.bin": intact,
        "large.bin": randomBytes(40_000_000),
      },
      cast.revision,
    ),
  };
});
afterAll(async () => {
  try {
    // Releases of single ranges stay open until their time is over, which the verifier notes.
    const { findings } = await verified(s);
    expect(findings.filter(({ code }) => code !== "release_open")).toEqual([]);
  } finally {
    await s.stop();
  }
});
beforeEach(() => {
  s.store.disarm();
  s.lines.length = 0;
});

async function newReader() {
  const reader = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  await grant(s.vault, cast.first, reader.principal);
  return reader;
}

async function get(token: string, path = weights, asked: Asked = {}) {
  return await ask(s, `GET ${path}`, { ...asked, token });
}

async function entriesAbout(release: unknown) {
  const entries = await entriesOf(s.vault.database);
  return entries.filter(({ body }) => body["release"] === release).map(({ kind }) => kind);
}

async function releasesOf(principal: string) {
  return await s.vault.database.db
    .selectFrom("release")
    .selectAll()
    .where("principal", "=", principal)
    .execute();
}

test("a granted reader gets the bytes, under a release that ends as delivered", async () => {
  const { token } = await newReader();
  const answered = await get(token);
  expect(answered.status).toBe(200);
  expect(sha256(answered.bytes)).toBe(sha256(bytes));
  expect(answered.headers).toMatchObject({
    "accept-ranges": "bytes",
    "cache-control": "no-store",
    "content-length": String(bytes.length),
    "content-type": "application/octet-stream",
    etag: `"${sha256(bytes)}"`,
    "x-content-sha256": sha256(bytes),
    "x-content-type-options": "nosniff",
    "x-weightvault-revision": cast.revision,
  });
  const release = answered.headers["x-weightvault-release"];
  expect(await entriesAbout(release)).toEqual(["release.allowed", "release.delivered"]);
});

test("an empty file is answered, and its release ends as delivered", async () => {
  const { token } = await newReader();
  const answered = await get(token, `${files}/empty.bin`);
  expect(answered).toMatchObject({ status: 200, headers: { "content-length": "0" } });
  expect(answered.bytes).toHaveLength(0);
  const release = answered.headers["x-weightvault-release"];
  expect(await entriesAbout(release)).toEqual(["release.allowed", "release.delivered"]);
});

test("a path with spaces and letters beyond ASCII is the path that was committed", async () => {
  const { token } = await newReader();
  const answered = await get(token, `${files}/folder/spaced%20name%20%C3%A9.bin`);
  expect(answered.bytes.toString()).toBe("named");
});

test.each([
  ["bytes=0-0", 0, 1],
  ["bytes=1048543-1048545", 1_048_543, 1_048_546],
  ["bytes=-3", bytes.length - 3, bytes.length],
  ["bytes=4999999-", bytes.length - 1, bytes.length],
  ["bytes=2000000-99999999999", 2_000_000, bytes.length],
])("the range %s is answered with just its bytes", async (range, start, end) => {
  const answered = await get(cast.reader.token, weights, { headers: { range } });
  expect(answered.status).toBe(206);
  expect(answered.headers["content-range"]).toBe(`bytes ${start}-${end - 1}/${bytes.length}`);
  expect(answered.headers["content-length"]).toBe(String(end - start));
  expect(answered.bytes.equals(bytes.subarray(start, end))).toBe(true);
});

test("several ranges at once are answered with the whole", async () => {
  const answered = await get(cast.reader.token, weights, { headers: { range: "bytes=0-1,4-5" } });
  expect(answered.status).toBe(200);
  expect(answered.bytes).toHaveLength(bytes.length);
});

test("the ranges of one download are one release", async () => {
  const { token, principal } = await newReader();
  for (const range of ["bytes=0-2499999", "bytes=2500000-4999998", "bytes=4999999-"])
    expect((await get(token, weights, { headers: { range } })).status).toBe(206);
  const [release, ...more] = await releasesOf(principal);
  expect(more).toEqual([]);
  expect(release).toMatchObject({ state: "delivered", bytes_delivered: BigInt(bytes.length) });
});

test("what needs no byte of the file makes no release", async () => {
  const { token, principal } = await newReader();
  const etag = `"${sha256(bytes)}"`;
  const before = s.store.calls.length;
  const outside = await get(token, weights, { headers: { range: "bytes=5000000-" } });
  expectProblem(outside, "range_not_satisfiable");
  expect(outside.headers["content-range"]).toBe("bytes */5000000");
  const empty = await get(token, `${files}/empty.bin`, { headers: { range: "bytes=0-" } });
  expectProblem(empty, "range_not_satisfiable");
  const known = await get(token, weights, { headers: { "if-none-match": etag } });
  expect([known.status, known.bytes.length, known.headers.etag]).toEqual([304, 0, etag]);
  const other = await get(token, weights, { headers: { "if-match": '"other"' } });
  expectProblem(other, "precondition_failed");
  expectProblem(await get(token, `${files}/missing.bin`), "not_found");
  expect(await releasesOf(principal)).toEqual([]);
  expect(s.store.calls.length).toBe(before);
});

test("HEAD tells size and digest, and makes no release nor reads the object", async () => {
  const { token, principal } = await newReader();
  const before = s.store.calls.length;
  const answered = await ask(s, `HEAD ${weights}`, { token });
  expect(answered.status).toBe(200);
  expect(answered.headers).toMatchObject({
    "accept-ranges": "bytes",
    "content-length": String(bytes.length),
    etag: `"${sha256(bytes)}"`,
    "x-content-sha256": sha256(bytes),
  });
  expect(answered.headers["x-weightvault-release"]).toBeUndefined();
  const ranged = await ask(s, `HEAD ${weights}`, { token, headers: { range: "bytes=0-1" } });
  expect([ranged.status, ranged.headers["content-length"]]).toEqual([200, "5000000"]);
  expect(await releasesOf(principal)).toEqual([]);
  expect(s.store.calls.length).toBe(before);
});

test("a stale If-Range gives the whole, a present one the range", async () => {
  const { token } = cast.reader;
  const range = "bytes=0-9";
  const present = { range, "if-range": `"${sha256(bytes)}"` };
  expect((await get(token, weights, { headers: present })).status).toBe(206);
  const stale = { range, "if-range": '"other"' };
  expect((await get(token, weights, { headers: stale })).status).toBe(200);
});

test("a denial leaves an entry, names every check, and not a byte", async () => {
  const { token } = cast.visitor;
  const answered = await get(token);
  expectProblem(answered, "release_denied");
  const decision = answered.json["decision"] as {
    verdict: string;
    checks: { check: string; outcome: string; citation: string; reason: string | null }[];
  };
  expect(decision.verdict).toBe("deny");
  const failed = decision.checks.filter(({ outcome }) => outcome === "fail");
  expect(failed.length).toBeGreaterThan(0);
  for (const { citation, reason } of failed) expect([citation, reason]).not.toContain(null);
  expect(await entriesAbout(answered.json["release"])).toEqual(["release.denied"]);
});

test("somebody without a grant is denied on record, whatever the preconditions, and learns no digest", async () => {
  const { token } = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  const guess = { "if-none-match": `"${sha256(bytes)}"`, range: "bytes=9999999-" };
  const answered = await get(token, weights, { headers: guess });
  expectProblem(answered, "release_denied");
  expect(answered.headers.etag).toBeUndefined();
  expect((await ask(s, `HEAD ${weights}`, { token })).status).toBe(404);
  expect(await entriesAbout(answered.json["release"])).toEqual(["release.denied"]);
});

test("a workload is told the checks and nothing of the person who answers for it", async () => {
  const person = await addPerson(s.vault, cast.first, foreignPerson("IN"), ["reader"]);
  const job = await addWorkload(s.vault, cast.first, person.person, ["reader"]);
  await grant(s.vault, cast.first, job.principal);
  const answered = await get(job.token);
  expectProblem(answered, "release_denied");
  const { checks } = answered.json["decision"] as {
    checks: { outcome: string; reason: string | null; remedy: string | null }[];
  };
  for (const { outcome, reason, remedy } of checks) {
    expect(reason).toBeNull();
    const isOpen = outcome === "fail" || outcome === "unknown";
    expect(remedy).toBe(
      isOpen
        ? "Whoever may read personal facts can read the reasons in this release's evidence."
        : null,
    );
  }
  const evidence = await ask(s, `GET /v1/releases/${String(answered.json["release"])}/evidence`, {
    token: cast.first.token,
  });
  expect(JSON.stringify(evidence.json["facts"])).toContain('"IN"');
});

test("a request that a trusted proxy passed on from elsewhere is decided for that place", async () => {
  const { token } = await newReader();
  const abroad = await get(token, weights, { headers: { "x-forwarded-for": "203.0.113.7" } });
  expectProblem(abroad, "release_denied");
  const unknown = await get(token, weights, { headers: { "x-forwarded-for": "192.0.2.1" } });
  expectProblem(unknown, "release_held");
  const forged = await get(token, weights, { headers: { "x-forwarded-for": "127.0.0.9, x" } });
  expectProblem(forged, "release_held");
});

test("a store that fails at the first segment is a proper refusal, and the release ends as failed", async () => {
  const { token } = await newReader();
  s.store.arm({
    method: "read",
    nth: 1,
    when: "before",
    act: failing(new Refusal("store_unavailable", "the store is away")),
  });
  const answered = await get(token);
  expectProblem(answered, "store_unavailable");
  expect(answered.headers["retry-after"]).toBe("5");
  expect(answered.headers.etag).toBeUndefined();
  const release = answered.headers["x-weightvault-release"];
  expect(await entriesAbout(release)).toEqual(["release.allowed", "release.failed"]);
});

test("a damaged segment after the first cuts the connection, and no byte of it leaves", async () => {
  const { token, principal } = await newReader();
  await damage("damaged.bin", 74 + 4 * 2 ** 20 + 500);
  // So that nothing but the failure closes the connection.
  s.server.keepAliveTimeout = 0;
  const socket = await dial(s);
  const received: Buffer[] = [];
  socket.on("data", (piece) => received.push(piece));
  socket.on("error", () => {});
  socket.write(
    `GET ${files}/damaged.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await once(socket, "close");
  const answer = Buffer.concat(received);
  const body = answer.subarray(answer.indexOf("\r\n\r\n") + 4);
  expect(answer.toString("latin1")).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(body.length).toBeLessThanOrEqual(4 * 1_048_544);
  expect(body.equals(intact.subarray(0, body.length))).toBe(true);
  await until(async () => (await releasesOf(principal))[0]?.state === "failed");
  await until(() => s.lines.some(({ code }) => code === "object_corrupt"));
});

async function damage(path: string, offset: number): Promise<void> {
  const file = await s.vault.database.db
    .selectFrom("revision_file")
    .select("object")
    .where("path", "=", path)
    .executeTakeFirstOrThrow();
  const key = objectKey(file.object);
  const pieces: Buffer[] = [];
  for await (const piece of s.vault.store.read(key)) pieces.push(Buffer.from(piece));
  const sealed = Buffer.concat(pieces);
  sealed.writeUInt8(sealed.readUInt8(offset) ^ 1, offset);
  await rm(`${s.folder}/store/blobs/${key}`);
  await writeFile(`${s.folder}/store/blobs/${key}`, sealed);
}

test("a client that goes away ends its release as failed, and reading stops", async () => {
  const { token, principal } = await newReader();
  const socket = await dial(s);
  socket.on("error", () => {});
  socket.write(
    `GET ${files}/large.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await once(socket, "readable");
  socket.read();
  await until(async () => (await releasesOf(principal))[0]?.state === "opening");
  socket.destroy();
  await until(async () => (await releasesOf(principal))[0]?.state === "failed");
  const [release] = await releasesOf(principal);
  expect(Number(release?.bytes_delivered)).toBeLessThan(40_000_000);
  expect(await entriesAbout(release?.id)).toEqual(["release.allowed", "release.failed"]);
});

test("a client that does not read is not sent more than the sockets hold", async () => {
  const { token, principal } = await newReader();
  const socket = await dial(s);
  socket.pause();
  socket.on("error", () => {});
  socket.write(
    `GET ${files}/large.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await until(async () => (await releasesOf(principal))[0]?.state === "opening");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const [release] = await releasesOf(principal);
  expect(release).toMatchObject({ state: "opening", streams: 1 });
  socket.destroy();
  await until(async () => (await releasesOf(principal))[0]?.state === "failed");
  const [ended] = await releasesOf(principal);
  expect(Number(ended?.bytes_delivered)).toBeLessThan(30_000_000);
});

test("a spent byte budget is told before a byte leaves", async () => {
  const reader = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  await grant(s.vault, cast.first, reader.principal, 10n);
  expectProblem(await get(reader.token), "byte_budget_spent");
  const within = await get(reader.token, weights, { headers: { range: "bytes=0-9" } });
  expect(within.status).toBe(206);
});
