import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Cast, stage } from "../../support/actors.ts";
import { entriesOf } from "../../support/ledger.ts";
import { ask, type Serving, serve } from "./serving.ts";

let s: Serving;
let cast: Cast;
let grant: string;

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
  const row = await s.vault.database.db
    .selectFrom("grant")
    .select("id")
    .where("principal", "=", cast.visitor.principal)
    .executeTakeFirstOrThrow();
  grant = row.id;
});
afterAll(async () => {
  await s.stop();
});

async function explained(token: string) {
  const { status, json } = await ask(s, `GET /v1/risk/${grant}`, { token });
  expect(status).toBe(200);
  const [first] = json["decisions"] as readonly {
    readonly decision: {
      readonly verdict: string;
      readonly checks: readonly Readonly<Record<string, string | null>>[];
    };
  }[];
  if (first === undefined) throw new Error("no site was decided");
  return first.decision;
}

async function readings() {
  const all = await entriesOf(s.vault.database);
  return all.filter(({ kind }) => kind === "person.read").map(({ body }) => body);
}

test("an officer who may not read personal facts learns which checks keep a grant back, and of no country", async () => {
  const decision = await explained(cast.second.token);
  expect(decision.verdict).toBe("deny");
  expect(decision.checks).toHaveLength(26);
  for (const { citation, reason } of decision.checks)
    expect([citation, reason]).toEqual([null, null]);
  expect(JSON.stringify(decision)).not.toMatch(/\bIN\b|nationals?\b/);
  expect(await readings()).toEqual([]);
});

test("who may read personal facts reads why, and the ledger says of whom", async () => {
  const decision = await explained(cast.first.token);
  expect(JSON.stringify(decision)).toMatch(/\bIN\b/);
  expect(await readings()).toMatchObject([
    { person: cast.visitor.person, by: cast.first.principal },
  ]);
});
