import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { stage } from "../../support/actors.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

let s: Serving;
let token: string;

beforeAll(async () => {
  s = await serve();
  ({ token } = (await stage(s.vault, { bytes: Buffer.from("weights") })).reader);
});
afterAll(async () => {
  await s.stop();
});

test.each<[string, string]>([
  ["half a million wrong elements", `{"paths":[${"1,".repeat(500_000)}1]}`],
  ["as many wrong elements as are parsed", `{"paths":[${"1,".repeat(9_000)}1]}`],
  [
    "a hundred thousand unknown members",
    `{${Array.from({ length: 80_000 }, (_, at) => `"${at}":1`).join(",")}}`,
  ],
  [
    "as many unknown members as are parsed",
    `{${Array.from({ length: 1_000 }, (_, at) => `"${at}":1`).join(",")}}`,
  ],
  ["one very long unknown member", `{"${"x".repeat(1_000_000)}":1}`],
  ["half a million levels", "[".repeat(1_000_000)],
])("%s are refused in little time and few bytes", async (_, body) => {
  const before = performance.now();
  const answered = await ask(s, "POST /v1/releases", {
    token,
    body,
    headers: { "content-type": "application/json" },
  });
  expectProblem(answered, "invalid_request");
  expect(answered.bytes.length).toBeLessThan(40_000);
  expect(performance.now() - before).toBeLessThan(1_000);
});
