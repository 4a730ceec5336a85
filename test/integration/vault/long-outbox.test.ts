import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../../../src/database/schema.ts";
import { rulebook } from "../../../src/export-control/rulebook.ts";
import { readRotations } from "../../../src/ledger/reigns.ts";
import { assertDigests } from "../../../src/vault/digest.ts";
import { holdHolds } from "../../../src/vault/hold.ts";
import { policyOf } from "../../../src/vault/policy.ts";
import { rememberOverridden, rulebookIn } from "../../../src/vault/rulebook.ts";
import { assertNotShredded } from "../../../src/vault/shredded.ts";
import { cloneDatabase, describePostgres } from "../../support/database.ts";
import { openCloned } from "../database/cloned.ts";

type Scans = { readonly whole: bigint; readonly read: bigint };

/** How often the outbox was read from end to end, and how many of its rows or index rows were read. */
async function scans(db: Kysely<Schema>): Promise<Scans> {
  await sql`select pg_stat_force_next_flush()`.execute(db);
  const { rows } = await sql<Scans>`
    select t.seq_scan as whole, t.seq_tup_read + sum(i.idx_tup_read)::bigint as read
    from pg_stat_user_tables as t join pg_stat_user_indexes as i using (relid)
    where t.relname = 'ledger_submission' group by t.seq_scan, t.seq_tup_read`.execute(db);
  const [found] = rows;
  if (found === undefined) throw new Error("nothing is counted");
  return found;
}

describePostgres("a long outbox", () => {
  test("what a decision asks of the outbox by kind reads no more of it the longer it is", async () => {
    await using opened = await openCloned({ poolSize: 1 }, cloneDatabase);
    const { db } = opened.database;
    await sql`insert into ledger_submission (kind, subject, time, body)
      select 'release.denied', gen_random_uuid(), now(), '{}' from generate_series(1, 30000)`.execute(
      db,
    );
    await sql`vacuum analyze ledger_submission`.execute(db);
    const asked: Readonly<Record<string, () => Promise<unknown>>> = {
      holds: async () => await db.transaction().execute(holdHolds),
      overrides: async () =>
        await db
          .transaction()
          .execute(
            async (tx) =>
              await rulebookIn(tx, { rulebook, overridden: rememberOverridden(rulebook) }),
          ),
      rotations: async () => await readRotations(db),
      shredded: async () => await assertNotShredded(db, randomUUID(), () => []),
      policy: async () => await policyOf(db, randomUUID()),
      digests: async () =>
        await assertDigests(
          db,
          { limits: { releaseDeclared: "refuse" } },
          {
            repository: randomUUID(),
            objects: { ids: Array.from({ length: 100 }, () => randomUUID()) },
          },
        ),
    };
    for (const [name, ask] of Object.entries(asked)) {
      const before = await scans(db);
      await ask();
      const after = await scans(db);
      expect([name, after.whole - before.whole, after.read - before.read]).toEqual([name, 0n, 0n]);
    }
  });
});
