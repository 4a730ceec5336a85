import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Api } from "../../support/api.ts";
import { startTestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-list-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

test("readyz turns red when the denied-party list grows older than the vault admits", async () => {
  const file = join(folder, "list.json");
  const results = [
    { id: "1", source: "Denied Persons List (DPL)", name: "Invented Party", alt_names: [] },
  ];
  await writeFile(
    file,
    JSON.stringify({ search_performed_at: "2026-11-20T00:00:00.000Z", results }),
  );
  const server = await startTestServer({
    env: { WEIGHTVAULT_SCREENING_LIST: file, WEIGHTVAULT_SCREENING_MAX_AGE_DAYS: "7" },
  });
  try {
    const api = new Api(server.url, null);
    expect(await api.ask("GET", "/readyz")).toMatchObject({
      status: 200,
      json: { checks: { screening: "ok" } },
    });
    server.clock.advance({ days: 5 });
    await until(async () => (await api.ask("GET", "/readyz")).status === 503);
    expect((await api.ask("GET", "/readyz")).json).toMatchObject({
      status: "not-ready",
      checks: { screening: "screening_unavailable", database: "ok", sequencer: "ok" },
    });
  } finally {
    await server.stop();
  }
});
