import { randomBytes } from "node:crypto";
import { type Block, blockBytes, Cutter, slices } from "./cutter.ts";
import type { FilePlace } from "./file-place.ts";
import { createHeader, type HeaderOptions, openHeader, type RandomSource } from "./header.ts";
import type { SegmentKeys } from "./keys.ts";
import { type Layout, oneMebibyteLayout, segmentCapacityBytes, segmentIvBytes } from "./layout.ts";
import type { SegmentPool } from "./pool.ts";
import { type Place, sealSegment } from "./segment.ts";
import type { Slot } from "./slot.ts";

export type SealOptions = HeaderOptions & { readonly random?: RandomSource };

export type SealerOptions = SealOptions & {
  /** The stored header of an object that was begun before, to go on with it. Without one a fresh header is made. */
  readonly header?: Uint8Array;
};

type Between = { readonly from: FilePlace; readonly to: FilePlace };

/**
 * The sealed object of a plaintext, in pieces: the header, then one segment after the other. An exact multiple of a segment's
 * capacity ends in a full final segment, an empty source in an empty one. Never holds more than two segments.
 */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  options: SealOptions,
): AsyncGenerator<Buffer, void, undefined> {
  using sealer = new Sealer(options);
  using stream = sealer.stream();
  const capacityBytes = segmentCapacityBytes(options.layout);
  yield sealer.header;
  for await (const chunk of source) {
    for (const slice of slices(chunk, capacityBytes)) yield* stream.write(slice);
  }
  yield* stream.finish();
}

/**
 * The header and keys of one object to be sealed. `using` wipes the keys. Refuses with `object_corrupt` a stored header that was not
 * made with this key and these associated bytes.
 */
export class Sealer {
  /** The first 74 bytes of the object. Store it before the first segment, so that anyone who resumes can seal under it. */
  readonly header: Buffer;
  readonly #keys: SegmentKeys;
  readonly #layout: Layout;
  readonly #random: RandomSource;

  constructor({ header, random = randomBytes, ...options }: SealerOptions) {
    this.#layout = options.layout ?? oneMebibyteLayout;
    this.#random = random;
    if (header === undefined) {
      const created = createHeader(options, random);
      this.header = created.header;
      this.#keys = created.keys;
    } else {
      this.header = Buffer.from(header);
      this.#keys = openHeader(this.header, options);
    }
  }

  /**
   * One segment in pieces, under a fresh IV. Who calls it decides where segments stand and which one is final; `stream` decides it
   * for a plaintext that comes in order.
   */
  seal(plaintext: Block, place: Place): Buffer[] {
    return sealSegment(this.#keys, this.#layout, {
      ...place,
      plaintext,
      iv: this.#random(segmentIvBytes),
    });
  }

  /** Puts a fresh IV into a slot, for the segment that is sealed in it next. */
  freshen(slot: Slot): void {
    const iv = this.#random(segmentIvBytes);
    if (iv.length !== segmentIvBytes) throw new RangeError("a segment IV has 12 bytes");
    slot.iv.set(iv);
  }

  /** Seals in place, in one of the pool's threads, the plaintext that lies in a freshened slot. Gives the segment, in the slot too. */
  async sealIn(
    pool: SegmentPool,
    slot: Slot,
    { plaintextBytes, ...place }: Place & { readonly plaintextBytes: number },
  ): Promise<Uint8Array> {
    const work = {
      ...place,
      verb: "seal",
      layout: this.#layout,
      sizeBytes: plaintextBytes,
    } as const;
    return slot.segment(await pool.work(slot, this.#keys.at(place.position), work));
  }

  /**
   * Seals a segment from file to file, in one of the pool's threads and under a fresh IV. Gives the plaintext that was sealed, in the slot: what
   * is digested is what was read, whatever becomes of the file meanwhile.
   */
  async sealBetween(
    pool: SegmentPool,
    slot: Slot,
    { plaintextBytes, ...rest }: Place & { readonly plaintextBytes: number } & Between,
  ): Promise<Uint8Array> {
    this.freshen(slot);
    const work = {
      ...rest,
      verb: "seal",
      layout: this.#layout,
      sizeBytes: plaintextBytes,
    } as const;
    await pool.work(slot, this.#keys.at(rest.position), work);
    return slot.plaintext(plaintextBytes);
  }

  /** Seals a plaintext that comes in order, from the segment at a position on: 0, or where a part of an upload begins. */
  stream(from = 0): SealStream {
    return new SealStream(this, segmentCapacityBytes(this.#layout), from);
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }
}

/**
 * Segments in order, each position once. Ends with `finish`, or with `finishPart` where more parts follow; either happens once.
 * A failure ends it too, since what it had taken would be missing from the object.
 */
export class SealStream {
  readonly #sealer: Sealer;
  readonly #capacityBytes: number;
  readonly #cutter: Cutter;
  #position: number;
  #isFinished = false;

  constructor(sealer: Sealer, capacityBytes: number, from: number) {
    this.#sealer = sealer;
    this.#capacityBytes = capacityBytes;
    this.#cutter = new Cutter(capacityBytes);
    this.#position = from;
  }

  /** The position of the segment that is sealed next. */
  get position(): number {
    return this.#position;
  }

  /** Takes plaintext in chunks of any size and gives the segments that it completed. The chunk may be reused at once. */
  write(chunk: Uint8Array): Buffer[] {
    this.#assertOpen();
    const pieces: Buffer[] = [];
    for (const block of this.#cutter.push(chunk)) pieces.push(...this.#seal(block, false));
    return pieces;
  }

  /** The final segment of the object. Throws where nothing came for it, except that an empty object is one empty segment. */
  finish(): Buffer[] {
    this.#assertOpen();
    if (this.#position > 0 && blockBytes(this.#cutter.end()) === 0) {
      throw new RangeError("only an empty object ends with an empty segment");
    }
    return this.#end(true);
  }

  /** The last segment of a part that is not the object's last. Throws unless the part ends with a full segment. */
  finishPart(): Buffer[] {
    this.#assertOpen();
    if (blockBytes(this.#cutter.end()) !== this.#capacityBytes) {
      throw new RangeError("a part that is not the last ends with a full segment");
    }
    return this.#end(false);
  }

  /** Overwrites the plaintext that was held and ends the stream. */
  [Symbol.dispose](): void {
    this.#isFinished = true;
    this.#cutter.wipe();
  }

  #end(isFinal: boolean): Buffer[] {
    const pieces = this.#seal(this.#cutter.end(), isFinal);
    this[Symbol.dispose]();
    return pieces;
  }

  #seal(plaintext: Block, isFinal: boolean): Buffer[] {
    try {
      return this.#sealer.seal(plaintext, { position: this.#position++, isFinal });
    } catch (cause) {
      this[Symbol.dispose]();
      throw cause;
    }
  }

  #assertOpen(): void {
    if (this.#isFinished) throw new Error("the stream was finished");
  }
}
