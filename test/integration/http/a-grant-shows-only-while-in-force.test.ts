import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { makeGrant } from "../../../src/vault/grant.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { secondsAfter } from "../../../src/vault/vault.ts";
import {
  type Actor,
  addPerson,
  type Cast,
  model,
  sha256,
  stage,
  usPerson,
} from "../../support/actors.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const repository = "/v1/repositories/lab/model";
const file = `${repository}/revisions/main/files/weights.safetensors`;
const bytes = Buffer.from("weights");

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes });
});
afterAll(async () => {
  await s.stop();
});

/** A reader with a grant from and until so many seconds from now. */
async function granted(from: number, until: number): Promise<Actor & { readonly grant: string }> {
  const reader = await addPerson(s.vault, cast.first, usPerson, ["reader"]);
  const now = s.vault.now();
  const made = await makeGrant(s.vault, cast.first.caller, {
    ...model,
    principal: reader.principal,
    purpose: "evaluation",
    validFrom: secondsAfter(now, from),
    validUntil: secondsAfter(now, until),
    bytesAllowed: null,
  });
  return { ...reader, ...made };
}

async function expectShown({ token }: Actor): Promise<void> {
  for (const path of ["", "/revisions", "/revisions/main"])
    expect((await ask(s, `GET ${repository}${path}`, { token })).status).toBe(200);
  const head = await ask(s, `HEAD ${file}`, { token });
  expect(head.headers["x-content-sha256"]).toBe(sha256(bytes));
  const listed = await ask(s, "GET /v1/repositories", { token });
  expect(listed.json["repositories"]).toHaveLength(1);
}

async function expectHidden({ token }: Actor): Promise<void> {
  for (const path of ["", "/revisions", "/revisions/main", `/revisions/${cast.revision}`])
    expectProblem(await ask(s, `GET ${repository}${path}`, { token }), "not_found");
  const head = await ask(s, `HEAD ${file}`, { token });
  expect(head.status).toBe(404);
  expect(head.headers).not.toHaveProperty("x-content-sha256");
  const unchanged = await ask(s, `GET ${file}`, {
    token,
    headers: { "if-none-match": `"${sha256(bytes)}"` },
  });
  expectProblem(unchanged, "release_denied");
  const listed = await ask(s, "GET /v1/repositories", { token });
  expect(listed.json["repositories"]).toEqual([]);
}

test.each(["suspended", "revoked"] as const)(
  "a grant that was %s shows nothing of the repository",
  async (change) => {
    const reader = await granted(0, 60);
    await expectShown(reader);
    await changeStanding(s.vault, cast.first.caller, { noun: "grant", id: reader.grant, change });
    await expectHidden(reader);
  },
);

test("a grant that has not begun shows nothing, and everything from its first instant on", async () => {
  const reader = await granted(10, 60);
  await expectHidden(reader);
  s.clock.advance({ seconds: 10 });
  await expectShown(reader);
});

test("a grant shows nothing from its last instant on, unless another is in force", async () => {
  const reader = await granted(0, 60);
  s.clock.advance({ seconds: 59 });
  await expectShown(reader);
  s.clock.advance({ seconds: 1 });
  await expectHidden(reader);
  const now = s.vault.now();
  await makeGrant(s.vault, cast.first.caller, {
    ...model,
    principal: reader.principal,
    purpose: "evaluation",
    validFrom: now,
    validUntil: secondsAfter(now, 60),
    bytesAllowed: null,
  });
  await expectShown(reader);
});
