import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../database/open.ts";

const pauseMs = 4;

/** Tells the node that holds the lease of what was committed to the outbox. */
export class PendingNotices {
  readonly #database: Database;
  readonly #onFailure: (error: unknown) => void;
  #telling: Promise<void> | null = null;
  #again = false;

  constructor(database: Database, onFailure: (error: unknown) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  /** One notice in a few milliseconds: all that is committed meanwhile is told by the next. A notice costs as much as a submission. */
  tell(): void {
    if (this.#telling !== null) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#telling = this.#database
      .notify("ledger_pending")
      .catch(this.#onFailure)
      .then(async () => await sleep(pauseMs, undefined, { ref: false }))
      .finally(() => {
        this.#telling = null;
        if (this.#again) this.tell();
      });
  }
}
