import { Worker } from "node:worker_threads";
import type { Changed, Checked, Verdict } from "./checker.ts";

/**
 * A mutant may work this many times as long as everything took without one, and a while at least. What counts is the thread's own time on a processor,
 * so that a busy machine kills none.
 */
const patience = 4;
const leastMs = 5_000;
const pollMs = 500;

/** A thread is replaced after so many mutants, and its memory with it. */
const mutantsPerThread = 400;

/** One thread that checks mutants one after the other. A mutant that never ends is killed by the clock, and the thread with it. */
export class Checker {
  readonly #files: readonly string[];
  #worker: Worker | null = null;
  #left = 0;
  #limitMs = leastMs;

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /** Runs the tests on what stands; a later thread does so again before its first mutant. */
  async baseline(): Promise<Verdict> {
    await this.stop();
    const workerData: Checked = { files: this.#files };
    this.#worker = new Worker(new URL("./checker.ts", import.meta.url), {
      workerData,
      stderr: true,
    });
    this.#left = mutantsPerThread;
    const verdict = await answer(this.#worker, null);
    this.#limitMs = Math.max(leastMs, patience * (await workedMs(this.#worker)));
    return verdict;
  }

  async check(changed: Changed): Promise<Verdict> {
    if (this.#worker === null || this.#left === 0) {
      const { killedBy } = await this.baseline();
      if (killedBy !== null) throw new Error(`without a mutation this fails: ${killedBy}`);
    }
    if (this.#worker === null) throw new Error("no thread to check in");
    this.#left -= 1;
    this.#worker.postMessage(changed);
    const verdict = await answer(this.#worker, this.#limitMs);
    if (verdict.killedBy === theClock) await this.stop();
    return verdict;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }
}

const theClock = "the clock";

/** What the thread answers, or that its time ran out; null waits for ever. */
async function answer(worker: Worker, limitMs: number | null): Promise<Verdict> {
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  let startMs: number | null = null;
  const poll = async () => {
    const nowMs = await workedMs(worker);
    startMs ??= nowMs;
    if (limitMs !== null && nowMs - startMs > limitMs) resolve({ killedBy: theClock });
  };
  const timer = setInterval(() => void poll().catch(reject), pollMs);
  worker.once("message", resolve);
  worker.once("error", reject);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    worker.off("message", resolve);
    worker.off("error", reject);
  }
}

async function workedMs(worker: Worker): Promise<number> {
  const { user, system } = await worker.cpuUsage();
  return (user + system) / 1_000;
}
