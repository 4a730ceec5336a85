import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { KyselyPlugin } from "kysely";
import { listRevisions } from "../../../src/vault/list-revisions.ts";
import { type Cast, model, stage, uploadRevision } from "../../support/actors.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const repository = "/v1/repositories/lab/model";

let s: Serving;
let cast: Cast;
/** Newest first. */
let made: readonly string[];

beforeAll(async () => {
  s = await serve();
  cast = await stage(s.vault, { bytes: Buffer.from("weights") });
  const oldest = [cast.revision];
  for (const name of ["a", "b", "c", "d"])
    oldest.push(
      await uploadRevision(s.vault, cast.job, { [name]: Buffer.from(name) }, oldest.at(-1)),
    );
  made = oldest.reverse();
});
afterAll(async () => {
  await s.stop();
});

async function page(query: string): Promise<readonly string[]> {
  const answered = await ask(s, `GET ${repository}/revisions${query}`, {
    token: cast.reader.token,
  });
  expect(answered.status).toBe(200);
  const revisions = answered.json["revisions"] as readonly { readonly revision: string }[];
  return revisions.map(({ revision }) => revision);
}

/** Tells of every result of the database. */
function watched(tell: (rows: readonly Record<string, unknown>[]) => void): KyselyPlugin {
  return {
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      tell(result.rows as readonly Record<string, unknown>[]);
      return result;
    },
  };
}

test("revisions come newest first, and page by page none is missing and none comes twice", async () => {
  expect(await page("")).toEqual(made);
  const seen: string[] = [];
  for (let before = ""; ; before = `&before=${seen.at(-1)}`) {
    const next = await page(`?limit=2${before}`);
    seen.push(...next);
    if (next.length < 2) break;
  }
  expect(seen).toEqual(made);
  expect(await page(`?before=${made.at(-1)}`)).toEqual([]);
});

test("a revision that the repository does not have is no place to go on from", async () => {
  const { token } = cast.reader;
  const asked = await ask(s, `GET ${repository}/revisions?before=${"0".repeat(40)}`, { token });
  expectProblem(asked, "not_found");
});

test.each([
  "limit=0",
  "limit=201",
  "limit=-1",
  "limit=1.5",
  "limit=",
  "limit=all",
  "before=main",
  "limit=1&limit=2",
])("the page %s is refused", async (query) => {
  const { token } = cast.reader;
  const asked = await ask(s, `GET ${repository}/revisions?${query}`, { token });
  expectProblem(asked, "invalid_request");
});

test("a page holds one manifest at a time, whatever its length", async () => {
  const { database, now } = s.vault;
  const held: number[] = [];
  const db = database.db.withPlugin(
    watched((rows) => held.push(rows.filter((row) => "manifest" in row).length)),
  );
  const vault = { database: { ...database, db }, now };
  const outlines = await listRevisions(vault, cast.reader.caller, {
    ...model,
    limit: 200,
    before: null,
  });
  expect(outlines.map(({ revision }) => revision)).toEqual(made);
  expect(held.filter((count) => count > 0)).toEqual(made.map(() => 1));
});

test("a page has fifty revisions unless it is asked for more", async () => {
  let head = made[0] ?? "";
  for (let at = made.length; at < 55; at += 1)
    head = await uploadRevision(s.vault, cast.job, { a: Buffer.from(String(at)) }, head);
  expect(await page("")).toHaveLength(50);
  expect(await page("?limit=200")).toHaveLength(55);
});
