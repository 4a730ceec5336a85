import { isRefusal, Refusal } from "../errors.ts";
import type { Lease } from "./lease.ts";
import { type PublishOptions, publish } from "./publish.ts";
import type { RecentEntries } from "./recent-entries.ts";

export type PublisherOptions = Omit<PublishOptions, "continuedTag" | "recent"> & {
  readonly onFailure: (error: unknown) => void;
  /** Called when the store's checkpoint covers more than before. */
  readonly onPublished: () => void;
};

/** The lease, and what was written under it. */
export type Written = { readonly lease: Lease; readonly recent: RecentEntries };

const everyMs = 1_000;
const longestPauseMs = 30_000;

/**
 * Publishes behind the sequencer's back, at most once a second and one at a time; the sequencer says when there is something to publish. An
 * outage of the store is tried again and holds nobody up but those who wait for `published`; a divergence is the sequencer's to refuse.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  #size = 0;
  /** Whether more is known of the published checkpoint than was published. */
  #isBehind = false;
  #continuedTag: string | null = null;
  #dueAt = Number.NEGATIVE_INFINITY;
  #pauseMs = everyMs;
  #running: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** A witness has cosigned: the checkpoint is published again, unless a newer one is by then. */
  touch(): void {
    this.#isBehind = true;
  }

  /** Milliseconds until it may publish a ledger of this size; null where that is published, or a publication is under way. */
  dueInMs(size: number): number | null {
    if (this.#running !== null || (size <= this.#size && !this.#isBehind)) return null;
    return Math.max(0, this.#dueAt - performance.now());
  }

  /** Begins if it is time, and does not wait for the end. Throws the divergence that the last publication met. */
  begin(written: Written, size: number): void {
    if (isRefusal(this.#failure, "ledger_diverged")) {
      const diverged = this.#failure;
      this.#failure = null;
      throw diverged;
    }
    if (this.dueInMs(size) === 0) this.#running = this.#publish(written);
  }

  /** Publishes what is left, for a node that is stopping. */
  async finish(written: Written, size: number): Promise<void> {
    await this.#running;
    if (size > this.#size || this.#isBehind) await this.#publish(written);
  }

  /** Another may have published meanwhile, or the database may be another one. */
  forget(): void {
    this.#size = 0;
    this.#continuedTag = null;
  }

  /** Throws what the last publication failed with. */
  check(): void {
    if (this.#failure === null) return;
    const cause = this.#failure;
    throw isRefusal(cause)
      ? cause
      : new Refusal("ledger_unavailable", "the ledger could not be published", { cause });
  }

  async #publish({ lease, recent }: Written): Promise<void> {
    const { onFailure, onPublished } = this.#options;
    const startedAt = performance.now();
    this.#isBehind = false;
    try {
      const continuedTag = this.#continuedTag;
      const now = await publish({ ...this.#options, continuedTag, recent }, lease);
      recent.forget(now.size);
      this.#size = now.size;
      this.#continuedTag = now.tag;
      this.#failure = null;
      this.#pauseMs = everyMs;
      onPublished();
    } catch (error) {
      if (this.#failure === null) onFailure(error);
      this.#failure = error;
      this.#isBehind = true;
      this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
    } finally {
      this.#dueAt = startedAt + this.#pauseMs;
      this.#running = null;
    }
  }
}
