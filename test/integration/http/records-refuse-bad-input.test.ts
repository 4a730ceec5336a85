import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
import { entriesOf } from "../../support/ledger.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await s.stop();
});

const nothing = "00000000-0000-4000-8000-000000000000";
const hold = { kind: "legal", scope: "everything", reference: "M", reason: "r" };

test.each([
  ["/v1/records/search", {}, "invalid_request"],
  ["/v1/records/search", { party: "a", country: "US" }, "invalid_request"],
  ["/v1/records/search", { party: "" }, "invalid_request"],
  ["/v1/records/search", { party: "..." }, "invalid_request"],
  ["/v1/records/search", { party: "\ud800" }, "invalid_request"],
  ["/v1/records/search", { party: 7 }, "invalid_request"],
  ["/v1/records/search", { country: "usa" }, "invalid_request"],
  ["/v1/records/search", { country: "XX" }, "invalid_request"],
  ["/v1/records/search", { document: "  " }, "invalid_request"],
  ["/v1/records/search", { document: "%_'; drop table person", after: "-1" }, "invalid_request"],
  ["/v1/records/search", { document: "a", after: "9".repeat(30) }, "invalid_request"],
  ["/v1/records/search", { document: "a", repository: "lab/model" }, "invalid_request"],
  ["/v1/records/exports", {}, "invalid_request"],
  ["/v1/records/exports", { repository: "lab" }, "invalid_request"],
  ["/v1/records/exports", { repository: "lab/none" }, "not_found"],
  ["/v1/records/exports", { from: "yesterday" }, "invalid_request"],
  ["/v1/records/exports", { repository: "lab/model", party: "a" }, "invalid_request"],
  ["/v1/holds", { ...hold, scope: "moon" }, "invalid_request"],
  ["/v1/holds", { ...hold, target: nothing }, "invalid_request"],
  ["/v1/holds", { ...hold, scope: "person" }, "invalid_request"],
  ["/v1/holds", { ...hold, scope: "person", target: nothing }, "not_found"],
  ["/v1/holds", { ...hold, scope: "license", target: nothing }, "not_found"],
  ["/v1/holds", { ...hold, reason: "" }, "invalid_request"],
  [`/v1/holds/${nothing}/lift`, { reason: "r" }, "not_found"],
  [`/v1/holds/${nothing}/lift`, {}, "invalid_request"],
  [`/v1/persons/${nothing}/erasures`, undefined, "not_found"],
  [`/v1/persons/${nothing}/erasures/${nothing}/approve`, undefined, "not_found"],
  [
    `/v1/releases/${nothing}/movements`,
    { what: "diversion", on: "2026-11-01", description: "d" },
    "not_found",
  ],
  [
    `/v1/releases/${nothing}/movements`,
    { what: "diversion", on: "2026-11-24", description: "d" },
    "invalid_request",
  ],
  [
    `/v1/releases/${nothing}/movements`,
    { what: "sale", on: "2026-11-01", description: "d" },
    "invalid_request",
  ],
] as const)("POST %s with %j is %s and records nothing", async (path, json, code) => {
  const before = (await entriesOf(s.vault.database)).length;
  const { token } = cast.first;
  const answered = await ask(s, `POST ${path}`, json === undefined ? { token } : { token, json });
  expectProblem(answered, code);
  expect((await entriesOf(s.vault.database)).length).toBe(before);
});

test("a document's number is text, whatever is in it", async () => {
  const { token } = cast.first;
  for (const document of ["%", "'; drop table person; --", "\\", "🦉"]) {
    const answered = await ask(s, "POST /v1/records/search", { token, json: { document } });
    expect([document, answered.status, answered.json["records"]]).toEqual([document, 200, []]);
  }
});

test("the log has neither the name nor the number that was sought", async () => {
  const { token } = cast.first;
  s.lines.length = 0;
  await ask(s, "POST /v1/records/search", { token, json: { party: "Zebedee Quillfeather" } });
  expect(s.lines.length).toBeGreaterThan(0);
  expect(JSON.stringify(s.lines)).not.toMatch(/quillfeather/i);
});
