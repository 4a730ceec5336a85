import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { decideRelease } from "../../../src/vault/decide.ts";
import { exportRecords, searchRecords } from "../../../src/vault/records.ts";
import type { Criterion, RecordReference } from "../../../src/vault/selection.ts";
import { type Cast, model, stage, unitedStates } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

const request = {
  ...model,
  revision: "main",
  paths: null,
  way: "stream",
  recipientKey: null,
  destination: unitedStates,
} as const;

const limit = 3;

forEachDatabase("records of many releases come in pages", (open) => {
  let t: TestVault;
  let cast: Cast;
  const releases: string[] = [];

  beforeAll(async () => {
    t = await startVault({ database: await open() });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
    for (let at = 0; at < 2 * limit + 1; at += 1)
      releases.push((await decideRelease(t.vault, cast.reader.caller, request)).release);
  });
  afterAll(async () => {
    await t.stop();
  });

  const releasesOf = (records: readonly RecordReference[]) =>
    records.filter(({ noun }) => noun === "release").map(({ id }) => id);

  test.each<readonly [string, Criterion]>([
    ["party", { by: "party", text: "Uma Persson" }],
    ["country", { by: "country", text: "US" }],
  ])("by %s: every release once, in the order of the decisions", async (_, criterion) => {
    const found: string[] = [];
    const sizes: number[] = [];
    for (let after: bigint | null = null; ; ) {
      const asked = { criterion, from: null, to: null, after, limit };
      const page = await searchRecords(t.vault, cast.first.caller, asked);
      found.push(...releasesOf(page.records));
      sizes.push(releasesOf(page.records).length);
      after = page.next;
      if (after === null) break;
    }
    expect(sizes).toEqual([limit, limit, 1]);
    expect(found).toEqual(releases);
  });

  test("by time: what lies outside is not there", async () => {
    const criterion = { by: "time" } as const;
    const ofYear = async (from: string, to: string) =>
      await exportRecords(t.vault, cast.second.caller, {
        criterion,
        from: new Date(from),
        to: new Date(to),
        after: null,
        limit,
      });
    expect((await ofYear("2025-01-01", "2026-01-01")).records).toEqual([]);
    const page = await ofYear("2026-01-01", "2027-01-01");
    expect(releasesOf(page.records)).toEqual(releases.slice(0, limit));
    expect(page.next).not.toBeNull();
  });
});
