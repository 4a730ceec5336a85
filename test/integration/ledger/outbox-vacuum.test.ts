import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { type KyselyPlugin, sql } from "kysely";
import { grantServerRole } from "../../../src/database/migrate.ts";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { OutboxVacuum } from "../../../src/ledger/outbox-vacuum.ts";
import { describePostgres, forEachDatabase } from "../../support/database.ts";
import { StatementCount } from "../../support/statement-count.ts";
import { until } from "../../support/until.ts";
import { openCloned } from "../database/cloned.ts";

describePostgres("the server's role", () => {
  const inRole = async (use: (server: Database, owner: Database) => Promise<void>) => {
    await using cloned = await openCloned();
    const owner = cloned.database;
    const role = `clears_${randomUUID().slice(0, 8)}`;
    await grantServerRole(owner, role);
    const url = new URL(cloned.url);
    url.username = role;
    const server = openPostgres({ url: url.href });
    try {
      await sql`alter table ledger_pending set (autovacuum_enabled = false)`.execute(owner.db);
      await use(server, owner);
    } finally {
      await server.close();
      await sql`drop owned by ${sql.id(role)}`.execute(owner.db);
      await sql`drop role ${sql.id(role)}`.execute(owner.db);
    }
  };

  test("clears away what taken pending rows leave behind", async () => {
    await inRole(async (server, owner) => {
      await fillAndTake(server, 0);
      const sizeBytes = await outboxBytes(owner);
      const vacuum = new OutboxVacuum(server);
      vacuum.taken(8_192);
      await vacuum.stop();
      await fillAndTake(server, 20_000);
      expect(await outboxBytes(owner)).toBe(sizeBytes);
    });
  });

  test("that may not, as before PostgreSQL 17, asks once and leaves it, without a warning each time", async () => {
    await inRole(async (server, owner) => {
      await sql`revoke maintain on ledger_pending from ${sql.id(await roleOf(server))}`.execute(
        owner.db,
      );
      const { database, statements } = counted(server);
      const vacuum = new OutboxVacuum(database);
      vacuum.taken(1);
      await vacuum.stop();
      await sleep(1_500);
      vacuum.taken(8_192);
      await vacuum.stop();
      expect(statements.count).toBe(1);
    });
  });
});

async function roleOf({ db }: Database): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_user as role`.execute(db);
  return rows[0]?.role ?? "";
}

forEachDatabase("what taken pending rows leave behind", (open) => {
  test("is cleared away after some thousands, so that the outbox does not grow", async () => {
    const database = await open();
    const vacuum = new OutboxVacuum(database);
    // PostgreSQL's own would do the same at a moment of its own.
    await sql`alter table ledger_pending set (autovacuum_enabled = false)`.execute(database.db);
    await fillAndTake(database, 0);
    const sizeBytes = await outboxBytes(database);
    vacuum.taken(8_192);
    await vacuum.stop();
    await fillAndTake(database, 20_000);
    expect(await outboxBytes(database)).toBe(sizeBytes);
    await fillAndTake(database, 40_000);
    expect(await outboxBytes(database)).toBeGreaterThan(sizeBytes);
  });

  test("of an earlier process is cleared away by the next one's first batch, and then once a second at most, and not for fewer than thousands", async () => {
    const { database, statements } = counted(await open());
    const vacuum = new OutboxVacuum(database);
    vacuum.taken(1);
    await vacuum.stop();
    const asked = statements.count;
    expect(asked).toBe(2);
    vacuum.taken(8_192);
    expect(statements.count).toBe(asked);
    await sleep(1_500);
    const another = new OutboxVacuum(database);
    another.taken(0);
    await another.stop();
    statements.count = 0;
    await sleep(1_500);
    another.taken(8_191);
    expect(statements.count).toBe(0);
    another.taken(1);
    await another.stop();
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
    await until(
      async () => {
        await take();
        return statements.count === 3;
      },
      { seconds: 120 },
    );
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
