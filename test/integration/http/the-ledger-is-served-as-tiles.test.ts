import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parseBundle } from "../../../src/merkle/bundle.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { addPerson, bootstrapOfficer, usPerson } from "../../support/actors.ts";
import { settleAll, submitMany } from "../../support/log.ts";
import { ask, expectProblem, type Serving, serve } from "./serving.ts";

const entries = 300;
const openings = ["none", "tiles", "entries"] as const;

type Opening = (typeof openings)[number];

const served = new Map<Opening, { readonly serving: Serving; readonly token: string }>();

beforeAll(async () => {
  for (const ledgerPublic of openings) {
    const serving = await serve({}, { ledgerPublic });
    const { database } = serving.vault;
    const officer = await bootstrapOfficer(serving.vault);
    const { token } = await addPerson(serving.vault, officer, usPerson, ["auditor"]);
    await settleAll(serving.ledger, await submitMany(database, entries));
    served.set(ledgerPublic, { serving, token });
  }
});
afterAll(async () => {
  for (const { serving } of served.values()) await serving.stop();
});

async function get(
  opening: Opening,
  path: string,
  { token = false, method = "GET", headers = {} } = {},
) {
  const at = served.get(opening);
  if (at === undefined) throw new Error("not served");
  return await ask(at.serving, `${method} /ledger/${path}`, {
    ...(token ? { token: at.token } : {}),
    headers,
  });
}

const checkpoint = ["checkpoint"];
const hashes = ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"];
const bundles = ["tile/entries/000", "tile/entries/001.p/1"];
const open: Readonly<Record<Opening, readonly string[]>> = {
  none: [],
  tiles: [...checkpoint, ...hashes],
  entries: [...checkpoint, ...hashes, ...bundles],
};

test.each(openings)(
  "open to everybody as %s, exactly that is read without a token, and the rest by auditors",
  async (opening) => {
    for (const path of [...checkpoint, ...hashes, ...bundles]) {
      const isOpen = open[opening].includes(path);
      const without = await get(opening, path);
      if (isOpen) expect([path, without.status]).toEqual([path, 200]);
      else expectProblem(without, "not_authenticated");
      const answered = await get(opening, path, { token: true });
      expect([path, answered.status]).toEqual([path, 200]);
      const lifetime = path === "checkpoint" ? "max-age=1" : "max-age=31536000, immutable";
      expect(answered.headers).toMatchObject({
        "content-type":
          path === "checkpoint" ? "text/plain; charset=utf-8" : "application/octet-stream",
        "cache-control": `${isOpen ? "public" : "private"}, ${lifetime}`,
        "content-length": String(answered.bytes.length),
      });
    }
  },
);

test("HEAD answers what GET does, without the bytes", async () => {
  for (const path of [...checkpoint, ...hashes, ...bundles]) {
    const [head, whole] = [
      await get("entries", path, { method: "HEAD" }),
      await get("entries", path),
    ];
    expect(head.status).toBe(200);
    expect(head.bytes).toHaveLength(0);
    for (const name of ["content-type", "cache-control", "content-length"])
      expect([path, name, head.headers[name]]).toEqual([path, name, whole.headers[name]]);
  }
});

test("a partial tile is served at every width that a checkpoint may have had, also once the full one is there", async () => {
  const full = (await get("entries", "tile/0/000")).bytes;
  expect(full).toHaveLength(8_192);
  for (const width of [1, 17, 255]) {
    const partial = await get("entries", `tile/0/000.p/${width}`);
    expect(partial.bytes).toEqual(full.subarray(0, 32 * width));
    expect(parseBundle((await get("entries", `tile/entries/000.p/${width}`)).bytes)).toHaveLength(
      width,
    );
  }
});

test("a bundle's entries hash to the tile of level 0, also where the bundle came compressed", async () => {
  const tile = (await get("entries", "tile/0/000")).bytes;
  const packed = await get("entries", "tile/entries/000", {
    headers: { "accept-encoding": "gzip" },
  });
  expect(packed.headers).toMatchObject({ "content-encoding": "gzip", vary: "Accept-Encoding" });
  const bundle = gunzipSync(packed.bytes);
  expect((await get("entries", "tile/entries/000")).bytes).toEqual(bundle);
  const leaves = (parseBundle(bundle) ?? []).map((entry) => leafHash(entry));
  expect(Buffer.concat(leaves)).toEqual(tile);
});

test.each([
  "tile/0/x000/000",
  "tile/0/0",
  "tile/0/00",
  "tile/0/0000",
  "tile/0/000.p/0",
  "tile/0/000.p/256",
  "tile/0/000.p/01",
  "tile/0/000.p",
  "tile/0/000.p/",
  "tile/0/001",
  "tile/0/002.p/1",
  "tile/00/000",
  "tile/64/000",
  "tile/-1/000",
  "tile/0/x001/x001/x001/x001/x001/x001/000",
  "tile/0/x001",
  "tile/0/%3000",
  "tile/%30/000",
  "tile/0%2f000",
  "tile/entries/%3000",
  "tile/%65ntries/000",
  "t%69le/0/000",
  "%63heckpoint",
  "tile/entries/x000/000",
  "tile/entries/000.p/0",
  "tile/entries/000.p/256",
  "tile/0//000",
  "tile/0/000/",
  "checkpoint/",
  "tile",
  "tile/",
  "",
])("the address /ledger/%s is nobody's", async (path) => {
  expectProblem(await get("entries", path, { token: true }), "not_found");
});

test("auditors alone page through every signed checkpoint, and a page is bounded", async () => {
  const at = served.get("entries");
  if (at === undefined) throw new Error("not served");
  await settleAll(at.serving.ledger, await submitMany(at.serving.vault.database, 3));
  const page = async (query: string, token: string | null = at.token) =>
    await ask(at.serving, `GET /v1/ledger/checkpoints${query}`, token === null ? {} : { token });
  const sizes = async (query: string) => {
    const { status, json } = await page(query);
    const { checkpoints } = json as { checkpoints?: { size: number; checkpoint: string }[] };
    for (const { size, checkpoint } of checkpoints ?? [])
      expect(checkpoint.split("\n")[1]).toBe(String(size));
    return { status, sizes: checkpoints?.map(({ size }) => size) ?? [] };
  };
  const whole = await sizes("?limit=256");
  expect(whole.sizes.length).toBeGreaterThan(1);
  const paged: number[] = [];
  for (let after = ""; ; after = `&after=${paged.at(-1)}`) {
    const next = await sizes(`?limit=1${after}`);
    if (next.sizes.length === 0) break;
    paged.push(...next.sizes);
  }
  expect(paged).toEqual(whole.sizes);
  expect(await sizes("?only=stamped")).toEqual({ status: 200, sizes: [] });
  for (const query of ["?limit=257", "?limit=0", "?after=-1", "?after=x", "?only=all", "?a=1"])
    expectProblem(await page(query), "invalid_request");
  expectProblem(await page("", null), "not_authenticated");
});
