import { hashBytes } from "../merkle/tree.ts";

type Run = { readonly first: number; readonly leaves: Buffer };

/** Leaf hashes that were proved to be in their places: the newest ones, at most so many and one run more. */
export class ProvedLeaves {
  readonly #most: number;
  #runs: Run[] = [];
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes the leaf hashes, one behind the other, of the entries from that index on. */
  add(first: number, leaves: Buffer): void {
    if (leaves.length === 0) return;
    this.#runs.unshift({ first, leaves });
    this.#count += leaves.length / hashBytes;
    while (this.#count > this.#most && this.#runs.length > 1)
      this.#count -= (this.#runs.pop()?.leaves.length ?? 0) / hashBytes;
  }

  /** The proved hash of that index; null where none is at hand. */
  at(index: number): Buffer | null {
    for (const { first, leaves } of this.#runs) {
      if (index < first) continue;
      const at = (index - first) * hashBytes;
      return at < leaves.length ? leaves.subarray(at, at + hashBytes) : null;
    }
    return null;
  }

  clear(): void {
    this.#runs = [];
    this.#count = 0;
  }
}
