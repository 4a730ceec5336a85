import { Refusal } from "../errors.ts";
import { type Block, blockBytes, Cutter } from "./cutter.ts";
import type { SegmentKeys } from "./keys.ts";
import { type Extent, type Layout, segmentOffset } from "./layout.ts";
import { openSegment } from "./segment.ts";

export type SegmentReaderOptions = {
  readonly layout: Layout;
  /** What the object's recorded size says, or null where only the end of the source tells which segment is the final one. */
  readonly extent: Extent | null;
  /** The first and the last position that come, where not all of the object comes. */
  readonly first?: number;
  readonly last?: number;
};

/**
 * Opens segments that come in order, as bytes in chunks of any size. Position and finality follow from the offset and the recorded
 * size; what a segment says of itself must agree with them and never decides.
 */
export class SegmentReader {
  readonly #keys: SegmentKeys;
  readonly #layout: Layout;
  readonly #extent: Extent | null;
  readonly #last: number | null;
  readonly #cutter: Cutter;
  #position: number;

  /** The keys stay the caller's, who wipes them. */
  constructor(keys: SegmentKeys, { layout, extent, first = 0, last }: SegmentReaderOptions) {
    this.#keys = keys;
    this.#layout = layout;
    this.#extent = extent;
    this.#last = last ?? finalPosition(extent);
    this.#cutter = new Cutter(layout.segmentBytes);
    this.#position = first;
  }

  /** The verified plaintext of the segments that the chunk completed, but for one that may be the last. */
  write(chunk: Uint8Array): Buffer[] {
    // A store that reads by segments gives each whole: one that is known not to be the last need not be held until more comes.
    const isSegment = this.#cutter.isEmpty && chunk.length === this.#layout.segmentBytes;
    if (isSegment && this.#last !== null && this.#position < this.#last)
      return this.#open([chunk], false);
    const pieces: Buffer[] = [];
    for (const segment of this.#cutter.push(chunk)) pieces.push(...this.#open(segment, false));
    return pieces;
  }

  /** The verified plaintext of the last segment. Refuses with `object_corrupt` where fewer or more bytes came than were recorded. */
  finish(): Buffer[] {
    return this.#open(this.#cutter.end(), true);
  }

  #open(segment: Block, isLast: boolean): Buffer[] {
    const position = this.#position;
    const isFinal = this.#extent === null ? isLast : position === finalPosition(this.#extent);
    const endOffset = segmentOffset(position, this.#layout) + blockBytes(segment);
    if (
      (this.#last !== null && isLast !== (position === this.#last)) ||
      (this.#extent !== null && isFinal && endOffset !== this.#extent.objectBytes)
    ) {
      throw new Refusal("object_corrupt", "The stored bytes do not have their recorded size.");
    }
    const pieces = openSegment(this.#keys, this.#layout, { segment, position, isFinal });
    this.#position += 1;
    return pieces;
  }
}

function finalPosition(extent: Extent | null): number | null {
  return extent === null ? null : extent.segments - 1;
}
