import { type CipherGCM, createCipheriv, createDecipheriv, type DecipherGCM } from "node:crypto";
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
import { giveBack } from "./memory.ts";

/** Where a segment stands: both are bound to it by its associated bytes. */
export type Place = { readonly position: number; readonly isFinal: boolean };

/** The length field of a segment that is not final. */
const notFinal = 0xff_ff_ff_ff;
/** What stands before the ciphertext of a segment. */
export const prefixBytes = lengthFieldBytes + segmentIvBytes;

/**
 * How much goes through the cipher at once where the result is copied on. Each result is memory of its own: of this size it is freed and taken
 * again within the processor's cache, and a greater one goes back to the system, which has to find its pages anew every time.
 */
const stepBytes = 32_768;

type Sealing = Place & { readonly iv: Uint8Array };

/**
 * One sealed segment, `len(4) | iv(12) | ciphertext | tag(16)`, as pieces in order that are never copied together.
 * Throws on a segment that is not final and not full, or longer than full: mistakes of the caller.
 */
export function sealSegment(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  { plaintext, ...sealing }: Sealing & { readonly plaintext: Block },
): Buffer[] {
  const { cipher, prefix } = beginSealing(keys, layout, blockBytes(plaintext), sealing);
  const pieces = [prefix, ...plaintext.map((view) => cipher.update(view))];
  cipher.final();
  pieces.push(cipher.getAuthTag());
  return pieces;
}

/**
 * The same segment, put into `target`, which has its size. The plaintext may lie in the target too, where its ciphertext goes; elsewhere it
 * stays as it is.
 */
export function sealSegmentInto(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  {
    plaintext,
    target,
    ...sealing
  }: Sealing & { readonly plaintext: Uint8Array; readonly target: Uint8Array },
): void {
  const { cipher, prefix } = beginSealing(keys, layout, plaintext.length, sealing);
  if (target.length !== plaintext.length + overheadBytes)
    throw new RangeError("a segment has its plaintext's size and 32 bytes more");
  target.set(prefix);
  pass(cipher, plaintext, target.subarray(prefixBytes));
  cipher.final();
  target.set(cipher.getAuthTag(), prefixBytes + plaintext.length);
}

function beginSealing(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  plaintextBytes: number,
  { iv, ...place }: Sealing,
): { readonly cipher: CipherGCM; readonly prefix: Buffer } {
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
  return { cipher, prefix };
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
  const { decipher, tagOffset } = beginOpening(keys, layout, { segment, ...place });
  const pieces = sliceBlock(segment, prefixBytes, tagOffset).map((view) => decipher.update(view));
  try {
    decipher.final();
  } catch (cause) {
    for (const piece of pieces) piece.fill(0);
    throw failsItsTag(place, cause);
  }
  return pieces;
}

/**
 * Opens a segment where it lies: afterwards the verified plaintext stands in the place of its ciphertext, and its size is given. Refuses as
 * `openSegment` does; then the segment is as it came.
 */
export function openSegmentInPlace(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  { segment, ...place }: Place & { readonly segment: Uint8Array },
): number {
  const opening = { segment: [segment], ...place };
  const { decipher, tagOffset } = beginOpening(keys, layout, opening);
  const text = segment.subarray(prefixBytes, tagOffset);
  pass(decipher, text, text);
  try {
    decipher.final();
  } catch (cause) {
    // GCM adds the same stream of bits either way, so a second pass takes back what the first one did.
    pass(beginOpening(keys, layout, opening).decipher, text, text);
    throw failsItsTag(place, cause);
  }
  return text.length;
}

function beginOpening(
  keys: Pick<SegmentKeys, "at">,
  layout: Layout,
  { segment, ...place }: Place & { readonly segment: Block },
): { readonly decipher: DecipherGCM; readonly tagOffset: number } {
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
  return { decipher, tagOffset };
}

function failsItsTag({ position }: Place, cause: unknown): Refusal {
  return new Refusal("object_corrupt", `Segment ${position} fails its tag.`, { cause });
}

/** `from` may be where `into` is: each step is read before it is written. */
function pass(cipher: CipherGCM | DecipherGCM, from: Uint8Array, into: Uint8Array): void {
  for (let start = 0; start < from.length; start += stepBytes) {
    const piece = cipher.update(from.subarray(start, start + stepBytes));
    into.set(piece, start);
    giveBack(piece);
  }
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
