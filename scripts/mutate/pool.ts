import { Worker } from "node:worker_threads";
import type { Changed, Checked, Verdict } from "./checker.ts";

const timeoutMs = 30_000;

/** A thread is replaced after so many mutants, and its memory with it. */
const mutantsPerThread = 400;

/** One thread that checks mutants one after the other. A mutant that never ends is killed by the clock, and the thread with it. */
export class Checker {
  readonly #files: readonly string[];
  #worker: Worker | null = null;
  #left = 0;

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
    return await answer(this.#worker);
  }

  async check(changed: Changed): Promise<Verdict> {
    if (this.#worker === null || this.#left === 0) {
      const { killedBy } = await this.baseline();
      if (killedBy !== null) throw new Error(`without a mutation this fails: ${killedBy}`);
    }
    if (this.#worker === null) throw new Error("no thread to check in");
    this.#left -= 1;
    this.#worker.postMessage(changed);
    const verdict = await answer(this.#worker);
    if (verdict.killedBy === theClock) await this.stop();
    return verdict;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }
}

const theClock = "the clock";

async function answer(worker: Worker): Promise<Verdict> {
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => resolve({ killedBy: theClock }), timeoutMs);
  worker.once("message", resolve);
  worker.once("error", reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    worker.off("message", resolve);
    worker.off("error", reject);
  }
}
