import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql, type Transaction } from "kysely";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import type { Schema } from "../../../src/database/schema.ts";
import { transact } from "../../../src/database/transact.ts";
import { readPending } from "../../../src/ledger/batch.ts";
import { takeLease } from "../../../src/ledger/lease.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { submitMany } from "../../support/log.ts";

describePostgres("a batch", () => {
  let clone: ClonedDatabase;
  let database: Database;

  beforeAll(async () => {
    clone = await cloneDatabase();
    database = openPostgres({ url: clone.url, poolSize: 1 });
  });
  afterAll(async () => {
    await database.close();
    await clone.drop();
  });

  test("reads no more of the outbox than its own rows, however many went before it", async () => {
    // A plan that was made while nothing was there must not be kept.
    for (let reading = 0; reading < 8; reading += 1) await readPending(database.db);
    await submitMany(database, 3_000, "before");
    await sql`delete from ledger_pending`.execute(database.db);
    const ids = await submitMany(database, 3, "now");
    const [pending, fetched] = await transact(database.db, async (tx) => {
      const before = await rowsFetched(tx);
      const read = await readPending(tx);
      return [read, (await rowsFetched(tx)) - before] as const;
    });
    expect(pending.map(({ id }) => id)).toEqual(ids.toSorted((one, other) => Number(one - other)));
    expect(fetched).toBe(3);
  });

  test("is not made around a submission that was taken away", async () => {
    const [id] = await submitMany(database, 2, "taken");
    await transact(database.db, async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx);
      await sql`delete from ledger_submission where id = ${id}::bigint`.execute(tx);
    });
    await expect(readPending(database.db)).rejects.toMatchObject({
      code: "record_tampered",
      cause: new Error(`submission ${id}`),
    });
  });

  test("waits for nobody who stands by: the lease of another is neither locked nor written", async () => {
    const row = async () =>
      (
        await sql`select xmin::text, xmax::text, holder, fence from ledger_lease`.execute(
          database.db,
        )
      ).rows;
    expect(await takeLease(database.db, "one")).toMatchObject({ holder: "one" });
    const before = await row();
    expect(await takeLease(database.db, "other")).toBeNull();
    expect(await row()).toEqual(before);
    await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
      database.db,
    );
    expect(await takeLease(database.db, "other")).toMatchObject({ holder: "other", fence: 2n });
  });
});

/** How many rows of the outbox this connection has fetched so far. */
async function rowsFetched(tx: Transaction<Schema>): Promise<number> {
  const { rows } = await sql<{ fetched: bigint }>`
    select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as fetched
    from pg_stat_xact_user_tables where relname = 'ledger_submission'`.execute(tx);
  return Number(rows[0]?.fetched ?? 0n);
}
