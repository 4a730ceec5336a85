import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Api } from "../../support/api.ts";
import { bootstrap } from "../../support/api-cast.ts";
import { type ProcessSettings, refusedStart, spawnServer } from "../../support/server-process.ts";
import { bootstrapTokenIn, embeddedPlace, type Place } from "./served.ts";

let place: Place;
let officer: string;

beforeAll(async () => {
  place = await embeddedPlace();
  const server = spawnServer(place.env);
  const api = new Api(await server.url, null);
  officer = (await bootstrap(api, await bootstrapTokenIn(place.folder))).token;
  await server.end("SIGTERM");
  // The first start after the trade removes what is void; the ones below are to change nothing.
  await rm(join(place.folder, "bootstrap-token"));
});

afterAll(async () => await place[Symbol.asyncDispose]());

type Damage = {
  readonly what: string;
  readonly harm: (at: (name: string) => string) => Promise<unknown>;
  readonly env?: ProcessSettings;
  readonly says: string;
};

const damages: readonly Damage[] = [
  {
    what: "without its key-encryption key",
    harm: async (at) => await rm(at("kek")),
    says: "kek is missing",
  },
  {
    what: "with another key-encryption key",
    harm: async (at) => await writeFile(at("kek"), randomBytes(32)),
    says: "does not open the keys that this vault wrapped",
  },
  {
    what: "without its ledger key",
    harm: async (at) => await rm(at("ledger-key.pem")),
    says: "ledger-key.pem is missing",
  },
  {
    what: "under another ledger name",
    harm: async () => {},
    env: { WEIGHTVAULT_LEDGER_NAME: "other.example/ledger" },
    says: "WEIGHTVAULT_LEDGER_NAME",
  },
  {
    what: "without its database",
    harm: async (at) => await rename(at("database"), at("moved-away")),
    says: "holds kek and ledger-key.pem and no database",
  },
  {
    what: "with TLS files that are not there",
    harm: async () => {},
    env: {
      WEIGHTVAULT_TLS_CERTIFICATE: "/absent/cert.pem",
      WEIGHTVAULT_TLS_KEY: "/absent/key.pem",
    },
    says: "WEIGHTVAULT_TLS_CERTIFICATE: /absent/cert.pem is no file\n  WEIGHTVAULT_TLS_KEY: /absent/key.pem is no file",
  },
];

test.each(damages)(
  "a vault $what does not start, says why, and makes nothing anew",
  async ({ harm, env = {}, says }) => {
    const folder = await mkdtemp(join(tmpdir(), "weightvault-damaged-"));
    try {
      await cp(place.folder, folder, { recursive: true });
      const at = (name: string) => join(folder, name);
      await harm(at);
      const left = (await readdir(folder)).sort();
      const { code, said } = await refusedStart({ WEIGHTVAULT_DATA: folder, ...env });
      expect(code).toBe(1);
      expect(said).toContain("weightvault does not start: ");
      expect(said).toContain(says);
      expect(said).not.toContain("the database cannot be reached");
      expect((await readdir(folder)).sort()).toEqual(left);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);

/** Nothing can be made in /proc, and Node's own recursive mkdir tries there for ever. */
const testProc = process.platform === "linux" ? test : test.skip;

testProc("a data folder that cannot be made is refused, and not tried for ever", async () => {
  const { code, said } = await refusedStart({ WEIGHTVAULT_DATA: "/proc/weightvault" });
  expect(code).toBe(1);
  expect(said).toMatch(/^weightvault does not start: .*mkdir '\/proc\/weightvault'/);
});

testProc("a start that hangs ends within the drain time once it is asked to stop", async () => {
  const list = join(place.folder, "list");
  execFileSync("mkfifo", [list]);
  const server = spawnServer({
    ...place.env,
    WEIGHTVAULT_SCREENING_LIST: list,
    WEIGHTVAULT_DRAIN_SECONDS: "1",
  });
  server.url.catch(() => {});
  // It opens its database before it waits for the list that nobody writes.
  await sleep(8_000);
  expect(server.child.exitCode).toBeNull();
  expect(await server.end("SIGTERM")).toEqual({ code: null, signal: "SIGKILL" });
  await rm(list);
});

test("the undamaged folder starts again, and knows its officer", async () => {
  const server = spawnServer(place.env);
  const api = new Api(await server.url, officer);
  expect(await api.json("GET", "/v1/me")).toMatchObject({
    roles: ["export-officer", "operator", "personal-data-reader"],
  });
  await server.end("SIGTERM");
});
