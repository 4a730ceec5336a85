import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";

const rowsAtOnce = 10_000;

/**
 * Looks again and again for submissions that are neither pending nor entered: a revocation whose pending row was deleted would never reach
 * the ledger, and nobody who reads the ledger could miss it. Each look goes on where the last one ended, a bounded number of rows at a time.
 */
export class OutboxAudit {
  readonly #database: Database;
  /** Everything up to here was entered, and entries stay. */
  #entered = 0n;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Throws `record_tampered` where it finds one. */
  async look(): Promise<void> {
    const { rows } = await sql<{ lost: bigint | null; done: bigint | null }>`
      with looked as materialized (
        select submission.id, ledger_pending.submission is not null as pending, entry.found is not null as entered
        from (select id from ledger_submission where id > ${this.#entered}::bigint order by id limit ${rowsAtOnce}) as submission
        left join ledger_pending on ledger_pending.submission = submission.id
        left join lateral (
          select true as found from ledger_entry where ledger_entry.submission = submission.id limit 1) as entry on true)
      select (select min(id) from looked where not pending and not entered) as lost,
        (select max(id) from looked where id < coalesce(
          (select min(id) from looked where not entered), 9223372036854775807)) as done`.execute(
      this.#database.db,
    );
    const [row] = rows;
    if (row?.lost != null) {
      throw new Refusal(
        "record_tampered",
        "a submission was taken out of the ledger's way: the ledger is not continued",
        { cause: new Error(`submission ${row.lost}`) },
      );
    }
    if (row?.done != null) this.#entered = row.done;
  }
}
