import { createHash, webcrypto } from "node:crypto";
import { reader } from "../floe/file.ts";
import {
  objectBytes,
  partsOf,
  plaintextPartsOf,
  segmentCount,
  segmentOffset,
} from "../floe/layout.ts";
import type { SegmentPool } from "../floe/pool.ts";
import type { Sealer } from "../floe/seal.ts";
import { sealSegments } from "../floe/seal-segments.ts";
import { changed, type Fingerprint, openUnchanged } from "./fingerprint.ts";
import type { Source } from "./sources.ts";

/** A part as it goes into the store. */
export type SealedPart = {
  readonly part: number;
  /** Of its plaintext. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly bytes: Buffer;
  /** Of `bytes`, in hex. */
  readonly sealedSha256: string;
};

export type PartToSeal = {
  readonly part: number;
  readonly source: Source;
  readonly fingerprint: Fingerprint;
  readonly sealer: Sealer;
  readonly pool: SegmentPool;
  readonly signal: AbortSignal;
};

/**
 * Seals one part of a file in the pool's threads, each segment under a fresh random IV: a part that is sealed again repeats no pair of key and IV. It
 * is in memory whole, since the store is told its SHA-256 before its bytes. Throws where the file no longer holds what was declared of it.
 */
export async function sealPart({
  part,
  source,
  fingerprint,
  sealer,
  pool,
  signal,
}: PartToSeal): Promise<SealedPart> {
  const { sizeBytes: fileBytes } = source;
  const place = placeOf(fileBytes, part);
  const bytes = Buffer.allocUnsafeSlow(place.end - place.start);
  if (part === 1) bytes.set(sealer.header);
  const hash = createHash("sha256");
  await using handle = await openUnchanged(source, fingerprint.changedMs);
  await sealSegments(sealer, {
    pool,
    signal,
    plaintextBytes: fileBytes,
    positions: place.positions,
    read: reader(handle),
    write: async (segment, offset) => bytes.set(segment, offset - place.start),
    take: (plaintext) => hash.update(plaintext),
  });
  const sha256 = hash.digest("hex");
  if (sha256 !== fingerprint.parts[part - 1]) throw changed(source);
  const digest = await webcrypto.subtle.digest("SHA-256", bytes as Buffer<ArrayBuffer>);
  const sealedSha256 = Buffer.from(digest).toString("hex");
  return { part, sizeBytes: place.plaintextBytes, sha256, bytes, sealedSha256 };
}

/** Where a part's segments lie in the object, and how much of the file is in them. Throws a RangeError for a part that the file has not. */
export function placeOf(fileBytes: number, part: number) {
  const { partBytes, parts, segments } = plaintextPartsOf(fileBytes);
  if (!Number.isSafeInteger(part) || part < 1 || part > parts)
    throw new RangeError(`the file has parts 1 to ${parts}`);
  const first = (part - 1) * segments;
  const end = Math.min(part * segments, segmentCount(fileBytes));
  return {
    positions: { start: first, end },
    start: part === 1 ? 0 : segmentOffset(first),
    end: part === parts ? objectBytes(fileBytes) : segmentOffset(end),
    plaintextBytes: part < parts ? partBytes : fileBytes - (parts - 1) * partBytes,
  };
}

/** How many parts of a file may be in memory at once, of those that would be sent at once: 512 MiB together, and one at the least. */
export function lanesFor(fileBytes: number, parallel: number): number {
  const { nextBytes } = partsOf(fileBytes);
  return Math.max(1, Math.min(parallel, Math.floor((512 * 2 ** 20) / nextBytes)));
}
