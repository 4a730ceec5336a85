import type { FileHandle } from "node:fs/promises";
import { onDisk } from "./disk-files.ts";

const readBytes = 1024 * 1024;
const readsAhead = 2;

/** Reads `start` to `end` (exclusive) in order, a little ahead of the consumer. Each buffer is the consumer's own. */
export async function* readAhead(
  handle: FileHandle,
  start: number,
  end: number,
  cutShort: () => Error,
): AsyncGenerator<Buffer, void, undefined> {
  const reading: Promise<Buffer>[] = [];
  let next = start;
  try {
    while (next < end || reading.length > 0) {
      while (next < end && reading.length <= readsAhead) {
        const sizeBytes = Math.min(readBytes, end - next);
        const read = readFully(handle, next, sizeBytes, cutShort);
        read.catch(() => {});
        reading.push(read);
        next += sizeBytes;
      }
      const first = reading.shift();
      if (first !== undefined) yield await onDisk(() => first);
    }
  } finally {
    await Promise.allSettled(reading);
  }
}

async function readFully(
  handle: FileHandle,
  position: number,
  sizeBytes: number,
  cutShort: () => Error,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(sizeBytes);
  for (let from = 0; from < sizeBytes; ) {
    const { bytesRead } = await handle.read(buffer, from, sizeBytes - from, position + from);
    if (bytesRead === 0) throw cutShort();
    from += bytesRead;
  }
  return buffer;
}
