import { sql } from "kysely";
import { mayVacuum } from "../database/migrate.ts";
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
  /** What a process left that ended before it had taken enough is cleared away by the next one. */
  #taken = afterTaken;
  #dueAt = Number.NEGATIVE_INFINITY;
  #clearing: Promise<void> | null = null;
  /** Null until it was asked: PostgreSQL answers a role that may not with a warning in its log, each time. */
  #may: boolean | null = null;

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
    try {
      this.#may ??= await mayVacuum(this.#database, "ledger_pending");
      if (!this.#may) return;
      // To give pages back to the disk would lock out those who submit; who has the table's lock may be doing the same; and a table that was
      // large once has too few dead rows for PostgreSQL to look through the index by itself.
      await sql`vacuum (truncate false, skip_locked true, index_cleanup on) ledger_pending`.execute(
        this.#database.db,
      );
    } catch {
      // Whoever needs the database says what is wrong with it.
    }
  }
}
