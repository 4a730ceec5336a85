import { expect, test } from "@jest/globals";
import type { KyselyPlugin } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { Waiting } from "../../../src/ledger/waiting.ts";
import { forEachDatabase } from "../../support/database.ts";
import { settleAll, startNode, submitMany } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

/** Collects the rows that the database gave. */
class Rows implements KyselyPlugin {
  readonly all: Record<string, unknown>[] = [];

  transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => node;

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => {
    this.all.push(...result.rows);
    return result;
  };
}

forEachDatabase("those who wait for their entries", (open) => {
  test("are fetched only what they can be answered with: no entry without a checkpoint for who waits for one", async () => {
    const database = await open();
    const ledger = await startNode({ database, signer: new TestSigner(), store: null });
    const [first = 0n, second = 0n] = await submitMany(database, 2);
    await settleAll(ledger, [first, second]);
    await ledger.stop();
    const { db } = database;
    const newest = await db.selectFrom("ledger_checkpoint").selectAll().execute();
    await asSuperuser(database, "delete from ledger_checkpoint");
    const rows = new Rows();
    const told: number[] = [];
    const waiting = new Waiting({ ...database, db: db.withPlugin(rows) }, (covering) =>
      told.push(covering),
    );
    const answered: string[] = [];
    const settle = async (submission: bigint, after: "entry" | "checkpoint") => {
      const { index } = await waiting.settle(submission, { after, timeoutMs: 20_000 });
      answered.push(`${after} ${index}`);
    };
    const all = [settle(first, "checkpoint"), settle(second, "entry")];
    await until(() => answered.length > 0);
    expect(answered).toEqual(["entry 1"]);
    expect(rows.all.map(({ submission }) => submission)).toEqual([second]);
    await db.insertInto("ledger_checkpoint").values(newest).execute();
    waiting.look();
    await Promise.all(all);
    await waiting.stop();
    expect(answered).toEqual(["entry 1", "checkpoint 0"]);
    expect(rows.all.map(({ submission }) => submission)).toEqual([second, first]);
    expect(new Set(told)).toEqual(new Set([1]));
  });
});

async function asSuperuser(database: Database, statement: string): Promise<void> {
  await database.runScript(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin;`,
  );
}
