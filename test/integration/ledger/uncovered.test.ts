import { expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import { assertSubmitted } from "../../../src/ledger/uncovered.ts";
import { forEachDatabase } from "../../support/database.ts";
import { settleAll, startNode, submitMany } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";

forEachDatabase("entries that an outage of the signer left uncovered", (open) => {
  /** A ledger of ten signed entries, and so many that nobody signed: two batches at most. */
  async function uncovered(count: number): Promise<Database> {
    const [database, signer] = [await open(), new TestSigner()];
    const first = await startNode({ database, signer, store: null });
    await settleAll(first, await submitMany(database, 10));
    signer.refuses = true;
    const last = (await submitMany(database, count)).at(-1) ?? 0n;
    first.wake();
    await first.settle(last, { after: "entry", timeoutMs: 20_000 });
    await first.stop();
    return database;
  }

  test("are looked at a part at a time, as many as there can be, and the lease can be renewed behind each", async () => {
    const database = await uncovered(2_000);
    let parts = 0;
    const look = async () => {
      parts = 0;
      await assertSubmitted(database.db, { signedSize: 10, size: 2_010 }, async () => {
        parts += 1;
      });
    };
    await look();
    expect(parts).toBe(2);
    await database.runScript(
      `set session_replication_role = replica; delete from ledger_entry where index = 1034; set session_replication_role = origin;`,
    );
    await expect(look()).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringContaining("entry 1034"),
    });
    expect(parts).toBe(1);
  });
});
