import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../errors.ts";
import { type PublishedIn, readPublished } from "./published.ts";

const safetyMs = 250;

/**
 * Answers those who wait until the store holds a signed checkpoint that covers an entry. Each node reads the store itself: what the database
 * says of it proves nothing.
 */
export class AwaitPublished {
  readonly #options: PublishedIn;
  #size = 0;
  #looking: Promise<void> | null = null;
  #moved = Promise.withResolvers<void>();

  constructor(options: PublishedIn) {
    this.#options = options;
  }

  /** This node published: those who wait look again at once. */
  look(): void {
    this.#moved.resolve();
  }

  /** Throws `ledger_unavailable` after the time, and `store_unavailable` or `ledger_diverged` where the store says so. */
  async settle(index: number, timeoutMs: number): Promise<void> {
    const endsAt = performance.now() + timeoutMs;
    for (;;) {
      const moved = this.#moved.promise;
      if (this.#size > index) return;
      await (this.#looking ??= this.#read());
      if (this.#size > index) return;
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
      this.#size = Math.max(this.#size, published?.checkpoint.size ?? 0);
    } finally {
      this.#looking = null;
    }
  }
}
