import { type HeaderOptions, openHeader } from "./header.ts";
import { headerBytes, oneMebibyteLayout, segmentCapacityBytes, segmentOffset } from "./layout.ts";
import { requireExtent } from "./open.ts";
import type { ReadAt, WriteAt } from "./place.ts";
import type { SegmentPool } from "./pool.ts";
import { SegmentRun } from "./segment-run.ts";

export type OpenSegmentsOptions = HeaderOptions & {
  readonly pool: SegmentPool;
  /** The object's recorded size: position and finality follow from it, and what a segment says of itself never decides. */
  readonly objectBytes: number;
  /** The sealed object, by its own offsets: the header unless it is given, then the segments. */
  readonly read: ReadAt;
  /** Takes verified plaintext at its own offset. */
  readonly write: WriteAt;
  /** Write one segment's plaintext after the other, in order: for what can only append. */
  readonly isAppending?: boolean;
  /** Sees the verified plaintext in order, for a digest. The bytes stand for the call alone. */
  readonly take?: (plaintext: Uint8Array) => void;
  /** The object's first 74 bytes where they are known already. */
  readonly header?: Uint8Array;
  /** The positions to open, `end` exclusive; all of them without. Whoever goes on with a partial file begins where its whole segments end. */
  readonly positions?: { readonly start: number; readonly end: number };
  /** How many segments are held at the most. */
  readonly depth?: number;
  readonly signal?: AbortSignal;
};

/**
 * Opens segments of one object in the pool's threads, several at once: read, opened and verified in place, hashed in order, written. No byte
 * is hashed or written before its segment's tag is verified. Holds no more than `depth` segments whatever the object's size. Refuses with
 * `object_corrupt` as `open` does; when it has thrown, nothing is written any more, and what was written is true plaintext, with gaps.
 */
export async function openSegments({
  pool,
  objectBytes,
  read,
  write,
  take,
  header,
  positions,
  isAppending = false,
  depth,
  signal,
  layout = oneMebibyteLayout,
  ...options
}: OpenSegmentsOptions): Promise<void> {
  const { segments } = requireExtent(objectBytes, layout);
  const { start: first, end } = positions ?? { start: 0, end: segments };
  if (first < 0 || end <= first || end > segments)
    throw new RangeError("the object has no such segments");
  signal?.throwIfAborted();
  using keys = openHeader(header ?? (await readHeader(read)), { ...options, layout });
  const bounds = { ...(depth !== undefined && { depth }), ...(signal !== undefined && { signal }) };
  const run = new SegmentRun({ pool, layout, first, last: end - 1, ...bounds });
  await run.each(async (slot, position) => {
    const offset = segmentOffset(position, layout);
    const sealed = slot.segment(Math.min(layout.segmentBytes, objectBytes - offset));
    await run.unlessFailed(read(sealed, offset));
    const plaintextBytes = await pool.work(slot, keys.at(position), {
      verb: "open",
      layout,
      position,
      isFinal: position === segments - 1,
      sizeBytes: sealed.length,
    });
    const plaintext = slot.plaintext(plaintextBytes);
    const put = async () => await write(plaintext, position * segmentCapacityBytes(layout));
    const digest = async () => await run.inTurn("take", position, () => take?.(plaintext));
    if (isAppending) {
      await digest();
      await run.inTurn("write", position, put);
      return;
    }
    // The digest is what cannot be shared out, so it runs while the system writes. Both are waited for, since both use the slot.
    const outcomes = await Promise.allSettled([put(), digest()]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  });
}

async function readHeader(read: ReadAt): Promise<Buffer> {
  const header = Buffer.alloc(headerBytes);
  await read(header, 0);
  return header;
}
