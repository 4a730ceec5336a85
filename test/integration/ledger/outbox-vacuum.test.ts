import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { type KyselyPlugin, sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { OutboxVacuum } from "../../../src/ledger/outbox-vacuum.ts";
import { forEachDatabase } from "../../support/database.ts";
import { StatementCount } from "../../support/statement-count.ts";
import { until } from "../../support/until.ts";

forEachDatabase("what taken pending rows leave behind", (open) => {
  test("is cleared away after some thousands, so that the outbox does not grow", async () => {
    const database = await open();
    const vacuum = new OutboxVacuum(database);
    await fillAndTake(database, 0);
    const sizeBytes = await outboxBytes(database);
    vacuum.taken(8_192);
    await vacuum.stop();
    await fillAndTake(database, 20_000);
    expect(await outboxBytes(database)).toBe(sizeBytes);
    await fillAndTake(database, 40_000);
    expect(await outboxBytes(database)).toBeGreaterThan(sizeBytes);
  });

  test("is left for fewer, and is cleared once a second at most", async () => {
    const { database, statements } = counted(await open());
    const vacuum = new OutboxVacuum(database);
    vacuum.taken(8_191);
    expect(statements.count).toBe(0);
    vacuum.taken(1);
    await vacuum.stop();
    vacuum.taken(8_192);
    expect(statements.count).toBe(1);
  });

  test("is cleared the more seldom the longer that takes: twenty times as long after", async () => {
    const { database, statements } = counted(await open());
    const slow = new SlowDown(200);
    const vacuum = new OutboxVacuum({ ...database, db: database.db.withPlugin(slow) });
    const take = async () => {
      vacuum.taken(8_192);
      await vacuum.stop();
    };
    await take();
    const startedAt = performance.now();
    await until(async () => {
      await take();
      return statements.count === 2;
    });
    expect(performance.now() - startedAt).toBeGreaterThan(20 * 200);
  });

  test("is left where it cannot be cleared, and nobody is held up", async () => {
    const database = await open();
    await database.close();
    const vacuum = new OutboxVacuum(database);
    vacuum.taken(8_192);
    await expect(vacuum.stop()).resolves.toBeUndefined();
  });
});

class SlowDown implements KyselyPlugin {
  readonly #ms: number;

  constructor(ms: number) {
    this.#ms = ms;
  }

  transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => node;

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => {
    await sleep(this.#ms);
    return result;
  };
}

function counted(database: Database) {
  const statements = new StatementCount();
  return { statements, database: { ...database, db: database.db.withPlugin(statements) } };
}

/** As many pending rows as fill some pages, from that id on, taken again. */
async function fillAndTake({ db }: Database, from: number): Promise<void> {
  await sql`insert into ledger_pending (submission) select ${from} + generate_series(1, 10000)`.execute(
    db,
  );
  await sql`delete from ledger_pending`.execute(db);
}

async function outboxBytes({ db }: Database): Promise<number> {
  const { rows } = await sql<{ bytes: bigint }>`
    select pg_relation_size('ledger_pending') as bytes`.execute(db);
  return Number(rows[0]?.bytes);
}
