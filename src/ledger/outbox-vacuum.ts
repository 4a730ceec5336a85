import { sql } from "kysely";
import type { Database } from "../database/open.ts";

const afterTaken = 8_192;
const leastPauseMs = 1_000;
/** While a long transaction of somebody's keeps dead rows from being cleared away, each attempt takes longer than the last. */
const pauseForEachMs = 20;

/**
 * Clears away what taken pending rows leave behind. Ids only rise, so that the index's oldest pages hold dead rows alone, and every batch has
 * to pass them on its way to the oldest that is alive: at thousands a second PostgreSQL's own autovacuum, once a minute, comes too late, and
 * PGlite has none. Nothing depends on it: where it fails, or the role may not, batches take longer and are the same.
 */
export class OutboxVacuum {
  readonly #database: Database;
  #taken = 0;
  #dueAt = Number.NEGATIVE_INFINITY;
  #clearing: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /** So many pending rows were taken; clears in the background when they are enough. */
  taken(count: number): void {
    this.#taken += count;
    if (this.#clearing !== null || this.#taken < afterTaken) return;
    const startedAt = performance.now();
    if (startedAt < this.#dueAt) return;
    this.#taken = 0;
    this.#clearing = this.#clear().finally(() => {
      const endedAt = performance.now();
      this.#dueAt = endedAt + Math.max(leastPauseMs, pauseForEachMs * (endedAt - startedAt));
      this.#clearing = null;
    });
  }

  /** Resolves when nothing is being cleared. */
  async stop(): Promise<void> {
    await this.#clearing;
  }

  async #clear(): Promise<void> {
    // To give pages back to the disk would lock out those who submit; who has the table's lock may be doing the same.
    await sql`vacuum (truncate false, skip_locked true) ledger_pending`
      .execute(this.#database.db)
      .catch(() => {});
  }
}
