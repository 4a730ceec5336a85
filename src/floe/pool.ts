import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import { type Layout, oneMebibyteLayout } from "./layout.ts";
import { giveBack } from "./memory.ts";
import type { Answered, Outcome } from "./pool-worker.ts";
import { Scratch, Slot, type SlotWork } from "./slot.ts";

type Waiting = PromiseWithResolvers<number> & { readonly slot: Slot; readonly work: SlotWork };

type Thread = {
  readonly worker: Worker;
  /** In the order in which the thread will answer. */
  readonly waiting: Waiting[];
};

/** How many segments a thread is handed at once: it works on while the thread that hands them out hashes, or has no processor. */
const aheadOfThread = 8;
/** A thread has the next segment at hand while its last answer travels. */
const slotsOfThread = 2;

const ended = "the threads that seal and open segments were ended";

/** A thread holds one segment; short-lived garbage need not grow to more. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

/** The built package has JavaScript beside it. */
const defaultProgram = new URL(
  import.meta.url.endsWith(".ts") ? "./pool-worker.ts" : "./pool-worker.js",
  import.meta.url,
);

export type PoolOptions = {
  /** How many threads; 0 does the work in the caller's own. */
  readonly threads: number;
  /** Only tests run another program in the threads. */
  readonly program?: URL;
};

/**
 * Seals and opens segments in worker threads, which start with the first segment. What works on an object keeps as many slots as it wants at
 * once, so memory is theirs times a segment, and the pool keeps a few of them for the next one. `await using` ends the threads.
 *
 * A thread that dies fails the segments that it had, so that nothing is ever taken for sealed or opened because nobody looked; another
 * takes its place for those that come later.
 */
export class SegmentPool {
  readonly threads: number;
  readonly #program: URL;
  readonly #running: Thread[] = [];
  readonly #queue: Waiting[] = [];
  readonly #spare: Slot[] = [];
  readonly #scratch = new Scratch();
  #isOver = false;

  constructor({ threads, program = defaultProgram }: PoolOptions) {
    this.threads = threads;
    this.#program = program;
  }

  /** How many segments of one object it takes to keep every thread at work while others are read, hashed and written. */
  get depth(): number {
    return this.threads * slotsOfThread + 2;
  }

  /**
   * Seals or opens what lies in the slot, or in a file, under a key that stays the caller's. Gives the size of the result. Refuses an object as
   * `openSegment` does. Nobody else may touch the slot meanwhile, nor close a file; once this has settled, no thread touches them either.
   */
  async work(slot: Slot, key: Secret, work: SlotWork): Promise<number> {
    if (this.#isOver) throw new Error(ended);
    slot.key.lend(key);
    if (this.threads === 0) {
      // Nothing else is waited for where the files are read and written here too, and others of this thread must have their turn.
      if (work.from !== undefined || work.to !== undefined) await nextTurn();
      return slot.work(work, this.#scratch);
    }
    const waiting = { ...Promise.withResolvers<number>(), slot, work };
    this.#queue.push(waiting);
    this.#handOut();
    try {
      return await waiting.promise;
    } finally {
      // The thread has wiped it, unless it died.
      slot.key.wipe();
    }
  }

  /** Memory for a segment; it holds nothing of another object. */
  takeSlot(layout: Layout = oneMebibyteLayout): Slot {
    const at = this.#spare.findIndex((slot) => slot.layout.segmentBytes === layout.segmentBytes);
    const [spare] = at < 0 ? [] : this.#spare.splice(at, 1);
    return spare ?? new Slot(layout);
  }

  /** Takes a slot back, which nobody may touch any more, and wipes it. */
  giveSlot(slot: Slot): void {
    slot.wipe();
    if (this.#spare.length < this.depth) this.#spare.push(slot);
    else giveBack(slot.segment(slot.layout.segmentBytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const each of this.#queue.splice(0)) each.reject(new Error(ended));
    await Promise.all(this.#running.map(async ({ worker }) => await worker.terminate()));
  }

  #handOut(): void {
    while (this.#queue.length > 0) {
      let thread = this.#running.toSorted((a, b) => a.waiting.length - b.waiting.length)[0];
      if ((thread?.waiting.length ?? 1) > 0 && this.#running.length < this.threads)
        thread = this.#start();
      if (thread === undefined || thread.waiting.length >= aheadOfThread) return;
      const next = this.#queue.shift();
      if (next === undefined) return;
      thread.waiting.push(next);
      const { slot, work } = next;
      thread.worker.postMessage({ memory: slot.memory, key: slot.key.memory, work }, [slot.memory]);
    }
  }

  #start(): Thread {
    const worker = new Worker(this.#program, { resourceLimits, argv: [], env: {} });
    const thread: Thread = { worker, waiting: [] };
    const fail = (cause: unknown) => {
      const at = this.#running.indexOf(thread);
      if (at >= 0) this.#running.splice(at, 1);
      const died = new Error("a thread that seals and opens segments ended", { cause });
      for (const each of thread.waiting.splice(0)) {
        each.slot.restore();
        each.reject(died);
      }
      if (!this.#isOver) this.#handOut();
    };
    worker.on("message", ({ memory, outcome }: Answered) => {
      const done = thread.waiting.shift();
      done?.slot.restore(memory);
      if ("sizeBytes" in outcome) done?.resolve(outcome.sizeBytes);
      else done?.reject(errorOf(outcome));
      this.#handOut();
    });
    worker.on("error", fail);
    worker.on("exit", fail);
    this.#running.push(thread);
    return thread;
  }
}

function errorOf(outcome: Exclude<Outcome, { readonly sizeBytes: number }>): Error {
  if ("refusal" in outcome) return new Refusal(outcome.refusal, outcome.message);
  const error = new Error(outcome.message);
  return outcome.code === undefined ? error : Object.assign(error, { code: outcome.code });
}
