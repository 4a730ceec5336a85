import { Refusal } from "../errors.ts";
import { type Block, blockBytes } from "./cutter.ts";
import { type HeaderOptions, openHeader } from "./header.ts";
import { oneMebibyteLayout, segmentOffset } from "./layout.ts";
import { requireExtent } from "./open.ts";
import type { SegmentPool } from "./pool.ts";
import { openSegment } from "./segment.ts";

export type TakePlaintext = (pieces: readonly Uint8Array[]) => Promise<void>;

/**
 * Opens the segments of one object, in any order and as many at once as its owner likes.
 */
export interface SegmentOpener extends Disposable {
  /**
   * Gives the verified plaintext of the segment at a position to `take`, in order; it stands until that settles. The segment's bytes stay the
   * caller's, who leaves them alone meanwhile. Refuses with `object_corrupt` a segment that is not the whole of the one that belongs there;
   * then nothing is given.
   */
  open(position: number, segment: Block, take: TakePlaintext): Promise<void>;
}

export type SegmentOpenerOptions = HeaderOptions & {
  /** The object's recorded size, which says where each segment ends and which is the final one. */
  readonly objectBytes: number;
  /** Whose threads open; without one, or with one that has none, the caller's own does. */
  readonly pool?: SegmentPool;
};

/** Opens the header. Refuses as `openHeader` does; disposing of it wipes the keys. */
export function openerOf(
  header: Uint8Array,
  { objectBytes, pool, layout = oneMebibyteLayout, ...options }: SegmentOpenerOptions,
): SegmentOpener {
  const { segments } = requireExtent(objectBytes, layout);
  const keys = openHeader(header, { ...options, layout });
  return {
    open: async (position, segment, take) => {
      const endOffset = segmentOffset(position, layout) + blockBytes(segment);
      const isFinal = position === segments - 1;
      if (endOffset !== Math.min(segmentOffset(position + 1, layout), objectBytes))
        throw new Refusal("object_corrupt", `Segment ${position} does not have its length.`);
      if (pool === undefined || pool.threads === 0)
        return await take(openSegment(keys, layout, { segment, position, isFinal }));
      const slot = pool.takeSlot(layout);
      try {
        const sizeBytes = blockBytes(segment);
        fill(slot.segment(sizeBytes), segment);
        const work = { verb: "open", layout, position, isFinal, sizeBytes } as const;
        const plaintextBytes = await pool.work(slot, keys.at(position), work);
        await take([slot.plaintext(plaintextBytes)]);
      } finally {
        pool.giveSlot(slot);
      }
    },
    [Symbol.dispose]: () => keys[Symbol.dispose](),
  };
}

function fill(target: Uint8Array, block: Block): void {
  let offset = 0;
  for (const piece of block) {
    target.set(piece, offset);
    offset += piece.length;
  }
}
