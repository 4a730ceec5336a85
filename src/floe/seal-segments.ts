import {
  type Layout,
  oneMebibyteLayout,
  segmentCapacityBytes,
  segmentCount,
  segmentOffset,
} from "./layout.ts";
import type { ReadAt, WriteAt } from "./place.ts";
import type { SegmentPool } from "./pool.ts";
import type { Sealer } from "./seal.ts";
import { SegmentRun } from "./segment-run.ts";

export type SealSegmentsOptions = {
  readonly pool: SegmentPool;
  /** The size of the whole plaintext, which says where it is cut and which segment is the final one. */
  readonly plaintextBytes: number;
  /** The plaintext, by its own offsets. */
  readonly read: ReadAt;
  /** Takes each segment at its offset in the object, below the header. */
  readonly write: WriteAt;
  /** Write one segment after the other, in order: for what can only append. */
  readonly isAppending?: boolean;
  /** Sees the plaintext in order, for a digest. The bytes stand for the call alone. */
  readonly take?: (plaintext: Uint8Array) => void;
  /** The positions to seal, `end` exclusive; all of them without. */
  readonly positions?: { readonly start: number; readonly end: number };
  readonly layout?: Layout;
  /** How many segments are held at the most. */
  readonly depth?: number;
  readonly signal?: AbortSignal;
};

/**
 * Seals segments of one object in the pool's threads, several at once: read, hashed in order, sealed in place, written. Holds no more than
 * `depth` segments whatever the object's size. When it has thrown, nothing is written any more, and whoever asked removes what was.
 */
export async function sealSegments(
  sealer: Sealer,
  {
    pool,
    plaintextBytes,
    read,
    write,
    take,
    layout = oneMebibyteLayout,
    ...rest
  }: SealSegmentsOptions,
): Promise<void> {
  const capacityBytes = segmentCapacityBytes(layout);
  const segments = segmentCount(plaintextBytes, layout);
  const { positions = { start: 0, end: segments }, isAppending = false, ...bounds } = rest;
  const last = positions.end - 1;
  if (positions.start < 0 || last < positions.start || last >= segments)
    throw new RangeError("the object has no such segments");
  const run = new SegmentRun({ pool, layout, first: positions.start, last, ...bounds });
  await run.each(async (slot, position) => {
    const offset = position * capacityBytes;
    const plaintext = slot.plaintext(Math.min(capacityBytes, plaintextBytes - offset));
    if (plaintext.length > 0) await run.unlessFailed(read(plaintext, offset));
    await run.inTurn("take", position, () => {
      take?.(plaintext);
      sealer.freshen(slot);
    });
    const isFinal = position === segments - 1;
    const segment = await sealer.sealIn(pool, slot, {
      position,
      isFinal,
      plaintextBytes: plaintext.length,
    });
    const put = async () => await write(segment, segmentOffset(position, layout));
    await (isAppending ? run.inTurn("write", position, put) : put());
  });
}
