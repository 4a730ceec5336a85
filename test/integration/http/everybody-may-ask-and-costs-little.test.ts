import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { initialize } from "../../../src/vault/bootstrap.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

let s: Serving;

beforeAll(async () => {
  s = await serve();
});
afterAll(async () => {
  await s.stop();
});

test("a hundred questions whether the server is ready write to the store once a second", async () => {
  const before = s.store.calls.length;
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => await ask(s, "GET /readyz")),
  );
  for (const { status, json } of answers)
    expect({ status, json }).toEqual({
      status: 200,
      json: { status: "ready", checks: { store: "ok" } },
    });
  const made = s.store.calls.slice(before);
  expect(new Set(made)).toEqual(new Set(["check"]));
  expect(made.length).toBeLessThanOrEqual(2);
});

test("who offers no open bootstrap token does not make the custodian work", async () => {
  using token = await initialize(s.vault);
  if (token === null) throw new Error("the vault was bootstrapped before");
  const before = s.custodian.calls.length;
  const offer = async (bootstrapToken: string) =>
    await ask(s, "POST /v1/bootstrap", {
      json: { bootstrapToken, person: { name: "Olive First" } },
    });
  const open = token.expose().toString("ascii");
  for (const wrong of ["x", `${open}x`, open.toLowerCase(), `wvb_${"A".repeat(43)}`])
    expectProblem(await offer(wrong), "not_authenticated");
  expect(s.custodian.calls.slice(before)).toEqual([]);
  expect((await offer(open)).status).toBe(201);
  const traded = s.custodian.calls.length;
  expect(traded).toBeGreaterThan(before);
  expectProblem(await offer(open), "not_authenticated");
  expect(s.custodian.calls.length).toBe(traded);
});
