import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ask, type Serving, serve } from "./serving.ts";

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
