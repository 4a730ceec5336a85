import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
import { failing } from "../../support/faults.ts";
import { until } from "../../support/until.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const weights = "/v1/repositories/lab/model/revisions/main/files/weights.safetensors";

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: randomBytes(1_000) });
});
afterAll(async () => {
  await s.stop();
});
beforeEach(() => {
  s.lines.length = 0;
  s.draining.now = false;
});

test("a request leaves one line, with its route and principal and without its path, query or token", async () => {
  const { token, principal } = cast.second;
  const path = `/v1/releases?principal=${principal.toUpperCase()}`;
  const answered = await ask(s, `GET ${path}`, { token });
  await until(() => s.lines.length > 0);
  expect(s.lines).toHaveLength(1);
  expect(s.lines[0]).toMatchObject({
    method: "GET",
    route: "/v1/releases",
    status: 200,
    request: answered.headers["x-request-id"],
    principal,
  });
  expect(typeof s.lines[0]?.["ms"]).toBe("number");
  const said = JSON.stringify(s.lines);
  expect(said).not.toContain(token);
  expect(said).not.toContain(principal.toUpperCase());
});

test("a body is in no line, whether it is taken or refused", async () => {
  const { token } = cast.first;
  const secret = "Nobody Knows-This";
  await ask(s, "POST /v1/persons", { token, json: { name: secret } });
  await ask(s, "POST /v1/persons", { token, json: { name: secret, more: secret } });
  await ask(s, "POST /v1/bootstrap", {
    json: { bootstrapToken: `wvb_${secret}`, person: { name: secret } },
  });
  await until(() => s.lines.length === 3);
  expect(s.lines.map(({ status }) => status)).toEqual([201, 400, 401]);
  expect(JSON.stringify(s.lines)).not.toContain(secret);
});

test("a release is named in its line", async () => {
  const { token } = cast.reader;
  const answered = await ask(s, `GET ${weights}`, { token });
  await until(() => s.lines.length > 0);
  expect(s.lines[0]).toMatchObject({
    status: 200,
    release: answered.headers["x-weightvault-release"],
  });
});

test("a bug leaves its cause in the line and not in the answer", async () => {
  s.store.arm({
    method: "create",
    nth: 1,
    when: "before",
    act: failing(new TypeError("secret detail of ours")),
  });
  const { token } = cast.job;
  const opened = await ask(s, "POST /v1/repositories/lab/model/uploads", { token });
  const path = `/v1/repositories/lab/model/uploads/${String(opened.json["upload"])}/files/a`;
  const answered = await ask(s, `PUT ${path}`, { token, body: "bytes" });
  expectProblem(answered, "internal");
  expect(JSON.stringify(answered.json)).not.toContain("secret detail");
  await until(() => s.lines.length === 2);
  expect(JSON.stringify(s.lines[1])).toContain("secret detail of ours");
});

test.each(["trace-1", "A.b_c-9"])("the client's request id %s is taken over", async (id) => {
  const answered = await ask(s, "GET /livez", { headers: { "x-request-id": id } });
  expect(answered.headers["x-request-id"]).toBe(id);
});

test.each(["a b", "x".repeat(129), 'a"b', "é"])("the request id %j is replaced", async (id) => {
  const answered = await ask(s, "GET /livez", { headers: { "x-request-id": id } });
  expect(answered.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("a server that drains says so, and closes its connections", async () => {
  s.draining.now = true;
  const answered = await ask(s, "GET /readyz");
  expect(answered).toMatchObject({
    status: 503,
    json: { status: "not-ready", checks: { store: "ok", server: "shutting_down" } },
    headers: { connection: "close", "retry-after": "5" },
  });
});

test("every answer tells browsers and caches to keep their hands off", async () => {
  for (const target of ["GET /livez", "GET /v1/me", "GET /nothing"]) {
    const { headers } = await ask(s, target);
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
    expect(headers["x-powered-by"]).toBeUndefined();
  }
});
