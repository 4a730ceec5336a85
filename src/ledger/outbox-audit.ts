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
    const { rows } = await sql<{ id: bigint; pending: boolean; entered: boolean }>`
      select submission.id, ledger_pending.submission is not null as pending,
        ledger_entry.submission is not null as entered
      from (select id from ledger_submission where id > ${this.#entered} order by id limit ${rowsAtOnce}) as submission
      left join ledger_pending on ledger_pending.submission = submission.id
      left join ledger_entry on ledger_entry.submission = submission.id
      order by submission.id`.execute(this.#database.db);
    const lost = rows.find(({ pending, entered }) => !pending && !entered);
    if (lost !== undefined) {
      throw new Refusal(
        "record_tampered",
        "a submission was taken out of the ledger's way: the ledger is not continued",
        { cause: new Error(`submission ${lost.id}`) },
      );
    }
    const waiting = rows.findIndex(({ entered }) => !entered);
    const done = waiting === -1 ? rows.at(-1) : rows[waiting - 1];
    if (done !== undefined) this.#entered = done.id;
  }
}
