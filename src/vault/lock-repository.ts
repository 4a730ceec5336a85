import { sql } from "kysely";
import type { Tx } from "./vault.ts";

/**
 * The locks of who takes something from all releases to come: none is allowed or rechecked meanwhile. In the order of a commit (upload, repository) and of a
 * decision (repository, classification), so that neither ends in a deadlock with this.
 */
export async function lockRepository(tx: Tx, id: string): Promise<void> {
  await sql`select id from upload where repository = ${id}::uuid and state = 'open' order by id for update`.execute(
    tx,
  );
  // No classification comes in behind it: each refers to its repository.
  await sql`select id from repository where id = ${id}::uuid for update`.execute(tx);
  await sql`select id from classification where repository = ${id}::uuid order by id for update`.execute(
    tx,
  );
}
