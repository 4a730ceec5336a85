import { expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import { batchLimit } from "../../../src/ledger/batch-limit.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { Queue } from "../../../src/ledger/queue.ts";
import { forEachDatabase } from "../../support/database.ts";
import { settleAll, startNode, submitMany, verifyStored } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

forEachDatabase("the queue of what waits for its place", (open) => {
  test("has room below its limit, and refuses more work from there on until there is room again", async () => {
    const database = await open();
    await submitMany(database, 99);
    await new Queue(database.db, 100).assertRoom();
    await submitMany(database, 1);
    await expect(new Queue(database.db, 100).assertRoom()).rejects.toMatchObject({
      code: "ledger_full",
      status: 503,
    });
    await database.db.deleteFrom("ledger_pending").where("submission", "<=", 5n).execute();
    await new Queue(database.db, 100).assertRoom();
  });

  test("while the signer is down, entries that no checkpoint covers take room as well; when it is back there is room again", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await startNode({ database, signer, store: null, queueLimit: 100 });
    try {
      await settleAll(ledger, await submitMany(database, 150));
      signer.refuses = true;
      const ids = await submitMany(database, 100, "uncovered");
      ledger.wake();
      await until(async () => (await pendingIn(database)) === 0);
      const full = { code: "ledger_full", message: expect.stringMatching(/signed checkpoint/) };
      await expect(ledger.assertRoom()).rejects.toMatchObject(full);
      signer.refuses = false;
      await settleAll(ledger, ids);
      await until(async () => await hasRoom(ledger));
    } finally {
      await ledger.stop();
    }
  });

  test("however long the signer is down, no more than two batches have a place and no signature; the rest waits, and all is covered when it is back", async () => {
    const [database, signer] = [await open(), new CountingSigner()];
    const ledger = await startNode({ database, signer, store: null });
    try {
      signer.refuses = true;
      const ids = await submitMany(database, 4 * batchLimit);
      ledger.wake();
      await until(() => signer.asked >= 4);
      expect(await entriesIn(database)).toBeLessThanOrEqual(2 * batchLimit);
      expect(await pendingIn(database)).toBeGreaterThanOrEqual(2 * batchLimit);
      signer.refuses = false;
      await settleAll(ledger, ids);
      expect(await verifyStored(database, signer)).toMatchObject({
        size: 4 * batchLimit,
        verified: true,
      });
    } finally {
      await ledger.stop();
    }
  });
});

async function hasRoom(ledger: RunningLedger): Promise<boolean> {
  return await ledger.assertRoom().then(
    () => true,
    () => false,
  );
}

async function pendingIn({ db }: Database): Promise<number> {
  return (await db.selectFrom("ledger_pending").select("submission").execute()).length;
}

async function entriesIn({ db }: Database): Promise<number> {
  return (await db.selectFrom("ledger_entry").select("index").execute()).length;
}

class CountingSigner extends TestSigner {
  asked = 0;

  override async check(): Promise<void> {
    this.asked += 1;
    await super.check();
  }
}
