import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { DestinationFacts } from "../../../src/export-control/facts.ts";
import { releaseStream } from "../../../src/vault/stream.ts";
import { type Cast, model, stage, unitedStates } from "../../support/actors.ts";
import { openMemory } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

let t: TestVault;
let cast: Cast;

beforeAll(async () => {
  t = await startVault({ database: await openMemory() });
  cast = await stage(t.vault, { bytes: Buffer.from("weights") });
});
afterAll(async () => {
  await t.stop();
  await t.vault.database.close();
});

async function released(destination: DestinationFacts): Promise<string | undefined> {
  const { stream } = await releaseStream(t.vault, cast.reader.caller, {
    ...model,
    revision: "main",
    path: "weights.safetensors",
    destination,
  });
  return stream?.release;
}

test("a later range has its release from the same place alone, and the row does not tell from which", async () => {
  const first = await released(unitedStates);
  expect(first).toBeDefined();
  expect(await released(unitedStates)).toBe(first);
  const elsewhere = await released({ ...unitedStates, site: "annex" });
  expect(elsewhere).toBeDefined();
  expect(elsewhere).not.toBe(first);
  const rows = await t.vault.database.db.selectFrom("release").select("reuse_key").execute();
  expect(rows).toHaveLength(2);
  expect(new Set(rows.map(({ reuse_key }) => reuse_key.toString("hex"))).size).toBe(1);
});
