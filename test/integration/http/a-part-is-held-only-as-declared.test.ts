import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RefusalCode } from "../../../src/errors.ts";
import { type Cast, sha256, stage } from "../../support/actors.ts";
import { type Asked, ask, expectProblem, type Serving, serve } from "./serving.ts";

const repository = "/v1/repositories/lab/model";
const bytes = randomBytes(50_000);
const digest = (of: Buffer) => ({
  "content-digest": `sha-256=:${Buffer.from(sha256(of), "hex").toString("base64")}:`,
});

let s: Serving;
let cast: Cast;
let upload: string;
let object: string;
const at = () => `${repository}/uploads/${upload}/objects`;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: randomBytes(5_000) });
  const { token } = cast.job;
  upload = String((await ask(s, `POST ${repository}/uploads`, { token })).json["upload"]);
  const json = { path: "a/b.bin", size: bytes.length, sha256: sha256(bytes) };
  const begun = await ask(s, `POST ${at()}`, { token, json });
  expect(begun.status).toBe(201);
  object = String(begun.json["object"]);
  expect((await ask(s, `POST ${at()}`, { token, json })).status).toBe(200);
});
afterAll(async () => {
  await s.stop();
});

const put = async (part: string, asked: Asked) =>
  await ask(s, `PUT ${at()}/${object}/parts/${part}`, { token: cast.job.token, ...asked });
const held = async () =>
  (await ask(s, `GET ${at()}/${object}`, { token: cast.job.token })).json["held"];

test.each<[string, string, Asked, RefusalCode]>([
  ["comes without its SHA-256", "1", { body: bytes }, "digest_required"],
  [
    "has a malformed digest",
    "1",
    { body: bytes, headers: { "content-digest": "sha-256=:AA==:" } },
    "invalid_request",
  ],
  ["has another digest", "1", { body: bytes, headers: digest(randomBytes(3)) }, "digest_mismatch"],
  [
    "is too small",
    "1",
    { body: bytes.subarray(1), headers: digest(bytes.subarray(1)) },
    "size_mismatch",
  ],
  [
    "is too big",
    "1",
    { body: Buffer.concat([bytes, bytes]), headers: digest(Buffer.concat([bytes, bytes])) },
    "size_mismatch",
  ],
  ["is number 0", "0", { body: bytes, headers: digest(bytes) }, "part_out_of_range"],
  ["is behind the last", "2", { body: bytes, headers: digest(bytes) }, "part_out_of_range"],
  ["has no number", "one", { body: bytes, headers: digest(bytes) }, "not_found"],
  [
    "names a range",
    "1",
    { body: bytes, headers: { ...digest(bytes), "content-range": "bytes 0-49999/50000" } },
    "invalid_request",
  ],
])("a part that %s is refused, and is not held", async (_, part, asked, code) => {
  expectProblem(await put(part, asked), code);
  expect(await held()).toEqual([]);
});

test("a file that is completed before its parts came is told which, and is the same file for whoever completes it again", async () => {
  const { token } = cast.job;
  const complete = async () => await ask(s, `POST ${at()}/${object}/complete`, { token });
  const early = await complete();
  expectProblem(early, "parts_missing");
  expect(early.json["parts"]).toEqual([1]);
  const part = { part: 1, size: bytes.length, sha256: sha256(bytes) };
  expect((await put("1", { body: bytes, headers: digest(bytes) })).json).toEqual(part);
  expect(await held()).toEqual([part]);
  const file = { path: "a/b.bin", size: bytes.length, sha256: sha256(bytes), object };
  const listed = await ask(s, `GET ${repository}/uploads`, { token });
  expect(listed.json["uploads"]).toMatchObject([
    { upload, files: [], objects: [{ ...file, parts: 1, held: 1 }] },
  ]);
  for (let time = 0; time < 2; time += 1) {
    const completed = await complete();
    expect([completed.status, completed.json]).toEqual([201, file]);
  }
  expectProblem(await ask(s, `DELETE ${at()}/${object}`, { token }), "upload_closed");
});

test("a file that was given up, another's and one that never was are told apart from nothing", async () => {
  const { token } = cast.job;
  const json = { path: "c.bin", size: 3, sha256: sha256(Buffer.from("abc")) };
  const begun = String((await ask(s, `POST ${at()}`, { token, json })).json["object"]);
  expect((await ask(s, `DELETE ${at()}/${begun}`, { token })).status).toBe(204);
  expectProblem(await ask(s, `GET ${at()}/${begun}`, { token }), "upload_closed");
  expectProblem(await ask(s, `GET ${at()}/${randomUUID()}`, { token }), "not_found");
  const elsewhere = `/v1/repositories/lab/other/uploads/${upload}/objects/${object}`;
  expectProblem(await ask(s, `GET ${elsewhere}`, { token }), "not_found");
});
