import { Worker } from "node:worker_threads";
import { type BundleDigest, BundleDigester, type BundleWork } from "./verify-digest.ts";

/** A digest, and which digester's numbers its decisions have. */
export type Digested = { readonly digest: BundleDigest; readonly digester: number };

type Waiting = PromiseWithResolvers<BundleDigest>;

type Thread = { readonly worker: Worker; readonly waiting: Waiting[]; hasEnded: boolean };

/** A thread holds a few bundles; short-lived garbage need not grow to more. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 192 };

/** The built command line has JavaScript beside it. */
const program = new URL(
  import.meta.url.endsWith(".ts") ? "./verify-worker.ts" : "./verify-worker.js",
  import.meta.url,
);

/**
 * Digests bundles in worker threads, in turn; in the caller's own thread where none are asked for. `await using` ends the threads.
 * A thread that dies fails what waits for it: a ledger is never taken for verified because nobody looked.
 */
export class DigestPool {
  readonly #threads: Thread[] = [];
  readonly #own = new BundleDigester();
  #turn = 0;

  constructor(threads: number) {
    for (let number = 0; number < threads; number += 1) this.#threads.push(startThread());
  }

  async digest(work: BundleWork): Promise<Digested> {
    const digester = this.#turn;
    const thread = this.#threads[digester];
    if (thread === undefined) return { digest: this.#own.digest(work), digester };
    this.#turn = (this.#turn + 1) % this.#threads.length;
    if (thread.hasEnded) throw ended();
    const waiting = Promise.withResolvers<BundleDigest>();
    thread.waiting.push(waiting);
    // Copies of their own are handed over; the source may use its bytes again.
    const bundle = new Uint8Array(work.bundle);
    const leafTile = work.leafTile === null ? null : new Uint8Array(work.leafTile);
    const handed = leafTile === null ? [bundle.buffer] : [bundle.buffer, leafTile.buffer];
    thread.worker.postMessage({ ...work, bundle, leafTile }, handed);
    return { digest: await waiting.promise, digester };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(async ({ worker }) => await worker.terminate()));
  }
}

function startThread(): Thread {
  const worker = new Worker(program, { resourceLimits });
  const thread: Thread = { worker, waiting: [], hasEnded: false };
  const fail = (cause: unknown) => {
    thread.hasEnded = true;
    for (const each of thread.waiting.splice(0)) each.reject(ended(cause));
  };
  worker.on("message", (digest: BundleDigest) => thread.waiting.shift()?.resolve(digest));
  worker.on("error", fail);
  worker.on("exit", fail);
  return thread;
}

function ended(cause?: unknown): Error {
  return new Error("a thread that verifies the ledger ended", { cause });
}
