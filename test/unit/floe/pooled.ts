import type { HeaderOptions } from "../../../src/floe/header.ts";
import { type Layout, objectBytes } from "../../../src/floe/layout.ts";
import { type OpenSegmentsOptions, openSegments } from "../../../src/floe/open-segments.ts";
import type { ReadAt, WriteAt } from "../../../src/floe/place.ts";
import type { SegmentPool } from "../../../src/floe/pool.ts";
import type { Sealer } from "../../../src/floe/seal.ts";
import { type SealSegmentsOptions, sealSegments } from "../../../src/floe/seal-segments.ts";

/** Reads bytes by offsets; what lies beyond them cannot be read. */
export function readerOf(bytes: Uint8Array): ReadAt {
  return async (into, offset) => {
    await new Promise(setImmediate);
    const found = bytes.subarray(offset, offset + into.length);
    if (found.length < into.length) throw new Error("nothing lies there");
    into.set(found);
  };
}

/** Writes by offsets, and remembers which bytes were. */
export function writerOf(bytes: Uint8Array, isWritten = new Uint8Array(bytes.length)): WriteAt {
  return async (written, offset) => {
    await new Promise(setImmediate);
    if (offset + written.length > bytes.length) throw new Error("it has no place there");
    bytes.set(written, offset);
    isWritten.fill(1, offset, offset + written.length);
  };
}

/** A whole object sealed in a pool. */
export async function sealedIn(
  pool: SegmentPool,
  sealer: Sealer,
  plaintext: Uint8Array,
  layout: Layout,
  rest: Partial<SealSegmentsOptions> = {},
): Promise<Buffer> {
  const object = Buffer.alloc(objectBytes(plaintext.length, layout));
  object.set(sealer.header);
  await sealSegments(sealer, {
    pool,
    plaintextBytes: plaintext.length,
    read: readerOf(plaintext),
    write: writerOf(object),
    layout,
    ...rest,
  });
  return object;
}

/** What was written and what the digest saw of an object, and the error that ended it. */
export async function attemptIn(
  pool: SegmentPool,
  object: Uint8Array,
  options: HeaderOptions & Partial<OpenSegmentsOptions>,
) {
  const written = Buffer.alloc(object.length);
  const isWritten = new Uint8Array(object.length);
  const taken: Buffer[] = [];
  let error: unknown = null;
  try {
    await openSegments({
      pool,
      objectBytes: object.length,
      read: readerOf(object),
      write: writerOf(written, isWritten),
      take: (plaintext) => taken.push(Buffer.from(plaintext)),
      ...options,
    });
  } catch (thrown) {
    error = thrown;
  }
  return { written, isWritten, taken: Buffer.concat(taken), error };
}

export async function openedIn(
  pool: SegmentPool,
  object: Uint8Array,
  options: HeaderOptions & Partial<OpenSegmentsOptions>,
) {
  const { written, isWritten, taken, error } = await attemptIn(pool, object, options);
  if (Error.isError(error)) throw error;
  return {
    written: written.subarray(
      0,
      isWritten.reduce((sum, one) => sum + one, 0),
    ),
    taken,
  };
}
