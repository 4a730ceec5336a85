import { createHash, type Hash } from "node:crypto";

/** More uploads at once than these are verified by reading back. */
const mostDigests = 1_000;
/** So many files are read back side by side: each holds segments in memory, and its client does not wait for it. */
const mostReaders = 8;

type Running = { readonly hash: Hash; readonly tags: readonly string[] };

/**
 * What this process knows of objects that come by parts: the digests of those whose parts came in order, and the completions that are
 * under way. Nothing is lost with it: a digest is made again by reading back, and a completion is asked for again.
 */
export class UploadWork {
  readonly #digests = new Map<string, Running>();
  readonly #completions = new Map<string, Promise<unknown>>();
  readonly #stopping = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #readers = 0;

  /** Aborted when the process ends. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** The digest of all before this part, to go on with; null where those did not come in order through this process. */
  digestBefore(object: string, part: number): Hash | null {
    if (part === 1) return createHash("sha256");
    const running = this.#digests.get(object);
    return running?.tags.length === part - 1 ? running.hash.copy() : null;
  }

  /** Keeps the digest of all up to a part that the store now holds under this tag. */
  keepDigest(object: string, { hash, part, tag }: { hash: Hash; part: number; tag: string }): void {
    const tags = part === 1 ? [] : (this.#digests.get(object)?.tags ?? []);
    if (tags.length !== part - 1) return;
    this.#keep(object, { hash, tags: [...tags, tag] });
  }

  /** Keeps the digest of the whole, so that a completion that fails after its verifying read does not read again. */
  keepProof(object: string, hash: Hash, tags: readonly string[]): void {
    this.#keep(object, { hash, tags });
  }

  /** The SHA-256 of the whole, if it was made of exactly these parts. */
  digestOf(object: string, tags: readonly string[]): Buffer | null {
    const running = this.#digests.get(object);
    const isSame =
      running?.tags.length === tags.length && running.tags.every((tag, at) => tag === tags[at]);
    return running !== undefined && isSame ? running.hash.copy().digest() : null;
  }

  forget(object: string): void {
    this.#digests.delete(object);
  }

  /** Runs a completion, or joins the one that runs: one of an object at a time. */
  async complete<Result>(object: string, work: () => Promise<Result>): Promise<Result> {
    const running = this.#completions.get(object);
    if (running !== undefined) return (await running) as Result;
    const begun = work().finally(() => this.#completions.delete(object));
    this.#completions.set(object, begun);
    return await begun;
  }

  /** Does the work of one that reads back, in the order of asking, when there is room for it. */
  async readBack<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#readers < mostReaders) this.#readers += 1;
    else await new Promise<void>((enter) => this.#waiting.push(enter));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#readers -= 1;
      else next();
    }
  }

  /** Ends what is under way, and resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#completions.values());
  }

  #keep(object: string, running: Running): void {
    this.#digests.delete(object);
    this.#digests.set(object, running);
    const [oldest] = this.#digests.keys();
    if (this.#digests.size > mostDigests && oldest !== undefined) this.#digests.delete(oldest);
  }
}
