import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { urlSource } from "../../../src/ledger/source-url.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { Api } from "../../support/api.ts";
import { bootstrap } from "../../support/api-cast.ts";
import { refusedStart, spawnServer } from "../../support/server-process.ts";
import { anyPlace, bootstrapTokenIn, embeddedPlace, release, tell } from "./served.ts";

const stopped = { code: 0, signal: null };

test("a second process on the same data folder is refused with a clear message, and harms nothing", async () => {
  await using place = await embeddedPlace();
  const { env, folder } = place;
  const first = spawnServer(env);
  const url = await first.url;
  const { code, said } = await refusedStart(env);
  expect(code).toBe(1);
  expect(said).toBe(
    `weightvault does not start: another process uses the data folder ${folder}; stop that process, or choose another folder with WEIGHTVAULT_DATA\n`,
  );
  expect((await new Api(url, null).ask("GET", "/readyz")).status).toBe(200);
  // A process that is killed holds nothing.
  await first.end("SIGKILL");
  const third = spawnServer(env);
  await third.url;
  expect(await third.end("SIGTERM")).toEqual(stopped);
});

test("data stays across restarts: tokens, files, and a ledger that goes on under the same key", async () => {
  await using place = await embeddedPlace();
  const { env, folder } = place;
  const before = spawnServer(env);
  const { reader, auditor, bytes } = await tell(await before.url, await bootstrapTokenIn(folder));
  const key = await new Api(await before.url, null).json("GET", "/v1/ledger/key");
  const old = await new Api(await before.url, auditor.token).fetch("GET", "/ledger/checkpoint");
  const olderCheckpoint = await old.text();
  expect(await before.end("SIGTERM")).toEqual(stopped);

  const after = spawnServer(env);
  const url = await after.url;
  expect(await release(url, reader)).toEqual(bytes);
  expect(await new Api(url, null).json("GET", "/v1/ledger/key")).toEqual(key);
  const source = urlSource({ url: new URL(`${url}/ledger/`), token: () => auditor.token });
  const verificationKey = String(key["verificationKey"]);
  const report = await verifyLedger(source, { verificationKey, olderCheckpoint });
  expect(report.verified).toBe(true);
  expect(report.counts["release.allowed"]).toBe(2);
  expect(await after.end("SIGINT")).toEqual(stopped);
});

test("the bootstrap token is its owner's alone to read, is traded once, and its file is gone after the next start", async () => {
  await using place = await anyPlace();
  const { env, folder } = place;
  const file = join(folder, "bootstrap-token");
  const first = spawnServer(env);
  const api = new Api(await first.url, null);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(first.said()).toContain(file);
  const token = await bootstrapTokenIn(folder);
  expect(first.said()).not.toContain(token);
  const officer = await bootstrap(api, token);
  await expect(bootstrap(api, token)).rejects.toMatchObject({ code: "not_authenticated" });
  expect(await first.end("SIGTERM")).toEqual(stopped);

  const second = spawnServer(env);
  const again = new Api(await second.url, officer.token);
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" });
  expect(second.said()).not.toContain("one-time token");
  expect(await again.json("GET", "/v1/me")).toMatchObject({ person: officer.person });
  await expect(bootstrap(again.as(""), token)).rejects.toMatchObject({ code: "not_authenticated" });
  expect(await second.end("SIGTERM")).toEqual(stopped);
});

test("a bootstrap token that nobody traded is void after the next start, which writes another", async () => {
  await using place = await anyPlace();
  const { env, folder } = place;
  const first = spawnServer(env);
  await first.url;
  const old = await bootstrapTokenIn(folder);
  await first.end("SIGTERM");
  const second = spawnServer(env);
  const api = new Api(await second.url, null);
  const fresh = await bootstrapTokenIn(folder);
  expect(fresh).not.toBe(old);
  await expect(bootstrap(api, old)).rejects.toMatchObject({ code: "not_authenticated" });
  expect((await bootstrap(api, fresh)).token).toMatch(/^wv/);
  await second.end("SIGTERM");
});

test("every bad setting is reported at once, none with its value, and the process exits with 1", async () => {
  await using place = await embeddedPlace();
  const { env } = place;
  const { code, said } = await refusedStart({
    ...env,
    WEIGHTVAULT_PORT: "seventy",
    WEIGHTVAULT_STORE_COUNTRY: "usa",
    WEIGHTVAULT_RELEASE_AFTER: "never",
    WEIGHTVAULT_HOST_NAME: "vault.example",
    DATABASE_URL: "mysql://root:hunter2@db",
  });
  expect(code).toBe(1);
  const named = said.split("\n").flatMap((line) => /^ {2}([A-Z_]+)/.exec(line)?.[1] ?? []);
  expect(named.sort()).toEqual([
    "DATABASE_URL",
    "WEIGHTVAULT_HOST_NAME",
    "WEIGHTVAULT_PORT",
    "WEIGHTVAULT_RELEASE_AFTER",
    "WEIGHTVAULT_STORE_COUNTRY",
  ]);
  expect(said).not.toMatch(/hunter2|seventy|\busa\b|^ +at /m);
});

test.each([
  ["CN", "Country Group D:5"],
  ["RU", "Country Group D:5"],
  ["ZZ", "does not know the country"],
])("a store in %s is refused: %s", async (country, why) => {
  await using place = await anyPlace();
  const { env } = place;
  const { code, said } = await refusedStart({
    ...env,
    WEIGHTVAULT_STORE_COUNTRY: country,
  });
  expect(code).toBe(1);
  expect(said).toContain("WEIGHTVAULT_STORE_COUNTRY");
  expect(said).toContain(why);
});

test("a server that cannot listen, or cannot read its list, ends with 1 and lets go of the data folder", async () => {
  await using place = await anyPlace();
  const { env, folder } = place;
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" ? String(address?.port) : "";
  const busy = await refusedStart({ ...env, WEIGHTVAULT_PORT: port });
  taken.close();
  expect(busy.code).toBe(1);
  expect(busy.said).toContain("EADDRINUSE");
  const listless = await refusedStart({
    ...env,
    WEIGHTVAULT_SCREENING_LIST: join(folder, "no-such-list.csv"),
  });
  expect(listless.code).toBe(1);
  expect(listless.said).toContain("no-such-list.csv cannot be read");
  const server = spawnServer(env);
  await server.url;
  expect(await server.end("SIGTERM")).toEqual(stopped);
});
