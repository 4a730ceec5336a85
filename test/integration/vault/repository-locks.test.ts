import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { openPostgres } from "../../../src/database/open.ts";
import { setPolicy } from "../../../src/vault/policy.ts";
import { type Cast, model, stage } from "../../support/actors.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

describePostgres("whoever locks a repository against all its releases", () => {
  let clone: ClonedDatabase;
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    clone = await cloneDatabase();
    t = await startVault({ database: openPostgres({ url: clone.url }) });
    cast = await stage(t.vault, { bytes: Buffer.alloc(10) });
  });
  afterAll(async () => {
    await t.stop();
    await t.vault.database.close();
    await clone.drop();
  });

  /** Resolves once a statement on the repository waits for a lock. */
  async function waiting(): Promise<void> {
    for (;;) {
      const { rows } = await sql`select from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%from repository %'`.execute(
        t.vault.database.db,
      );
      if (rows.length > 0) return;
      await sleep(10);
    }
  }

  test("waits for a decision under way, and holds nothing that the decision has still to lock", async () => {
    const { db } = t.vault.database;
    const demanded = { ...model, requireProved: true };
    const changed = await db.transaction().execute(async (tx) => {
      // What a decision shares, in its order.
      await sql`select from repository for share`.execute(tx);
      const change = setPolicy(t.vault, cast.first.caller, demanded);
      change.catch(() => {});
      await waiting();
      const { rows } = await sql`select from classification for share nowait`.execute(tx);
      expect(rows.length).toBeGreaterThan(0);
      return { change };
    });
    expect(await changed.change).toMatchObject({ requireProved: true });
  });
});
