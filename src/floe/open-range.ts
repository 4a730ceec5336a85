import { Refusal } from "../errors.ts";
import { slices } from "./cutter.ts";
import { type HeaderOptions, openHeader } from "./header.ts";
import {
  type Extent,
  headerBytes,
  type Layout,
  oneMebibyteLayout,
  segmentAt,
  segmentCapacityBytes,
  segmentOffset,
} from "./layout.ts";
import { requireExtent } from "./open.ts";
import { SegmentReader } from "./segment-reader.ts";

/** Gives the object's bytes from `start` to `end` (exclusive). Bytes beyond or short of them are refused here, not trusted. */
export type ReadObject = (start: number, end: number) => AsyncIterable<Uint8Array>;

export type OpenRangeOptions = HeaderOptions & {
  /** The object's recorded size. */
  readonly objectBytes: number;
  /** The plaintext range, `end` exclusive. */
  readonly start: number;
  readonly end: number;
  /** The object's first 74 bytes where they are known already; otherwise they are read. */
  readonly header?: Uint8Array;
};

type Range = { readonly start: number; readonly end: number };

/**
 * One range of an object's plaintext. Reads the header and the segments that cover the range, and no more; an empty range has the one
 * segment at `start` read and verified, so that nothing is answered for an object that does not open. Refuses as `open` does, and
 * with `range_not_satisfiable` a range that does not lie in the plaintext.
 */
export async function* openRange(
  read: ReadObject,
  { objectBytes, start, end, header, layout = oneMebibyteLayout, ...options }: OpenRangeOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const extent = requireExtent(objectBytes, layout);
  assertWithin({ start, end }, extent);
  const { first, last } = covering({ start, end }, extent, layout);
  using keys = openHeader(header ?? (await readHeader(read)), { ...options, layout });
  const segments = new SegmentReader(keys, { layout, extent, first, last });
  const stored = read(
    segmentOffset(first, layout),
    Math.min(segmentOffset(last + 1, layout), objectBytes),
  );
  let offset = first * segmentCapacityBytes(layout);
  const trim = function* (pieces: readonly Buffer[]): Generator<Buffer> {
    for (const piece of pieces) {
      const wanted = piece.subarray(Math.max(0, start - offset), Math.max(0, end - offset));
      offset += piece.length;
      if (wanted.length > 0) yield wanted;
    }
  };
  for await (const chunk of stored) {
    for (const slice of slices(chunk, layout.segmentBytes)) yield* trim(segments.write(slice));
  }
  yield* trim(segments.finish());
}

function assertWithin({ start, end }: Range, { plaintextBytes }: Extent): void {
  const isWithin = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end;
  if (!isWithin || end > plaintextBytes) {
    throw new Refusal("range_not_satisfiable", `The plaintext has ${plaintextBytes} bytes.`);
  }
}

function covering(
  { start, end }: Range,
  { segments }: Extent,
  layout: Layout,
): { readonly first: number; readonly last: number } {
  const first = Math.min(segmentAt(start, layout), segments - 1);
  return { first, last: start === end ? first : segmentAt(end - 1, layout) };
}

async function readHeader(read: ReadObject): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of read(0, headerBytes)) {
    chunks.push(Buffer.from(chunk));
    sizeBytes += chunk.length;
    if (sizeBytes > headerBytes) break;
  }
  return Buffer.concat(chunks);
}
