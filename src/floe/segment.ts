import { createCipheriv, createDecipheriv } from "node:crypto";
import { Refusal } from "../errors.ts";
import { type Block, blockBytes, sliceBlock } from "./cutter.ts";
import type { SegmentKeys } from "./keys.ts";
import {
  type Layout,
  lengthFieldBytes,
  maximumSegments,
  overheadBytes,
  segmentCapacityBytes,
  segmentIvBytes,
  segmentTagBytes,
} from "./layout.ts";

/** Where a segment stands: both are bound to it by its associated bytes. */
export type Place = { readonly position: number; readonly isFinal: boolean };

/** The length field of a segment that is not final. */
const notFinal = 0xff_ff_ff_ff;
/** What stands before the ciphertext of a segment. */
export const prefixBytes = lengthFieldBytes + segmentIvBytes;

/**
 * One sealed segment, `len(4) | iv(12) | ciphertext | tag(16)`, as pieces in order that are never copied together.
 * Throws on a segment that is not final and not full, or longer than full: mistakes of the caller.
 */
export function sealSegment(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  { plaintext, iv, ...place }: Place & { readonly plaintext: Block; readonly iv: Uint8Array },
): Buffer[] {
  const plaintextBytes = blockBytes(plaintext);
  const capacityBytes = segmentCapacityBytes(layout);
  if (plaintextBytes > capacityBytes || (!place.isFinal && plaintextBytes < capacityBytes)) {
    throw new RangeError("only the final segment may be shorter than full, and none longer");
  }
  if (iv.length !== segmentIvBytes) throw new RangeError("a segment IV has 12 bytes");
  const cipher = createCipheriv("aes-256-gcm", keys.at(place.position).expose(), iv);
  cipher.setAAD(associatedBytes(place));
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(lengthField(plaintextBytes + overheadBytes, place));
  prefix.set(iv, lengthFieldBytes);
  const pieces = [prefix, ...plaintext.map((view) => cipher.update(view))];
  cipher.final();
  pieces.push(cipher.getAuthTag());
  return pieces;
}

/**
 * The verified plaintext of one whole segment, as pieces in order. Refuses with `object_corrupt` a segment whose length, length
 * field or tag does not fit its place; then nothing of its plaintext leaves.
 */
export function openSegment(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  { segment, ...place }: Place & { readonly segment: Block },
): Buffer[] {
  const segmentBytes = blockBytes(segment);
  const prefix = Buffer.concat(sliceBlock(segment, 0, prefixBytes));
  const isLengthPossible = place.isFinal
    ? segmentBytes >= overheadBytes && segmentBytes <= layout.segmentBytes
    : segmentBytes === layout.segmentBytes;
  if (!isLengthPossible || prefix.readUInt32BE() !== lengthField(segmentBytes, place)) {
    throw new Refusal("object_corrupt", `Segment ${place.position} does not have its length.`);
  }
  const tagOffset = segmentBytes - segmentTagBytes;
  const iv = prefix.subarray(lengthFieldBytes);
  const key = keys.at(place.position).expose();
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: segmentTagBytes });
  decipher.setAAD(associatedBytes(place));
  decipher.setAuthTag(Buffer.concat(sliceBlock(segment, tagOffset, segmentBytes)));
  const pieces = sliceBlock(segment, prefixBytes, tagOffset).map((view) => decipher.update(view));
  try {
    decipher.final();
  } catch (cause) {
    for (const piece of pieces) piece.fill(0);
    throw new Refusal("object_corrupt", `Segment ${place.position} fails its tag.`, { cause });
  }
  return pieces;
}

function lengthField(segmentBytes: number, { isFinal }: Place): number {
  return isFinal ? segmentBytes : notFinal;
}

/** The AEAD's associated bytes: position and finality, so that a segment opens in its own place alone. */
function associatedBytes({ position, isFinal }: Place): Buffer {
  if (!isFinal && position === maximumSegments - 1) {
    throw new RangeError("the last possible segment must be final");
  }
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt(position));
  bytes.writeUInt8(isFinal ? 1 : 0, 8);
  return bytes;
}
