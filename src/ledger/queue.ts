import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";

const countEveryMs = 200;
const defaultLimit = 20_000;

/**
 * Bounds what waits for its place: work that would submit more is refused at the door, before it has done anything. The pending rows are
 * counted a few times a second and never further than the limit, so that the bound is kept to within what is submitted in that time; what a
 * revocation or an outcome submits is not asked about, and always finds room.
 */
export class Queue {
  readonly #db: Kysely<Schema>;
  readonly #limit: number;
  #isFull = false;
  #countedAt = Number.NEGATIVE_INFINITY;
  #counting: Promise<void> | null = null;

  constructor(db: Kysely<Schema>, limit = defaultLimit) {
    this.#db = db;
    this.#limit = limit;
  }

  /** Throws `ledger_full`. */
  async assertRoom(): Promise<void> {
    if (performance.now() - this.#countedAt > countEveryMs) {
      this.#counting ??= this.#count().finally(() => {
        this.#counting = null;
      });
      await this.#counting;
    }
    if (!this.#isFull) return;
    throw new Refusal(
      "ledger_full",
      `${this.#limit} entries or more wait for their place in the ledger`,
    );
  }

  async #count(): Promise<void> {
    const { rows } = await sql`/* ledger.waiting */
      select 1 from ledger_pending offset ${this.#limit - 1}::bigint limit 1`.execute(this.#db);
    this.#isFull = rows.length > 0;
    this.#countedAt = performance.now();
  }
}
