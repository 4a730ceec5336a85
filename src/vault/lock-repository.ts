import { sql } from "kysely";
import type { Tx } from "./vault.ts";

/** The locks of who takes something from all releases to come: none is allowed or rechecked meanwhile. */
export async function lockRepository(tx: Tx, id: string): Promise<void> {
  await sql`select id from upload where repository = ${id}::uuid and state = 'open' order by id for update`.execute(
    tx,
  );
  // A classification that comes in between the first two statements is locked by the third.
  const classifications = sql`select id from classification where repository = ${id}::uuid order by id for update`;
  await classifications.execute(tx);
  await sql`select id from repository where id = ${id}::uuid for update`.execute(tx);
  await classifications.execute(tx);
}
