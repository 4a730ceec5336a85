import { Refusal } from "../errors.ts";

/** Fills all of `into` with what lies from `offset` on. Throws where there is less. Is asked for several places at once, in rising order. */
export type ReadAt = (into: Uint8Array, offset: number) => Promise<void>;

/** Puts all of `bytes` at `offset`; they may be reused once it resolves. Takes several places at once, in any order. */
export type WriteAt = (bytes: Uint8Array, offset: number) => Promise<void>;

/**
 * Reads a stream in order, as places that rise without a gap: each call begins where the one before ended. Nothing of it is kept but the rest
 * of the last chunk. Refuses with `object_corrupt` a stream that ends too early, and at `end` one that goes on.
 */
export class StreamPlaces {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #last: Promise<void> = Promise.resolve();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** A `ReadAt`. */
  readonly read: ReadAt = async (into) => {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    // One that fails leaves its successors waiting; the run has ended by then.
    await this.#fill(into);
    resolve();
  };

  /** Resolves where the stream ends here. */
  async end(): Promise<void> {
    await this.#last;
    if (this.#rest.length > 0 || !(await this.#pull()))
      throw new Refusal("object_corrupt", "The stored bytes do not have their recorded size.");
  }

  /** Tells the source that nobody reads on; does not wait for one that is silent. */
  [Symbol.dispose](): void {
    this.#chunks.return?.().catch(() => {});
  }

  async #fill(into: Uint8Array): Promise<void> {
    let filledBytes = 0;
    while (filledBytes < into.length) {
      if (this.#rest.length === 0 && (await this.#pull()))
        throw new Refusal("object_corrupt", "The stored bytes end before their recorded size.");
      const taken = this.#rest.subarray(0, into.length - filledBytes);
      into.set(taken, filledBytes);
      filledBytes += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
    }
  }

  /** The next bytes, if there are any. Gives whether the stream is over. */
  async #pull(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return true;
      this.#rest = next.value;
    }
    return false;
  }
}
