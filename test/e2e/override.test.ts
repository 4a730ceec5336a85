import { mkdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { temporaryFolder } from "./command.ts";
import { type Json, peopleOf } from "./people.ts";

let server: TestServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  [server, folder] = await Promise.all([
    startTestServer({ env: { WEIGHTVAULT_REDECIDE_SECONDS: "1" } }),
    temporaryFolder(),
  ]);
});
afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

const { at, as, done, begin, add } = peopleOf(() => ({ server, folder }));

const download = (to: string) => ["download", "lab/model", "--output", at(to)];

async function risks(): Promise<readonly Json[]> {
  return (await done("second", "risk"))["risk"] as readonly Json[];
}

test("an override lets a grant pass, its withdrawal suspends the grant, and the officers see why", async () => {
  await begin();
  await add("second", ["export-officer"]);
  await add("uploader", ["uploader"]);
  const india = ["--not-us-person", "--citizenship", "IN:1990-01-01"];
  const facts = [...india, "--employer-headquarters", "IN"];
  const { principal: visitor } = await add("visitor", ["reader"], facts);
  await done("uploader", "repository", "create", "lab/model");
  await mkdir(at("checkpoint"));
  await writeFile(at("checkpoint/weights.bin"), "weights");
  await done("uploader", "upload", "lab/model", at("checkpoint"));
  const propose = ["classify", "propose", "lab/model", "--eccn", "4E091", "--basis", "self"];
  const { classification } = await done("first", ...propose);
  await done("second", "classify", "approve", "lab/model", String(classification));
  const until27 = ["--purpose", "evaluation", "--valid-until", "2027-10-01"];
  const to = ["--principal", visitor, "--repository", "lab/model"];
  const { grant } = await done("first", "grant", "add", ...to, ...until27);
  expect((await as("visitor", download("denied"))).code).toBe(4);
  await until(async () => (await risks()).some(({ risk }) => risk === "pending"));

  const advice = ["--reason", "not enforced", "--counsel", "Cora", "--valid-from", "2026-11-01"];
  const { override } = await done(
    "first",
    ...["override", "propose", "4E091-rs-1", "--action", "set-aside"],
    ...[...advice, "--valid-until", "2027-11-01"],
  );
  const alone = await as("first", ["override", "approve", String(override)]);
  expect({ code: alone.code, says: alone.stderr.includes("second person") }).toEqual({
    code: 1,
    says: true,
  });
  await done("second", "override", "approve", String(override));
  expect(await done("first", "override", "show", String(override))).toMatchObject({
    state: "approved",
    requirement: "4E091-rs-1",
    counsel: "Cora",
    fits: true,
  });
  await done("visitor", ...download("allowed"));
  await until(async () => (await risks()).length === 0);
  expect((await as("second", ["risk"])).stdout).toBe("none\n");

  await done("second", "override", "withdraw", String(override));
  expect((await as("visitor", download("refused"))).code).toBe(4);
  await until(async () => (await risks()).some(({ state }) => state === "suspended"));
  expect(await risks()).toMatchObject([{ grant, risk: "flagged", repository: "lab/model" }]);
  const told = await as("second", ["risk"]);
  expect(told.stdout).toMatch(/deemed-export-rs: A license/);
  const why = async (officer: "first" | "second") =>
    (await as(officer, ["risk", String(grant)])).stdout;
  // The first officer's token reads personal facts, and the second one's does not.
  expect(await why("first")).toMatch(/from local: deny\n {2}deemed-export-rs: fail \[15 CFR/);
  expect(await why("second")).toMatch(/from local: deny\n {2}deemed-export-rs: fail\n/);
  const early = await as("second", ["grant", "reinstate", String(grant)]);
  expect({ code: early.code, says: early.stderr.includes("suspended again") }).toEqual({
    code: 1,
    says: true,
  });

  const { releases } = (await done("second", "release", "list")) as {
    readonly releases: readonly { readonly id: string; readonly verdict: string }[];
  };
  const allowed = releases.find(({ verdict }) => verdict === "allow")?.id ?? "";
  expect((await as("first", ["release", "evidence", allowed])).stderr).toContain(
    `same decision again under the operator's overrides ${String(override)} (set-aside 4E091-rs-1)`,
  );
  expect((await as("second", ["override", "list"])).stdout).toContain("withdrawn");
});
