import { Failure } from "./failure.ts";

/**
 * What a listing has given so far that a server cuts into pages. Each page but the last must bring something that none before it had, and its cursor must be another
 * than every one before: a server that goes round in circles would else be asked for ever.
 */
export class Pages {
  /** What is listed, for the message. */
  readonly #what: string;
  readonly #keys = new Set<string>();
  readonly #cursors = new Set<string>();

  constructor(what: string) {
    this.#what = what;
  }

  /** Gives the cursor, after which the next page is asked for; null after the last. `keys` name what the page has. Throws `failed` where it does not go on. */
  next(keys: readonly string[], cursor: string | null): string | null {
    const before = this.#keys.size;
    for (const key of keys) this.#keys.add(key);
    if (cursor === null) return null;
    if (this.#cursors.has(cursor) || this.#keys.size === before)
      throw new Failure(
        "failed",
        `the server's list of ${this.#what} does not go on: its pages come again, or bring nothing new`,
      );
    this.#cursors.add(cursor);
    return cursor;
  }
}
