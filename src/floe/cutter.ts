/** The bytes of one block as views in order, so that nothing is copied together. They stand until the next block is asked for. */
export type Block = readonly Uint8Array[];

/**
 * Cuts a stream of chunks of any size into blocks of one size. It holds back what may be the last block, because only the end of the
 * stream tells; so it needs one block of memory, and copies nothing but the end of each chunk.
 */
export class Cutter {
  readonly #blockBytes: number;
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get isEmpty(): boolean {
    return this.#heldBytes === 0;
  }

  /** Takes a chunk, which may be reused once this has run to its end, and gives the full blocks that are known not to be the last. */
  *push(chunk: Uint8Array): Generator<Block, void, undefined> {
    let rest = chunk;
    while (this.#heldBytes + rest.length > this.#blockBytes) {
      const missingBytes = this.#blockBytes - this.#heldBytes;
      const held = this.end();
      this.#heldBytes = 0;
      yield [...held, rest.subarray(0, missingBytes)];
      rest = rest.subarray(missingBytes);
    }
    if (rest.length > 0) this.#hold(rest);
  }

  /** The last block: full, shorter, or empty where nothing came at all. */
  end(): Block {
    return this.#heldBytes === 0 ? [] : [this.#held.subarray(0, this.#heldBytes)];
  }

  /** Overwrites what was held. */
  wipe(): void {
    this.#held.fill(0);
    this.#heldBytes = 0;
  }

  #hold(bytes: Uint8Array): void {
    if (this.#held.length === 0) this.#held = Buffer.allocUnsafeSlow(this.#blockBytes);
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes += bytes.length;
  }
}

export function blockBytes(block: Block): number {
  return block.reduce((sizeBytes, view) => sizeBytes + view.length, 0);
}

/** The block's bytes from `start` to `end`, as views. */
export function sliceBlock(block: Block, start: number, end: number): Block {
  const views: Uint8Array[] = [];
  let offset = 0;
  for (const view of block) {
    const wanted = view.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
    if (wanted.length > 0) views.push(wanted);
    offset += view.length;
  }
  return views;
}

/** A chunk in views of at most `sizeBytes`, so that a huge one is worked through in bounded memory. */
export function* slices(chunk: Uint8Array, sizeBytes: number): Generator<Uint8Array> {
  for (let start = 0; start < chunk.length; start += sizeBytes) {
    yield chunk.subarray(start, start + sizeBytes);
  }
}
