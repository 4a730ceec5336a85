import { Worker } from "node:worker_threads";
import type { EntryBody } from "./entry.ts";
import { type BundleDigest, BundleDigester, type BundleWork } from "./verify-digest.ts";

/** A digest, and the decisions by the numbers that it has for them: those of its digester so far. One is shared by all entries with its text. */
export type Digested = { readonly digest: BundleDigest; readonly decisions: readonly EntryBody[] };

/** What a thread answers: the digest, and the memory that it was given. */
export type Answered = { readonly digest: BundleDigest; readonly spent: readonly ArrayBuffer[] };

type Waiting = PromiseWithResolvers<Answered>;

const pieceBytes = 65_536;

type Thread = {
  readonly worker: Worker;
  readonly waiting: Waiting[];
  readonly decisions: EntryBody[];
  hasEnded: boolean;
};

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
  readonly #ownDecisions: EntryBody[] = [];
  readonly #spare: ArrayBuffer[] = [];
  #turn = 0;

  constructor(threads: number) {
    for (let number = 0; number < threads; number += 1) this.#threads.push(startThread());
  }

  async digest(work: BundleWork): Promise<Digested> {
    const thread = this.#threads[this.#turn];
    if (thread === undefined) {
      const digest = this.#own.digest(work);
      return { digest, decisions: learn(this.#ownDecisions, digest) };
    }
    this.#turn = (this.#turn + 1) % this.#threads.length;
    if (thread.hasEnded) throw ended();
    const waiting = Promise.withResolvers<Answered>();
    thread.waiting.push(waiting);
    // Copies of their own are handed over, since the source may use its bytes again; the thread hands their memory back.
    const bundle = this.#copy(work.bundle);
    const leafTile = work.leafTile === null ? null : this.#copy(work.leafTile);
    const handed = leafTile === null ? [bundle.buffer] : [bundle.buffer, leafTile.buffer];
    thread.worker.postMessage({ ...work, bundle, leafTile }, handed);
    const { digest, spent } = await waiting.promise;
    this.#spare.push(...spent);
    return { digest, decisions: thread.decisions };
  }

  /** In memory that a thread has handed back, where there is enough of it: garbage of this size would be collected late. */
  #copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const at = this.#spare.findIndex(({ byteLength }) => byteLength >= bytes.length);
    const [spare] = at < 0 ? [] : this.#spare.splice(at, 1);
    const size = Math.ceil(bytes.length / pieceBytes) * pieceBytes;
    const copy = new Uint8Array(spare ?? new ArrayBuffer(size), 0, bytes.length);
    copy.set(bytes);
    return copy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(async ({ worker }) => await worker.terminate()));
  }
}

function startThread(): Thread {
  const worker = new Worker(program, { resourceLimits });
  const thread: Thread = { worker, waiting: [], decisions: [], hasEnded: false };
  const fail = (cause: unknown) => {
    thread.hasEnded = true;
    for (const each of thread.waiting.splice(0)) each.reject(ended(cause));
  };
  worker.on("message", (answered: Answered) => {
    learn(thread.decisions, answered.digest);
    thread.waiting.shift()?.resolve(answered);
  });
  worker.on("error", fail);
  worker.on("exit", fail);
  return thread;
}

/** As digests come, and not as they are used: bundles are fetched side by side, and a later one may be the first to meet a decision. */
function learn(decisions: EntryBody[], { newDecisions }: BundleDigest): readonly EntryBody[] {
  for (const text of newDecisions) decisions.push(JSON.parse(text) as EntryBody);
  return decisions;
}

function ended(cause?: unknown): Error {
  return new Error("a thread that verifies the ledger ended", { cause });
}
