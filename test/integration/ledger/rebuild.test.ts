import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { rebuildLedger } from "../../../src/ledger/rebuild.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { stage } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import {
  keyOf,
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
  verifyStored,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { startVault } from "../../support/vault.ts";

const size = 600;

forEachDatabase("a ledger rebuilt from what was published", (open) => {
  const signer = new TestSigner();
  let folder: StoreFolder;
  let original: Database;

  beforeAll(async () => {
    folder = await openStoreFolder();
    original = await open();
    const ledger = await startNode({ database: original, signer, store: folder.store });
    await settleAll(ledger, await submitMany(original, size), "published");
    await ledger.stop();
  });
  afterAll(async () => await folder.remove());

  async function rebuilt(): Promise<Database> {
    const database = await open();
    const made = await rebuildLedger({
      database,
      source: folderSource(folder.published),
      key: keyOf(signer),
    });
    expect(made.size).toBe(size);
    return database;
  }

  test("a checkpoint that no known key signed is followed within the source's budget, and nothing is rebuilt", async () => {
    const database = await open();
    const unproved = { fetches: 4, bytes: 2 ** 20, timeoutMs: 600_000 };
    const source = { ...folderSource(folder.published), unproved };
    await expect(
      rebuildLedger({ database, source, key: keyOf(new TestSigner()) }),
    ).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringMatching(/covers 600 entries, and 4 fetches named no key/),
    });
    expect(await entriesOf(database)).toEqual([]);
  });

  test("holds the same entries, leaves, tiles and checkpoint, byte for byte", async () => {
    const database = await rebuilt();
    for (const table of ["ledger_entry", "ledger_tile"] as const) {
      const rows = async (from: Database) =>
        await sql.raw(`select * from ${table} order by 1, 2`).execute(from.db);
      const strip = ({ rows: all }: Awaited<ReturnType<typeof rows>>) =>
        all.map((row) => ({ ...(row as object), submission: null }));
      expect(strip(await rows(database))).toEqual(strip(await rows(original)));
    }
    const note = async (from: Database) =>
      (
        await from.db
          .selectFrom("ledger_checkpoint")
          .select("note")
          .orderBy("size", "desc")
          .executeTakeFirst()
      )?.note;
    expect(await note(database)).toBe(await note(original));
    expect(await verifyStored(database, signer)).toMatchObject({
      size,
      verified: true,
      findings: [],
    });
  });

  test("goes on: new entries follow the old ones, and the store takes them", async () => {
    const database = await rebuilt();
    const copy = await openStoreFolder();
    try {
      await cp(folder.published, copy.published, { recursive: true });
      const ledger = await startNode({ database, signer, store: copy.store });
      await settleAll(ledger, await submitMany(database, 300, "after"), "published");
      await ledger.stop();
      expect(await verifyStored(database, signer)).toMatchObject({
        size: size + 300,
        verified: true,
      });
      expect(await verifyPublished(copy.published, signer)).toMatchObject({
        size: size + 300,
        verified: true,
      });
      const older = await readFile(join(folder.published, "checkpoint"));
      expect(older.length).toBeGreaterThan(0);
    } finally {
      await copy.remove();
    }
  });

  test.each([
    ["a changed entry", "tile/entries/001"],
    ["a changed tile of hashes", "tile/0/000"],
    ["a changed partial tile", "tile/0/002.p/88"],
    ["a changed tile above", "tile/1/000.p/2"],
    ["a changed checkpoint", "checkpoint"],
  ])("%s is found, and nothing is committed", async (_what, file) => {
    const copy = await openStoreFolder();
    try {
      await cp(folder.published, copy.published, { recursive: true });
      const path = join(copy.published, file);
      const bytes = await readFile(path);
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(path, bytes);
      await expectNothing(copy);
      await rm(path);
      // A folder without a checkpoint may be the wrong one: nothing says that anybody changed it.
      await expectNothing(copy, file === "checkpoint" ? "not_found" : "record_tampered");
    } finally {
      await copy.remove();
    }
  });

  async function expectNothing(copy: StoreFolder, code = "record_tampered"): Promise<void> {
    const database = await open();
    const source = folderSource(copy.published);
    await expect(rebuildLedger({ database, source, key: keyOf(signer) })).rejects.toMatchObject({
      code,
    });
    for (const table of ["ledger_submission", "ledger_entry", "ledger_tile", "ledger_checkpoint"])
      expect((await sql.raw(`select 1 from ${table}`).execute(database.db)).rows).toEqual([]);
  }

  test("another ledger's key, and a database that holds anything, are refused", async () => {
    const source = folderSource(folder.published);
    await expect(
      rebuildLedger({ database: await open(), source, key: keyOf(new TestSigner()) }),
    ).rejects.toMatchObject({ code: "record_tampered" });
    await expect(
      rebuildLedger({ database: original, source, key: keyOf(signer) }),
    ).rejects.toMatchObject({ code: "conflict" });
  });

  test("gives a vault's submissions back as they were made: kind, subject, time and body", async () => {
    const database = await open();
    const vault = await startVault({ database, publishes: true });
    try {
      await stage(vault.vault, { bytes: Buffer.from("weights") });
      await entriesOf(database);
      await vault.ledger.stop();
      const again = await open();
      const key = parseVerificationKey(vault.verificationKey);
      if (key === null) throw new Error("the vault has no key");
      const source = folderSource(join(vault.folder, "store", "blobs", "ledger"));
      await rebuildLedger({ database: again, source, key });
      const submissions = async ({ db }: Database) =>
        await db
          .selectFrom("ledger_submission as submission")
          .innerJoin("ledger_entry", "ledger_entry.submission", "submission.id")
          .select(["kind", "subject", "time", "body"])
          .orderBy("index")
          .execute();
      expect(await submissions(again)).toEqual(await submissions(database));
    } finally {
      await vault.stop();
    }
  });
});
