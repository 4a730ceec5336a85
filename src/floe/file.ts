import { createHash, randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import { type Layout, oneMebibyteLayout } from "./layout.ts";
import { requireExtent } from "./open.ts";
import { openSegments } from "./open-segments.ts";
import type { ReadAt, WriteAt } from "./place.ts";
import type { SegmentPool } from "./pool.ts";
import { Sealer } from "./seal.ts";
import { sealSegments } from "./seal-segments.ts";

export type FileOptions = {
  readonly pool: SegmentPool;
  readonly from: string;
  /** Appears whole or not at all, and takes the place of a file that is there. Only its owner may read it. */
  readonly to: string;
  /** The data key, 32 bytes. It stays the caller's. */
  readonly key: Secret;
  readonly aad: Uint8Array;
  readonly layout?: Layout;
  /** How many segments are held at the most. */
  readonly depth?: number;
  readonly signal?: AbortSignal;
};

/** The plaintext of a file that was sealed or opened. */
export type FileDigest = { readonly sizeBytes: number; readonly sha256: Buffer };

/** Seals a file into another, in the pool's threads. Throws on a file that changes its size meanwhile. */
export async function sealFile({ from, to, signal, ...options }: FileOptions): Promise<FileDigest> {
  await using source = await open(from, "r");
  const sizeBytes = (await source.stat()).size;
  const hash = createHash("sha256");
  await writeWhole(to, async (target) => {
    using sealer = new Sealer(options);
    const write = writer(target);
    await write(sealer.header, 0);
    await sealSegments(sealer, {
      ...options,
      ...(signal !== undefined && { signal }),
      plaintextBytes: sizeBytes,
      read: reader(source),
      write,
      take: (plaintext) => hash.update(plaintext),
    });
    signal?.throwIfAborted();
    if ((await source.stat()).size !== sizeBytes)
      throw new Error(`${from} changed while it was sealed`);
  });
  return { sizeBytes, sha256: hash.digest() };
}

/**
 * Opens a sealed file into another, in the pool's threads. Refuses as `openSegments` does; `objectBytes` is the recorded size where there is
 * one, and a file of another is refused too.
 */
export async function openFile({
  from,
  to,
  signal,
  ...options
}: FileOptions & { readonly objectBytes?: number }): Promise<FileDigest> {
  await using source = await open(from, "r");
  const { size } = await source.stat();
  if (size !== (options.objectBytes ?? size))
    throw new Refusal("object_corrupt", "The stored bytes do not have their recorded size.");
  const { plaintextBytes } = requireExtent(size, options.layout ?? oneMebibyteLayout);
  const hash = createHash("sha256");
  await writeWhole(to, async (target) => {
    await openSegments({
      ...options,
      ...(signal !== undefined && { signal }),
      objectBytes: size,
      read: reader(source),
      write: writer(target),
      take: (plaintext) => hash.update(plaintext),
    });
    signal?.throwIfAborted();
  });
  return { sizeBytes: plaintextBytes, sha256: hash.digest() };
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
