import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { withdrawOverride } from "../../../src/vault/override.ts";
import { changeStanding } from "../../../src/vault/standing.ts";
import { type Cast, license, stage } from "../../support/actors.ts";
import { entriesOf } from "../../support/ledger.ts";
import { overridden } from "../../support/overrides.ts";
import { type Asked, ask, expectProblem, type Serving, serve } from "./serving.ts";

let s: Serving;
let cast: Cast;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await s.stop();
});

const indian = { eccns: ["4E091"], repositories: null, destinations: [], nationalities: ["IN"] };

async function simulate(more: Readonly<Record<string, unknown>> = {}, asked: Asked = {}) {
  const json = {
    principal: cast.visitor.principal,
    repository: "lab/model",
    destination: { country: "US" },
    ...more,
  };
  return await ask(s, "POST /v1/decisions/simulate", { token: cast.first.token, json, ...asked });
}

/** Every row that a release or a simulation could leave, counted. */
async function left() {
  const { db } = s.vault.database;
  const count = async (table: "release" | "release_license" | "evidence") =>
    (await db.selectFrom(table).selectAll().execute()).length;
  const uses = await db.selectFrom("license").select("releases_used").execute();
  return {
    releases: await count("release"),
    licensed: await count("release_license"),
    evidence: await count("evidence"),
    used: uses.map(({ releases_used }) => releases_used),
    spent: (await db.selectFrom("grant").select("bytes_used").execute()).map(
      ({ bytes_used }) => bytes_used,
    ),
  };
}

test("a simulation names the overrides of the rulebook that it read", async () => {
  const id = await overridden(s.vault, cast);
  const { json } = await simulate();
  expect(json).toMatchObject({
    verdict: "allow",
    overrides: [expect.stringMatching(new RegExp(`^${id} \\(set-aside 4E091-rs-1\\)$`))],
  });
  await withdrawOverride(s.vault, cast.first.caller, id);
  expect((await simulate()).json).toMatchObject({ verdict: "deny", overrides: [] });
});

test("a simulation answers with verdict, checks and advice, marked as one, and leaves an entry and nothing else", async () => {
  const before = await left();
  const entries = await entriesOf(s.vault.database);
  const answered = await simulate();
  expect(answered.status).toBe(200);
  const { visitor } = cast;
  expect(answered.json).toMatchObject({
    simulation: true,
    verdict: "deny",
    principal: visitor.principal,
    person: visitor.person,
    workload: null,
    licenses: [],
  });
  expect(answered.json["checks"]).toHaveLength(26);
  expect(answered.json["advice"]).toMatchObject({
    ways: [[{ change: "obtain-bis-license" }], [{ change: "record-license-exception" }]],
  });
  expect(await left()).toEqual(before);
  const now = await entriesOf(s.vault.database);
  const added = now.slice(entries.length);
  expect(added.map(({ kind }) => kind)).toEqual(["decision.simulated"]);
  expect(added[0]?.index).toBe((answered.json["entry"] as { index: number }).index);
  expect(Object.keys(added[0]?.body ?? {}).sort()).toEqual([
    "by",
    "decision",
    "person",
    "principal",
    "repository",
    "rulebook",
    "under",
    "verdict",
    "workload",
  ]);
  expect(added[0]?.body).toMatchObject({
    decision: answered.json["decision"],
    by: cast.first.principal,
    verdict: "deny",
  });
});

test("a license that is supposed decides the simulation, and is neither stored nor relied on elsewhere", async () => {
  const supposed = {
    kind: "bis-license",
    scope: { ...indian, parties: null, reasons: ["RS"] },
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
  };
  const answered = await simulate({ licenses: [supposed] });
  expect(answered.json).toMatchObject({ verdict: "allow", licenses: ["supposed-1"] });
  expect(await s.vault.database.db.selectFrom("license").selectAll().execute()).toEqual([]);
  expect((await simulate()).json).toMatchObject({ verdict: "deny" });
});

test("a simulation that relies on a counted license uses none of it", async () => {
  const counted = await license(s.vault, cast, {
    persons: [cast.visitor.person],
    releasesAllowed: 1,
  });
  const before = await left();
  for (let times = 0; times < 2; times += 1)
    expect((await simulate()).json).toMatchObject({ verdict: "allow", licenses: [counted] });
  expect(await left()).toEqual(before);
  const change = { noun: "license", id: counted, change: "revoked" } as const;
  await changeStanding(s.vault, cast.first.caller, change);
});

test("the destination may be another country, or a site by its name", async () => {
  const inCuba = await simulate({
    principal: cast.reader.principal,
    destination: { country: "CU" },
  });
  expect(inCuba.json).toMatchObject({ verdict: "deny" });
  const abroad = await simulate({
    principal: cast.reader.principal,
    destination: { site: "abroad" },
  });
  expect(abroad.json).toMatchObject({ verdict: "deny" });
  const here = await simulate({ principal: cast.reader.principal, destination: { site: "local" } });
  expect(here.json).toMatchObject({ verdict: "allow", advice: { ways: [], obstacles: [] } });
  expectProblem(await simulate({ destination: { site: "atlantis" } }), "not_found");
});

test("another instant finds the grant that stands then, or none", async () => {
  const { principal } = cast.reader;
  const later = await simulate({ principal, at: "2028-01-01T00:00:00Z" });
  expect(later.json).toMatchObject({ verdict: "deny", at: "2028-01-01T00:00:00.000Z" });
  expect(later.json["advice"]).toMatchObject({ ways: [[{ change: "make-grant" }]] });
});

test("a workload is simulated with its accountable person and its entity", async () => {
  const answered = await simulate({ principal: cast.job.principal });
  expect(answered.json).toMatchObject({ person: cast.second.person, verdict: "deny" });
  expect(answered.json["workload"]).toEqual(expect.any(String));
  expect(answered.json["advice"]).toMatchObject({ ways: [[{ change: "make-grant" }]] });
});

test("a principal or a repository that is not there is not found, and leaves no entry", async () => {
  const entries = await entriesOf(s.vault.database);
  const nobody = "00000000-0000-4000-8000-000000000000";
  expectProblem(await simulate({ principal: nobody }), "not_found");
  expectProblem(await simulate({ repository: "lab/nothing" }), "not_found");
  expectProblem(await simulate({ destination: {} }), "invalid_request");
  expect(await entriesOf(s.vault.database)).toHaveLength(entries.length);
});

test("a forged row is told in a simulation as in a release", async () => {
  const { db } = s.vault.database;
  const { visitor } = cast;
  await db
    .updateTable("person")
    .set({ state: "suspended" })
    .where("id", "=", visitor.person)
    .execute();
  try {
    expectProblem(await simulate(), "record_tampered");
  } finally {
    await db
      .updateTable("person")
      .set({ state: "active" })
      .where("id", "=", visitor.person)
      .execute();
  }
});

test("without a record there is no answer", async () => {
  const other = await serve({ releaseWaitMs: 300 });
  try {
    const { first, visitor } = await stage(other.vault, { bytes: Buffer.from("w") });
    await other.ledger.stop();
    const answered = await ask(other, "POST /v1/decisions/simulate", {
      token: first.token,
      json: {
        principal: visitor.principal,
        repository: "lab/model",
        destination: { country: "US" },
      },
    });
    expect(answered.status).toBe(503);
    expect(answered.json).not.toHaveProperty("verdict");
    expect(answered.json).not.toHaveProperty("checks");
  } finally {
    await other.stop();
  }
});
