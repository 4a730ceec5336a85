import type { Layout } from "./layout.ts";
import type { SegmentPool } from "./pool.ts";
import type { Slot } from "./slot.ts";

export type RunOptions = {
  readonly pool: Pick<SegmentPool, "depth" | "takeSlot" | "giveSlot">;
  readonly layout: Layout;
  /** The first and the last position. */
  readonly first: number;
  readonly last: number;
  /** How many slots the run holds at the most, which is all the memory that it takes. The pool's depth without one. */
  readonly depth?: number;
  readonly signal?: AbortSignal;
};

type Stage = { next: number; readonly arrived: Map<number, () => void> };

/**
 * Works through the segments of an object, several at once, in bounded memory: as many lanes as it has slots, each taking the next position
 * when it is done with its last. Steps begin in the order of positions. The first failure, or the signal, ends all of it: what waits for its
 * turn or for the source is let go of, what is under way otherwise is waited for, so that afterwards nobody writes any more.
 */
export class SegmentRun {
  readonly #options: RunOptions;
  readonly #stages = new Map<string, Stage>();
  readonly #letGo = new Set<(reason: unknown) => void>();
  #failure: { readonly reason: unknown } | null = null;
  #next: number;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  /** Takes the step of every position. Throws the first failure, or the signal's reason. */
  async each(step: (slot: Slot, position: number) => Promise<void>): Promise<void> {
    const { pool, layout, first, last, depth = pool.depth, signal } = this.#options;
    const interrupt = () => this.#fail(signal?.reason);
    if (signal?.aborted === true) interrupt();
    signal?.addEventListener("abort", interrupt);
    const lanes = Math.min(Math.max(1, depth), last - first + 1);
    try {
      await Promise.all(
        Array.from({ length: lanes }, async () => await this.#lane(pool.takeSlot(layout), step)),
      );
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
    if (this.#failure !== null) throw this.#failure.reason;
  }

  /** Does the work of a stage in the order of positions, each when the one before is done. */
  async inTurn(name: string, position: number, work: () => Promise<void> | void): Promise<void> {
    const stage = this.#stageOf(name);
    if (stage.next !== position) {
      const { promise, resolve } = Promise.withResolvers<void>();
      stage.arrived.set(position, resolve);
      await this.unlessFailed(promise);
    }
    if (this.#failure !== null) throw this.#failure.reason;
    await work();
    stage.next = position + 1;
    stage.arrived.get(stage.next)?.();
    stage.arrived.delete(stage.next);
  }

  /** Waits for what may never come, but no longer than until the run has failed. */
  async unlessFailed<Result>(work: Promise<Result>): Promise<Result> {
    work.catch(() => {});
    if (this.#failure !== null) throw this.#failure.reason;
    // A race with one promise of the whole run would keep a reaction of every segment until its end.
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#letGo.add(reject);
    work.then(resolve, reject);
    try {
      return await promise;
    } finally {
      this.#letGo.delete(reject);
    }
  }

  async #lane(slot: Slot, step: (slot: Slot, position: number) => Promise<void>): Promise<void> {
    const { pool, last } = this.#options;
    try {
      while (this.#failure === null && this.#next <= last) await step(slot, this.#next++);
    } catch (error) {
      this.#fail(error);
    }
    // A source that was let go of may still write into the slot, which therefore is nobody's any more.
    if (this.#failure === null) pool.giveSlot(slot);
    else slot.wipe();
  }

  #fail(reason: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = { reason };
    for (const reject of this.#letGo) reject(reason);
  }

  #stageOf(name: string): Stage {
    let stage = this.#stages.get(name);
    if (stage === undefined) {
      stage = { next: this.#options.first, arrived: new Map() };
      this.#stages.set(name, stage);
    }
    return stage;
  }
}
