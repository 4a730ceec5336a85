import { createCipheriv, createHash } from "node:crypto";

/** Random choices that a seed makes again. */
export class Random {
  #state: Buffer;

  constructor(seed: string) {
    this.#state = createHash("sha256").update(seed).digest();
  }

  /** At least 0 and less than 1. */
  unit(): number {
    this.#state = createHash("sha256").update(this.#state).digest();
    return this.#state.readUIntBE(0, 6) / 2 ** 48;
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  /** One of a list that is not empty. */
  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("there is nothing to pick from");
    return item;
  }
}

/** A file whose path says what is in it, so that whoever sees the path knows the bytes. */
export type SeededFile = {
  readonly path: string;
  readonly size: number;
  readonly bytes: () => Buffer;
};

export function seededFile(seed: string, size: number): SeededFile {
  return { path: `${seed}/${size}.bin`, size, bytes: () => keystream(seed, size) };
}

/** The file that a path names; null where it names none of ours. */
export function fileAt(path: string): SeededFile | null {
  const [, seed, size] = /^([a-z0-9-]+)\/(\d+)\.bin$/.exec(path) ?? [];
  return seed === undefined || size === undefined ? null : seededFile(seed, Number(size));
}

function keystream(seed: string, size: number): Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
