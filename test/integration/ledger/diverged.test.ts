import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { assertPublishedFrom } from "../../../src/ledger/published.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { forEachDatabase } from "../../support/database.ts";
import {
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

forEachDatabase("a database that is not what was published from it", (open) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function ledgerOf(
    entries: number,
    {
      signer,
      folder,
      label = "entry",
    }: { signer: TestSigner; folder: StoreFolder | null; label?: string },
  ): Promise<Database> {
    const database = await open();
    const ledger = await startNode({ database, signer, store: folder?.store ?? null });
    await settleAll(ledger, await submitMany(database, entries, label));
    await ledger.stop();
    return database;
  }

  async function published(entries: number) {
    const [signer, folder] = [new TestSigner(), await openStoreFolder()];
    ends.push(folder.remove);
    await ledgerOf(entries, { signer, folder });
    expect(await verifyPublished(folder.published, signer)).toMatchObject({
      size: entries,
      verified: true,
    });
    return { signer, folder };
  }

  /** Neither the start nor a running node goes on, what is submitted is not sequenced, and the store stays as it was. */
  async function expectRefused(
    database: Database,
    { signer, folder }: { readonly signer: TestSigner; readonly folder: StoreFolder },
    says: RegExp,
  ): Promise<void> {
    const refusal = { code: "ledger_diverged", message: expect.stringMatching(says) };
    const start = assertPublishedFrom({ db: database.db, store: folder.store, signer });
    await expect(start).rejects.toMatchObject(refusal);
    const before = await folder.store.readTagged("ledger/checkpoint");
    const ledger: RunningLedger = await startNode({
      database,
      signer,
      store: folder.store,
      name: "late",
    });
    ends.push(async () => await ledger.stop());
    await until(async () => (await failureOf(ledger)) !== null);
    expect(await failureOf(ledger)).toMatchObject(refusal);
    const [id = 0n] = await submitMany(database, 1, "late");
    ledger.wake();
    await expect(ledger.settle(id, { after: "entry", timeoutMs: 400 })).rejects.toMatchObject({
      code: "ledger_unavailable",
    });
    expect(await folder.store.readTagged("ledger/checkpoint")).toEqual(before);
  }

  test("an older state that was put back is refused, by what was done and what to do", async () => {
    const made = await published(7);
    const older = await ledgerOf(4, { signer: made.signer, folder: null });
    await expectRefused(
      older,
      made,
      /published checkpoint has 7 entries.*newest has 4.*older state.*Restore/,
    );
  });

  test("another root at the same size is refused", async () => {
    const made = await published(7);
    const other = await ledgerOf(7, { signer: made.signer, folder: null, label: "other" });
    await expectRefused(other, made, /7 entries both and different roots.*two databases/);
  });

  test("a database that grew from other entries than were published is refused", async () => {
    const made = await published(7);
    const other = await ledgerOf(9, { signer: made.signer, folder: null, label: "other" });
    await expectRefused(other, made, /first 7 entries are not the ones that were published/);
  });

  test("a checkpoint in the store and none in the database is refused", async () => {
    const made = await published(7);
    await expectRefused(await open(), made, /the database holds none.*ledger rebuild/);
  });

  test("a checkpoint in the store that another key signed is refused", async () => {
    const made = await published(7);
    const database = await ledgerOf(7, { signer: made.signer, folder: null });
    const checkpoint = { origin: made.signer.name, size: 7, root: Buffer.alloc(32) };
    const note = await signCheckpoint(checkpoint, new TestSigner());
    await writeFile(join(made.folder.published, "checkpoint"), note);
    await expectRefused(database, made, /not signed by this ledger's key/);
  });

  test("a database that goes on from what was published is taken, also where its newest is not published yet", async () => {
    const made = await published(7);
    const database = await ledgerOf(7, { signer: made.signer, folder: null });
    const unpublished = await startNode({ database, signer: made.signer, store: null });
    await settleAll(unpublished, await submitMany(database, 5, "more"));
    await unpublished.stop();
    await assertPublishedFrom({ db: database.db, store: made.folder.store, signer: made.signer });
    const ledger = await startNode({ database, signer: made.signer, store: made.folder.store });
    ends.push(async () => await ledger.stop());
    await settleAll(ledger, await submitMany(database, 1, "last"), "published");
    expect(await verifyPublished(made.folder.published, made.signer)).toMatchObject({
      size: 13,
      verified: true,
    });
  });
});

async function failureOf(ledger: RunningLedger): Promise<unknown> {
  return await ledger.check().then(
    () => null,
    (error: { code: string }) => (error.code === "ledger_unavailable" ? null : error),
  );
}
