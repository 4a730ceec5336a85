import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import type { Refusal } from "../../../src/errors.ts";
import { declaredSha256 } from "../../../src/http/digest.ts";

const digest = createHash("sha256").update("weights").digest();
const hex = digest.toString("hex");
const base64 = digest.toString("base64");
const other = createHash("sha256").update("others").digest("base64");

test.each([
  [{}, null],
  [{ "x-content-sha256": hex }, hex],
  [{ "x-content-sha256": hex.toUpperCase() }, hex],
  [{ "content-digest": `sha-256=:${base64}:` }, hex],
  [{ "repr-digest": `sha-256=:${base64}:` }, hex],
  [{ "content-digest": `sha-512=:AAAA:, sha-256=:${base64}:` }, hex],
  [{ "content-digest": `sha-256=:${base64}:,md5=:AAAA:` }, hex],
  [{ "content-digest": "sha-512=:AAAA:" }, null],
  [{ "x-content-sha256": hex, "repr-digest": `sha-256=:${base64}:` }, hex],
] as const)("%j declares %s", (headers, declared) => {
  expect(declaredSha256({ ...headers })).toBe(declared);
});

test.each([
  { "x-content-sha256": "abc" },
  { "x-content-sha256": `${hex}00` },
  { "content-digest": "sha-256=AAAA" },
  { "content-digest": "sha-256=:AAAA:" },
  { "repr-digest": `sha-256=:${base64}` },
  { "x-content-sha256": hex, "content-digest": `sha-256=:${other}:` },
  { "repr-digest": `sha-256=:${base64}:`, "content-digest": `sha-256=:${other}:` },
])("%j is refused", (headers) => {
  let code = "none";
  try {
    declaredSha256(headers);
  } catch (error) {
    code = (error as Refusal).code;
  }
  expect(code).toBe("invalid_request");
});
