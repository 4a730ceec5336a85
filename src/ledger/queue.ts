import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";

const countEveryMs = 200;
const defaultLimit = 20_000;

/**
 * Bounds what no checkpoint covers, with a place or without one: work that would submit more is refused at the door, before it has done
 * anything. It is counted a few times a second, and pending rows never further than the limit, so that the bound is kept to within what is
 * submitted in that time; what a revocation or an outcome submits is not asked about, and always finds room.
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
      `${this.#limit} entries or more wait for their place in the ledger, or for a signed checkpoint that covers them`,
    );
  }

  async #count(): Promise<void> {
    const { rows } = await sql<{ waiting: bigint }>`/* ledger.waiting */
      select (select count(*) from (select from ledger_pending limit ${this.#limit}::bigint) as pending)
        + (select coalesce(max(index) + 1, 0) from ledger_entry)
        - (select coalesce(max(size), 0) from ledger_checkpoint) as waiting`.execute(this.#db);
    this.#isFull = (rows[0]?.waiting ?? 0n) >= BigInt(this.#limit);
    this.#countedAt = performance.now();
  }
}
