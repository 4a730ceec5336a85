import { Worker } from "node:worker_threads";
import { Refusal } from "../errors.ts";
import type { EntryBody } from "./entry.ts";
import type { BundleDigest, BundleWork } from "./verify-digest.ts";
import { type StoredBundle, type StoredDigest, StoredDigester } from "./verify-stored.ts";
import { readTexts } from "./verify-text.ts";

/**
 * A digest, the text of its entries, and the decisions by the numbers that it has for them: those of its digester so far. One is shared by all
 * entries with its text.
 */
export type Digested = {
  readonly digest: BundleDigest;
  readonly texts: readonly string[];
  readonly decisions: readonly EntryBody[];
};

/** What came of a bundle that a thread read itself, as in `StoredDigest`. */
export type StoredDigested = { readonly digested: Digested | null } & Omit<StoredDigest, "digest">;

type HandedWork = BundleWork & { readonly bundle: Uint8Array<ArrayBuffer> };

/** What a thread is given to do, with memory for the text that it makes. */
export type Order = { readonly room?: ArrayBuffer } & (
  | { readonly handed: HandedWork; readonly stored?: undefined }
  | { readonly handed?: undefined; readonly stored: StoredBundle }
);

/** What a thread answers: the digest, and the memory that it was given; or why a file cannot be read. */
export type Answer =
  | (StoredDigest & { readonly spent: readonly ArrayBuffer[] })
  | { readonly unreadable: { readonly message: string; readonly cause: unknown } };

type Waiting = PromiseWithResolvers<StoredDigested>;

type Thread = {
  readonly worker: Worker;
  readonly waiting: Waiting[];
  readonly decisions: EntryBody[];
  hasEnded: boolean;
};

/** How many bundles wait for a thread at most before the caller's own takes one: enough for it to work on until the caller looks again. */
export const ahead = 4;

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
  readonly #own = new StoredDigester();
  readonly #ownDecisions: EntryBody[] = [];
  readonly #spare: ArrayBuffer[] = [];

  constructor(threads: number) {
    for (let number = 0; number < threads; number += 1) this.#threads.push(this.#start());
  }

  /** Whether there are threads and every one has enough to do. */
  get isBusy(): boolean {
    return (
      this.#threads.length > 0 && this.#threads.every(({ waiting }) => waiting.length >= ahead)
    );
  }

  async digest(work: BundleWork): Promise<Digested> {
    const thread = this.#idlest();
    if (thread === undefined)
      return this.#told(this.#own.digest(work, this.#spare.pop()), this.#ownDecisions);
    // A copy of its own is handed over, since the source may use its bytes again; the thread hands the memory back.
    const handed: HandedWork = { ...work, bundle: this.#copy(work.bundle) };
    const { digested } = await this.#give(thread, { handed });
    if (digested === null) throw new Error("a thread did not digest what it was handed");
    return digested;
  }

  /** Gives the bundle to a thread, or reads it here while every thread has enough to do. */
  async digestStored(stored: StoredBundle): Promise<StoredDigested> {
    const thread = this.#idlest();
    if (thread !== undefined && !this.isBusy) return await this.#give(thread, { stored });
    const { digest, leafBytes } = this.#own.digestStored(stored, this.#spare.pop());
    const digested = digest === null ? null : this.#told(digest, this.#ownDecisions);
    return { digested, leafBytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(async ({ worker }) => await worker.terminate()));
  }

  #idlest(): Thread | undefined {
    return this.#threads.toSorted((one, other) => one.waiting.length - other.waiting.length)[0];
  }

  async #give(thread: Thread, order: Order): Promise<StoredDigested> {
    if (thread.hasEnded) throw ended();
    const waiting = Promise.withResolvers<StoredDigested>();
    thread.waiting.push(waiting);
    const room = this.#spare.pop();
    const given = room === undefined ? [] : [room];
    const handed = order.handed === undefined ? [] : [order.handed.bundle.buffer];
    const whole = room === undefined ? order : { ...order, room };
    thread.worker.postMessage(whole, [...given, ...handed]);
    return await waiting.promise;
  }

  #start(): Thread {
    const worker = new Worker(program, { resourceLimits });
    const thread: Thread = { worker, waiting: [], decisions: [], hasEnded: false };
    const fail = (cause: unknown) => {
      thread.hasEnded = true;
      for (const each of thread.waiting.splice(0)) each.reject(ended(cause));
    };
    worker.on("message", (answer: Answer) => this.#settle(thread, answer));
    worker.on("error", fail);
    worker.on("exit", fail);
    return thread;
  }

  #settle(thread: Thread, answer: Answer): void {
    const waiting = thread.waiting.shift();
    if ("unreadable" in answer) {
      const { message, cause } = answer.unreadable;
      waiting?.reject(new Refusal("ledger_unavailable", message, { cause }));
      return;
    }
    const { digest, leafBytes, spent } = answer;
    this.#spare.push(...spent);
    // As digests come, and not as they are used: a later bundle may be the first to meet a decision.
    const digested = digest === null ? null : this.#told(digest, thread.decisions);
    waiting?.resolve({ digested, leafBytes });
  }

  /** The digest with what it says to this thread; the memory of its text is then free for another. */
  #told(digest: BundleDigest, decisions: EntryBody[]): Digested {
    for (const text of digest.newDecisions) decisions.push(JSON.parse(text) as EntryBody);
    const texts = readTexts(digest);
    const memory = digest.text.buffer;
    if (memory instanceof ArrayBuffer) this.#spare.push(memory);
    return { digest, texts, decisions };
  }

  /** In memory that is free, where there is enough of it: garbage of this size would be collected late. */
  #copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const at = this.#spare.findIndex(({ byteLength }) => byteLength >= bytes.length);
    const [spare] = at < 0 ? [] : this.#spare.splice(at, 1);
    const size = Math.ceil(bytes.length / pieceBytes) * pieceBytes;
    const copy = new Uint8Array(spare ?? new ArrayBuffer(size), 0, bytes.length);
    copy.set(bytes);
    return copy;
  }
}

const pieceBytes = 65_536;

function ended(cause?: unknown): Error {
  return new Error("a thread that verifies the ledger ended", { cause });
}
