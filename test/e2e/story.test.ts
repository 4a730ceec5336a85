import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startTestServer, type TestServer } from "../support/server.ts";
import { temporaryFolder, weightvault } from "./command.ts";
import { type Json, peopleOf } from "./people.ts";

const weights = randomBytes(3_000_000);
let server: TestServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  [server, folder] = await Promise.all([startTestServer(), temporaryFolder()]);
});

afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

const { at, as, done, add } = peopleOf(() => ({ server, folder }));

test("the whole story, from the first officer to the offline verification, by commands alone", async () => {
  await writeFile(at("bootstrap"), await server.bootstrapToken(), { mode: 0o600 });
  const init = [
    "init",
    "--bootstrap-token-file",
    at("bootstrap"),
    "--name",
    "Olive",
    "--us-person",
    "citizen",
  ];
  const first = await as("none", [...init, "--token-file", at("first")], weightvault);
  expect({ code: first.code, stdout: first.stdout.includes("wv_") }).toEqual({
    code: 0,
    stdout: false,
  });
  expect((await as("none", [...init, "--token-file", at("again")])).code).toBe(3);

  await add("second", ["export-officer", "auditor"]);
  await add("uploader", ["uploader"]);
  const { principal: reader } = await add("reader", ["reader"]);
  const { principal: visitor } = await add(
    "visitor",
    ["reader"],
    ["--not-us-person", "--citizenship", "IN:1990-01-01", "--employer-headquarters", "IN"],
  );

  await done("uploader", "repository", "create", "lab/model");
  await mkdir(at("checkpoint/shards"), { recursive: true });
  await writeFile(at("checkpoint/config.json"), "{}");
  await writeFile(at("checkpoint/shards/one.safetensors"), weights);
  const uploaded = await as(
    "uploader",
    ["upload", "lab/model", at("checkpoint"), "--json"],
    weightvault,
  );
  expect({ code: uploaded.code, stderr: uploaded.stderr }).toEqual({ code: 0, stderr: "" });
  const { revision } = JSON.parse(uploaded.stdout) as Json;

  const propose = ["classify", "propose", "lab/model", "--eccn", "4E091", "--basis", "self"];
  const { classification } = await done("first", ...propose);
  const approve = ["classify", "approve", "lab/model", String(classification)];
  const alone = await as("first", approve);
  expect({ code: alone.code, says: alone.stderr.includes("second person") }).toEqual({
    code: 1,
    says: true,
  });
  await done("second", ...approve);
  for (const principal of [reader, visitor])
    await done(
      "first",
      "grant",
      "add",
      "--principal",
      principal,
      "--repository",
      "lab/model",
      "--purpose",
      "evaluation",
      "--valid-until",
      new Date(server.clock.now().getTime() + 86_400_000).toISOString().slice(0, 19).concat("Z"),
    );

  const fetched = await as(
    "reader",
    ["download", "lab/model", "--output", at("out"), "--json"],
    weightvault,
  );
  expect({ code: fetched.code, stderr: fetched.stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(fetched.stdout)).toMatchObject({ revision });
  expect((await readFile(at("out/shards/one.safetensors"))).equals(weights)).toBe(true);

  const denied = await as("visitor", ["download", "lab/model", "--output", at("denied")]);
  expect(denied.code).toBe(4);
  expect(denied.stderr).toMatch(/deemed-export-[a-z]+: (fail|unknown) \[.*15 CFR/);
  await expect(readdir(at("denied"))).rejects.toMatchObject({ code: "ENOENT" });
  expect((await as("reader", ["download", "lab/model", "absent.bin"])).code).toBe(5);

  const [{ release }] = (JSON.parse(fetched.stdout) as { releases: [{ release: string }] })
    .releases;
  await done("reader", "release", "receipt", release, "--save", at("receipt"));
  expect((await readFile(at("receipt.tlog-proof"), "utf8")).split("\n")[0]).toBe(
    "c2sp.org/tlog-proof@v1",
  );
  const nowhere = await as("reader", ["release", "receipt", release, "--save", at("no/receipt")]);
  expect([nowhere.code, nowhere.stderr]).toEqual([
    1,
    `${at("no/receipt.json")} cannot be opened: the system knows no such place (ENOENT)\n`,
  ]);
  const evidence = await as("first", ["release", "evidence", release]);
  expect({ code: evidence.code, stderr: evidence.stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/ledger entry \d+, .*give the same decision again\n$/),
  });
  const shown = (await done("second", "ledger", "show", "--release", release)) as {
    entries: Json[];
  };
  expect(shown.entries.map(({ kind }) => kind)).toEqual(["release.allowed", "release.delivered"]);

  await done("second", "ledger", "export", at("ledger"));
  const verified = await as("none", ["ledger", "verify", at("ledger"), "--json"], weightvault);
  expect(verified.code).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({
    verified: true,
    releases: { allowed: 1, denied: 1, delivered: 1 },
  });
});

test("every list and every thing in it can be shown", async () => {
  for (const [group, who, member] of [
    ["person", "first", "persons"],
    ["entity", "first", "entities"],
    ["workload", "first", "workloads"],
    ["license", "second", "licenses"],
    ["release", "second", "releases"],
  ] as const) {
    const list = (await done(who, group, "list"))[member] as readonly { id: string }[];
    for (const { id } of list.slice(0, 1))
      expect(await done(who, group, "show", id)).toMatchObject({ id });
    expect((await as(who, [group, "list"])).code).toBe(0);
  }
  for (const args of [
    ["token", "list"],
    ["repository", "list"],
    ["grant", "list"],
    ["classify", "list", "lab/model"],
    ["repository", "show", "lab/model"],
    ["token", "show"],
  ])
    expect((await as("first", args)).code).toBe(0);
});

test("entities, workloads and licenses are recorded, and stand as officers say", async () => {
  const { entity } = await done(
    "first",
    "entity",
    "add",
    "--name",
    "Lab Inc",
    "--country",
    "US",
    "--headquarters",
    "US",
    "--parent-headquarters",
    "US",
    "--ownership",
    "no-listed-owner",
  );
  const { person: accountable } = await add("owner", ["reader"]);
  const { workload } = await done(
    "first",
    "workload",
    "add",
    "--name",
    "job",
    "--accountable",
    accountable,
    "--entity",
    String(entity),
  );
  await writeFile(
    at("license.json"),
    JSON.stringify({
      number: "D1",
      kind: "bis-license",
      validFrom: "2026-01-01",
      validUntil: "2030-01-01",
      scope: { eccns: ["4E091"] },
    }),
  );
  const { license } = await done(
    "first",
    "license",
    "add",
    "--file",
    at("license.json"),
    "--destination",
    "IN",
    "--nationality",
    "IN",
  );
  expect((await as("first", ["license", "activate", String(license)])).code).toBe(1);
  await done("second", "license", "activate", String(license));
  expect(await done("second", "license", "show", String(license))).toMatchObject({
    state: "active",
    scope: { eccns: ["4E091"], destinations: ["IN"], nationalities: ["IN"], parties: null },
  });
  for (const [noun, id] of [
    ["workload", workload],
    ["entity", entity],
    ["license", license],
  ] as const)
    for (const verb of ["suspend", "reinstate", "revoke"])
      await done("second", noun, verb, String(id));
  expect(await done("second", "license", "show", String(license))).toMatchObject({
    state: "revoked",
  });
});

test("person update replaces facts, and a revoked token opens nothing any more", async () => {
  const { person: id } = await add("leaver", ["reader"], ["--us-person"]);
  await done(
    "first",
    "person",
    "update",
    id,
    "--name",
    "Lea Ver",
    "--citizenship",
    "DE:1990-01-01:2020-01-01",
  );
  expect(await done("first", "person", "show", id)).toMatchObject({
    version: 2,
    facts: {
      name: "Lea Ver",
      usPerson: null,
      citizenships: [{ country: "DE", from: "1990-01-01", until: "2020-01-01" }],
      employment: null,
    },
  });
  const { token } = await done("leaver", "token", "show");
  await done("first", "token", "revoke", String(token));
  expect((await as("leaver", ["token", "show"])).code).toBe(3);
});
