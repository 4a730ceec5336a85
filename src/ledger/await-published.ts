import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../errors.ts";
import { assertIncluded, type Cover } from "./cover.ts";
import type { Place } from "./ledger.ts";
import { assertContinues, type PublishedIn, readPublished } from "./published.ts";
import { hashReader } from "./tiles.ts";

const safetyMs = 250;

/**
 * Answers those who wait until the store holds a signed checkpoint that covers an entry. Each node reads the store itself: what the database
 * says of it proves nothing. Nor does the size of what is there: another database under the same key may have published it, so that each entry is
 * proved to lead to its root.
 */
export class AwaitPublished {
  readonly #options: PublishedIn;
  #newest: Cover | null = null;
  #looking: Promise<void> | null = null;
  #moved = Promise.withResolvers<void>();

  constructor(options: PublishedIn) {
    this.#options = options;
  }

  /** This node published: those who wait look again at once. */
  look(): void {
    this.#moved.resolve();
  }

  /**
   * Throws `ledger_unavailable` after the time, `store_unavailable` or `ledger_diverged` where the store says so, and `record_tampered` where the
   * entry does not lead to what is published.
   */
  async settle(place: Pick<Place, "index" | "bytes">, timeoutMs: number): Promise<void> {
    await assertIncluded(place, await this.#until(place.index, timeoutMs));
  }

  async #until(index: number, timeoutMs: number): Promise<Cover> {
    const endsAt = performance.now() + timeoutMs;
    for (;;) {
      const moved = this.#moved.promise;
      if (this.#newest !== null && this.#newest.size > index) return this.#newest;
      await (this.#looking ??= this.#read());
      if (this.#newest !== null && this.#newest.size > index) return this.#newest;
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) break;
      await Promise.race([moved, sleep(Math.min(leftMs, safetyMs), undefined, { ref: false })]);
    }
    throw new Refusal(
      "ledger_unavailable",
      "no checkpoint that covers the entry was published in time",
    );
  }

  async #read(): Promise<void> {
    this.#moved = Promise.withResolvers<void>();
    try {
      const published = await readPublished(this.#options);
      // The smaller one of an older reading does not unsay what was published.
      if (published === null || published.checkpoint.size <= (this.#newest?.size ?? 0)) return;
      const { db } = this.#options;
      await assertContinues(db, published);
      const { size, root } = published.checkpoint;
      this.#newest = { size, root, read: hashReader(db, size) };
    } finally {
      this.#looking = null;
    }
  }
}
