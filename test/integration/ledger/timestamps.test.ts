import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import { publishTimestamps } from "../../../src/ledger/publish-timestamps.ts";
import { rebuildLedger } from "../../../src/ledger/rebuild.ts";
import { readSeries } from "../../../src/ledger/series.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { storeSource } from "../../../src/ledger/source-store.ts";
import { parseNote } from "../../../src/merkle/note.ts";
import { openMemory } from "../../support/database.ts";
import {
  keyOf,
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { unsignedStamp } from "../../support/timestamp/unsigned.ts";

const signer = new TestSigner();
const stampedAt = new Date("2026-11-23T09:00:00.000Z");
let folder: StoreFolder;
let original: Database;

const everyPage = { after: null, limit: 256, isStamped: false };
const read = async (name: string) => await readFile(join(folder.published, "timestamp", name));
const publish = async (known = new Set<number>()) =>
  await publishTimestamps({ db: original.db, store: folder.store }, known);

async function stamp(database: Database, size: number): Promise<Buffer> {
  const [row] = (await readSeries(database.db, everyPage)).filter((each) => each.size === size);
  const response = unsignedStamp(parseNote(row?.note ?? "")?.text ?? "", stampedAt);
  await database.db
    .insertInto("ledger_timestamp")
    .values({ size: BigInt(size), response, stamped_at: stampedAt })
    .execute();
  return response;
}

beforeAll(async () => {
  folder = await openStoreFolder();
  original = await openMemory();
  const ledger = await startNode({ database: original, signer, store: folder.store });
  for (const count of [3, 4, 5])
    await settleAll(ledger, await submitMany(original, count), "published");
  await ledger.stop();
});
afterAll(async () => {
  await original.close();
  await folder.remove();
});

test("every checkpoint that was signed is in the series, page by page none missing and none twice", async () => {
  const whole = await readSeries(original.db, everyPage);
  expect(whole.at(-1)?.size).toBe(12);
  const paged = [];
  for (let after: number | null = null; ; after = paged.at(-1)?.size ?? null) {
    const page = await readSeries(original.db, { after, limit: 2, isStamped: false });
    paged.push(...page);
    if (page.length < 2) break;
  }
  expect(paged).toEqual(whole);
});

test("each stamp is published once beside the checkpoint that it is of, none before that is covered, and all are rebuilt", async () => {
  const sizes = (await readSeries(original.db, everyPage)).map(({ size }) => size);
  const older = sizes[0] ?? 0;
  const responses = [await stamp(original, older), await stamp(original, 12)];
  const covering = await readFile(join(folder.published, "checkpoint"));
  // What another node has published may still be smaller.
  const [first] = await readSeries(original.db, { ...everyPage, limit: 1 });
  await writeFile(join(folder.published, "checkpoint"), first?.note ?? "");
  expect(await publish()).toBe(false);
  expect((await readdir(join(folder.published, "timestamp"))).toSorted()).toEqual([
    `${older}.checkpoint`,
    `${older}.tsr`,
  ]);
  await writeFile(join(folder.published, "checkpoint"), covering);
  expect(await publish()).toBe(true);
  expect([await read(`${older}.tsr`), await read("12.tsr")]).toEqual(responses);

  const stray = unsignedStamp("another text", stampedAt);
  await writeFile(join(folder.published, "timestamp", "7777.tsr"), stray);
  await writeFile(join(folder.published, "timestamp", "7777.checkpoint"), first?.note ?? "");
  for (const source of [folderSource(folder.published), storeSource(folder.store)]) {
    const database = await openMemory();
    try {
      const made = await rebuildLedger({ database, source, key: keyOf(signer) });
      expect(made.timestamps).toEqual({ kept: 2, refused: 1 });
      const kept = await readSeries(database.db, { ...everyPage, isStamped: true });
      expect(kept.map(({ size, timestamp }) => [size, timestamp])).toEqual([
        [older, responses[0]],
        [12, responses[1]],
      ]);
      const row = await database.db
        .selectFrom("ledger_timestamp")
        .select("stamped_at")
        .executeTakeFirstOrThrow();
      expect(row.stamped_at).toEqual(stampedAt);
    } finally {
      await database.close();
    }
  }
  await rm(join(folder.published, "timestamp", "7777.tsr"));
});

test("a stamp in the store that is another than the database's stays, and is told", async () => {
  await writeFile(join(folder.published, "timestamp", "12.tsr"), "another");
  // A node that was just told of its own stamps, and not of what the store has.
  await expect(publish(new Set([-1]))).rejects.toMatchObject({ code: "record_tampered" });
  expect((await read("12.tsr")).toString()).toBe("another");
});
