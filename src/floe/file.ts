import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import { openHeader } from "./header.ts";
import {
  headerBytes,
  type Layout,
  oneMebibyteLayout,
  segmentCapacityBytes,
  segmentCount,
  segmentOffset,
} from "./layout.ts";
import { requireExtent } from "./open.ts";
import type { ReadAt, WriteAt } from "./place.ts";
import type { SegmentPool } from "./pool.ts";
import { Sealer } from "./seal.ts";
import { SegmentRun } from "./segment-run.ts";

/**
 * A thread that also reads and writes, and one that hashes, take about as long for a segment. So many between them keep either from waiting
 * whenever the other is held up.
 */
const segmentsOfThread = 6;

export type FileOptions = {
  readonly pool: SegmentPool;
  readonly from: string;
  /** Appears whole or not at all, and takes the place of a file that is there. Only its owner may read it. */
  readonly to: string;
  /** The data key, 32 bytes. It stays the caller's. */
  readonly key: Secret;
  readonly aad: Uint8Array;
  readonly layout?: Layout;
  /** How many segments are held at the most; without it, eight with one thread and six more with each other. */
  readonly depth?: number;
  readonly signal?: AbortSignal;
};

/** The plaintext of a file that was sealed or opened. */
export type FileDigest = { readonly sizeBytes: number; readonly sha256: Buffer };

/** Seals a file into another, in the pool's threads. Throws on a file that changes its size meanwhile. */
export async function sealFile({ from, to, ...options }: FileOptions): Promise<FileDigest> {
  const { pool, layout = oneMebibyteLayout, signal } = options;
  await using source = await open(from, "r");
  const sizeBytes = (await source.stat()).size;
  const segments = segmentCount(sizeBytes, layout);
  const hash = createHash("sha256");
  await writeWhole(to, async (target) => {
    using sealer = new Sealer(options);
    await writer(target)(sealer.header, 0);
    const run = new SegmentRun({ ...boundsOf(options), first: 0, last: segments - 1 });
    await run.each(async (slot, position) => {
      const offset = position * segmentCapacityBytes(layout);
      const plaintext = await sealer.sealBetween(pool, slot, {
        position,
        isFinal: position === segments - 1,
        plaintextBytes: Math.min(segmentCapacityBytes(layout), sizeBytes - offset),
        from: { descriptor: source.fd, offset },
        to: { descriptor: target.fd, offset: segmentOffset(position, layout) },
      });
      await run.inTurn("digest", position, () => void hash.update(plaintext));
    });
    signal?.throwIfAborted();
    if ((await source.stat()).size !== sizeBytes)
      throw new Error(`${from} changed while it was sealed`);
  });
  return { sizeBytes, sha256: hash.digest() };
}

/**
 * Opens a sealed file into another, in the pool's threads: no byte is written or hashed before its segment's tag is verified. Refuses as
 * `open` does; `objectBytes` is the recorded size where there is one, and a file of another is refused too.
 */
export async function openFile({
  from,
  to,
  ...options
}: FileOptions & { readonly objectBytes?: number }): Promise<FileDigest> {
  const { pool, layout = oneMebibyteLayout, signal } = options;
  await using source = await open(from, "r");
  const { size } = await source.stat();
  if (size !== (options.objectBytes ?? size))
    throw new Refusal("object_corrupt", "The stored bytes do not have their recorded size.");
  const { plaintextBytes, segments } = requireExtent(size, layout);
  const header = Buffer.alloc(headerBytes);
  await reader(source)(header, 0);
  using keys = openHeader(header, options);
  const hash = createHash("sha256");
  await writeWhole(to, async (target) => {
    const run = new SegmentRun({ ...boundsOf(options), first: 0, last: segments - 1 });
    await run.each(async (slot, position) => {
      const offset = segmentOffset(position, layout);
      const openedBytes = await pool.work(slot, keys.at(position), {
        verb: "open",
        layout,
        position,
        isFinal: position === segments - 1,
        sizeBytes: Math.min(layout.segmentBytes, size - offset),
        from: { descriptor: source.fd, offset },
        to: { descriptor: target.fd, offset: position * segmentCapacityBytes(layout) },
      });
      const plaintext = slot.plaintext(openedBytes);
      await run.inTurn("digest", position, () => void hash.update(plaintext));
    });
    signal?.throwIfAborted();
  });
  return { sizeBytes: plaintextBytes, sha256: hash.digest() };
}

function boundsOf({
  pool,
  layout = oneMebibyteLayout,
  depth = pool.threads * segmentsOfThread + 2,
  signal,
}: Omit<FileOptions, "from" | "to">) {
  return { pool, layout, depth, ...(signal !== undefined && { signal }) };
}

/** Reads an open file by offsets. Throws where the file ends too early. */
export function reader(file: FileHandle): ReadAt {
  return async (into, offset) => {
    for (let doneBytes = 0; doneBytes < into.length; ) {
      const left = into.subarray(doneBytes);
      const { bytesRead } = await file.read(left, 0, left.length, offset + doneBytes);
      if (bytesRead === 0) throw new Error("the file became shorter while it was read");
      doneBytes += bytesRead;
    }
  };
}

/** Writes an open file by offsets. */
export function writer(file: FileHandle): WriteAt {
  return async (bytes, offset) => {
    for (let doneBytes = 0; doneBytes < bytes.length; ) {
      const left = bytes.subarray(doneBytes);
      const { bytesWritten } = await file.write(left, 0, left.length, offset + doneBytes);
      doneBytes += bytesWritten;
    }
  };
}

/** Under its name the file appears whole and on disk, or not at all. */
async function writeWhole(to: string, fill: (target: FileHandle) => Promise<void>): Promise<void> {
  const partial = `${to}.${randomUUID()}.partial`;
  try {
    {
      await using target = await open(partial, "wx", 0o600);
      await fill(target);
      await target.sync();
    }
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncFolder(dirname(to));
}

/** The new name is on disk too. Windows cannot open a folder, and needs no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}
