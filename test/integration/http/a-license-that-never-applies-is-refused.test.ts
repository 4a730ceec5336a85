import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
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

const scope = {
  eccns: ["4E091"],
  repositories: ["lab/model"],
  destinations: ["DE"],
  nationalities: ["IN"],
  parties: null,
  reasons: ["RS"],
};

async function enter(change: Readonly<Record<string, unknown>>) {
  const json = {
    number: "D000010",
    kind: "bis-license",
    validFrom: "2026-01-01",
    validUntil: "2027-01-01",
    scope: { ...scope, ...change },
  };
  return await ask(s, "POST /v1/licenses", { token: cast.first.token, json });
}

async function entered(): Promise<number> {
  const { json } = await ask(s, "GET /v1/licenses", { token: cast.first.token });
  return (json["licenses"] as readonly unknown[]).length;
}

const nobody = { persons: [], workloads: [], entities: [] };

test.each<[string, Readonly<Record<string, unknown>>, readonly string[]]>([
  ["a repository that does not exist", { repositories: ["lab/modle"] }, ["repositories"]],
  [
    "one that exists and one that does not",
    { repositories: ["lab/model", "lab/x"] },
    ["repositories"],
  ],
  ["a repository in other capitals", { repositories: ["Lab/model"] }, ["repositories"]],
  ["an empty list of repositories", { repositories: [] }, ["repositories"]],
  ["an ECCN that the rulebook does not know", { eccns: ["4E092"] }, ["eccns"]],
  ["an ECCN with its paragraph", { eccns: ["3A090.a"] }, ["eccns"]],
  ["an ECCN in small letters", { eccns: ["4e091"] }, ["eccns"]],
  [
    "neither a destination nor a nationality",
    { destinations: [], nationalities: [] },
    ["destinations"],
  ],
  ["a country that the rulebook does not have", { destinations: ["GU"] }, ["destinations"]],
  ["empty lists of parties", { parties: nobody }, ["parties"]],
  ["an empty list of reasons", { reasons: [] }, ["reasons"]],
  [
    "several at once",
    { repositories: ["lab/x"], eccns: ["4E09"], reasons: [] },
    ["reasons", "eccns", "repositories"],
  ],
])("a license with %s is refused, and nothing of it is kept", async (_name, change, members) => {
  const before = await entered();
  const refused = await enter(change);
  expectProblem(refused, "license_scope_unusable");
  const problems = refused.json["problems"] as readonly { readonly member: string }[];
  expect(problems.map(({ member }) => member)).toEqual(members);
  expect(refused.json["remedy"]).toContain("Correct each member that `problems` names");
  expect(await entered()).toBe(before);
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ["everything named", {}],
  ["EAR99", { eccns: ["EAR99"] }],
  ["every repository", { repositories: null }],
  ["destinations alone", { nationalities: [] }],
  ["nationalities alone", { destinations: [] }],
  ["all reasons", { reasons: null }],
  ["a territory of the Union that the chart lacks", { destinations: ["RE"] }],
])("a license with %s is entered", async (_name, change) => {
  expect((await enter(change)).status).toBe(201);
});

test("a country that does not exist is refused by the schema, with the member named", async () => {
  for (const change of [{ destinations: ["ZZ"] }, { nationalities: ["UK"] }])
    expectProblem(await enter(change), "invalid_request");
});
