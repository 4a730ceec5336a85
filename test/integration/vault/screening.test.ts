import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { ListError } from "../../../src/screening/list.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { loadScreening } from "../../../src/vault/screening.ts";
import {
  addPerson,
  addWorkload,
  type Cast,
  grant,
  model,
  stage,
  unitedStates,
  usPerson,
} from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const csv = "_id,source,entity_number,type,name,alt_names\nx1,Denied Persons List (DPL),,,Heron,\n";
const json = JSON.stringify({
  search_performed_at: "2026-07-31T13:15:00Z",
  results: [{ id: "x1", source: "Denied Persons List (DPL)", name: "Heron" }],
});
const modified = "Sun, 22 Nov 2026 10:00:00 GMT";

/** What the publisher's server answers, by path. */
const answers: Readonly<
  Record<string, { status?: number; headers?: Record<string, string>; body?: string }>
> = {
  "/undated.csv": { body: csv },
  "/dated.csv": { body: csv, headers: { "last-modified": modified } },
  "/unreadable.csv": { body: csv, headers: { "last-modified": "of late" } },
  "/undated.json": { body: json },
  "/dated.json": { body: json, headers: { "last-modified": modified } },
  "/moved.csv": { status: 302, headers: { location: "/dated.csv" } },
};

let server: Server;
let origin: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-list-"));
  server = createServer((request, response) => {
    const { status = 200, headers = {}, body = "" } = answers[request.url ?? ""] ?? { status: 404 };
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await rm(folder, { recursive: true });
});

const load = (location: string) => loadScreening({ location, maxAgeDays: 7, isTrial: false });
const ageOf = async (path: string) => (await load(`${origin}${path}`)).list.asOf;

test("a fetched list of which nothing tells the date has none, rather than the present", async () => {
  expect(await ageOf("/undated.csv")).toBeNull();
  expect(await ageOf("/unreadable.csv")).toBeNull();
});

test("a fetched list has its publisher's date", async () => {
  expect(await ageOf("/dated.csv")).toBe("2026-11-22T10:00:00.000Z");
});

test("a fetched list that states when it was made is as old as it says", async () => {
  expect(await ageOf("/undated.json")).toBe("2026-07-31T13:15:00.000Z");
  expect(await ageOf("/dated.json")).toBe("2026-07-31T13:15:00.000Z");
});

test("a list is not fetched from where a redirect leads", async () => {
  await expect(load(`${origin}/moved.csv`)).rejects.toThrow(ListError);
  await expect(load(`${origin}/nowhere.csv`)).rejects.toThrow(ListError);
});

test("a list in a file has the file's date, and an older one if it states it", async () => {
  const at = new Date("2026-11-20T00:00:00.000Z");
  for (const [name, text] of [
    ["list.csv", csv],
    ["list.json", json],
  ] as const) {
    await writeFile(join(folder, name), text);
    await utimes(join(folder, name), at, at);
  }
  expect((await load(join(folder, "list.csv"))).list.asOf).toBe(at.toISOString());
  expect((await load(join(folder, "list.json"))).list.asOf).toBe("2026-07-31T13:15:00.000Z");
});

forEachDatabase("a release to a workload", (open) => {
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault);
  });
  afterAll(async () => {
    await t.stop();
  });

  test("holds while its accountable person has no name that could be compared", async () => {
    const verdictFor = async (name: string) => {
      const person = await addPerson(t.vault, cast.first, { ...usPerson, name }, ["reader"]);
      const job = await addWorkload(t.vault, cast.first, person.person, ["reader"]);
      await grant(t.vault, cast.first, job.principal);
      const { decided } = await releaseEnclosed(t.vault, job.caller, {
        ...model,
        revision: "main",
        paths: null,
        way: "enclosed",
        recipientKey: (await newRecipientKeyPair()).publicKey,
        destination: unitedStates,
      });
      const { verdict, checks } = decided.decision;
      return { verdict, check: checks.find(({ check }) => check === "denied-party")?.outcome };
    };
    expect(await verdictFor("Wanda Comparable")).toEqual({ verdict: "allow", check: "pass" });
    expect(await verdictFor("---")).toEqual({ verdict: "hold", check: "unknown" });
  });
});
