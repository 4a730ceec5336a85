import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { routes } from "../../../src/http/routes.ts";
import { type Role, roles } from "../../../src/identity/token.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { revokeToken } from "../../../src/vault/token.ts";
import { type Actor, addPerson, type Cast, stage, usPerson } from "../../support/actors.ts";
import { entriesOf } from "../../support/ledger.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const guarded = routes.filter((route) => route.roles !== "public");
const named = guarded.map(
  (route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const,
);

let s: Serving;
let cast: Cast;
let suspended: Actor;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault);
  suspended = await addPerson(s.vault, cast.first, usPerson, roles);
  await changeStanding(s.vault, cast.first.caller, {
    noun: "person",
    id: suspended.person,
    change: "suspended",
  });
});
afterAll(async () => {
  await s.stop();
});

/** An address of the route with an identifier of nothing in every place. */
function addressOf(template: string): string {
  return template
    .replace("{revision}", "main")
    .replace("{namespace}", "lab")
    .replace("{name}", "model")
    .replaceAll(/\{(path|tile)\.\.\.\}/g, "a")
    .replaceAll(/\{\w+\}/g, "00000000-0000-4000-8000-000000000000");
}

test.each(named)("%s asks for a token", async (_, { method, path }) => {
  const target = `${method.toUpperCase()} ${addressOf(path)}`;
  const answered = await ask(s, target);
  expect(answered.status).toBe(401);
  expect(answered.headers["www-authenticate"]).toBe('Bearer realm="weightvault"');
  if (method !== "head") expectProblem(answered, "not_authenticated");
});

test.each(named.filter(([, route]) => typeof route.roles !== "string"))(
  "%s refuses a token with every other role",
  async (_, { method, path, roles: admitted }) => {
    const others = roles.filter((role) => !(admitted as readonly Role[]).includes(role));
    const { token } = await addPerson(s.vault, cast.first, usPerson, others);
    const answered = await ask(s, `${method.toUpperCase()} ${addressOf(path)}`, { token });
    expect(answered.status).toBe(403);
    if (method === "head") return;
    expectProblem(answered, "role_missing");
    expect(answered.json["roles"]).toEqual(admitted);
  },
);

test.each(named.filter(([, route]) => route.admitsSuspended !== true))(
  "%s refuses a suspended principal with every role",
  async (_, { method, path }) => {
    const { token } = suspended;
    const answered = await ask(s, `${method.toUpperCase()} ${addressOf(path)}`, { token });
    expect(answered.status).toBe(403);
    if (method !== "head") expectProblem(answered, "principal_suspended");
  },
);

test("a suspended principal's fetch is refused by the decision, which is on record", async () => {
  const address = "/v1/repositories/lab/model/revisions/main/files/weights.safetensors";
  const answered = await ask(s, `GET ${address}`, { token: suspended.token });
  expectProblem(answered, "release_denied");
  const entries = await entriesOf(s.vault.database);
  const denied = entries.filter(({ kind }) => kind === "release.denied");
  expect(denied.map(({ body }) => body["release"])).toContain(answered.json["release"]);
});

test.each([
  ["no scheme", "wv_abc"],
  ["another scheme", "Basic d3ZfYWJj"],
  ["an unknown token", `Bearer wv_${"A".repeat(43)}`],
  ["a token of another form", "Bearer abc"],
  ["two tokens", "Bearer a b"],
  ["an empty token", "Bearer "],
])("%s is not authenticated", async (_, authorization) => {
  const answered = await ask(s, "GET /v1/me", { headers: { authorization } });
  expectProblem(answered, "not_authenticated");
  expect(answered.headers["www-authenticate"]).toBe(
    'Bearer realm="weightvault", error="invalid_token"',
  );
});

test("a revoked token is not authenticated, and its holder may revoke it", async () => {
  const { token, caller } = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  const mine = await ask(s, "GET /v1/me", { token });
  expect(mine.json).toMatchObject({ token: caller.token, roles: ["reader"], workload: null });
  expect((await ask(s, `DELETE /v1/tokens/${caller.token}`, { token })).status).toBe(204);
  expectProblem(await ask(s, "GET /v1/me", { token }), "not_authenticated");
});

test("nobody revokes another's token without being an operator", async () => {
  const { caller } = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  const { token } = cast.reader;
  expectProblem(await ask(s, `DELETE /v1/tokens/${caller.token}`, { token }), "not_found");
  await revokeToken(s.vault, cast.first.caller, caller.token);
});

test("the caller is known before a byte of the body is read", async () => {
  const body = "this is not JSON";
  const headers = { "content-type": "application/json" };
  expectProblem(await ask(s, "POST /v1/persons", { body, headers }), "not_authenticated");
  const { token } = cast.reader;
  expectProblem(await ask(s, "POST /v1/persons", { body, headers, token }), "role_missing");
});

test("an expired token is told so", async () => {
  const { token } = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  s.clock.advance({ days: 91 });
  try {
    expectProblem(await ask(s, "GET /v1/me", { token }), "token_expired");
  } finally {
    s.clock.advance({ days: -91 });
  }
});
