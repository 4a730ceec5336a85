/**
 * Where things lie in a sealed object (C2SP FLOE, "FLOE Ciphertext Layout"): a header of 74 bytes, full segments, and one final
 * segment that may be shorter. Pure arithmetic; every size and offset is in bytes.
 */
export type Layout = { readonly segmentBytes: number };

/** `GCM256_IV256_1M`, the only layout that the product writes and reads. Tests use smaller ones. */
export const oneMebibyteLayout: Layout = { segmentBytes: 1_048_576 };

export const lengthFieldBytes = 4;
export const segmentIvBytes = 12;
export const segmentTagBytes = 16;
/** What a segment holds besides its ciphertext: length, IV and tag. */
export const overheadBytes = lengthFieldBytes + segmentIvBytes + segmentTagBytes;

const parameterBytes = 10;
export const headerIvBytes = 32;
export const headerTagBytes = 32;
export const headerBytes = parameterBytes + headerIvBytes + headerTagBytes;

/** AEAD_MAX_SEGMENTS of AES-GCM-256: positions run from 0 to one less. */
export const maximumSegments = 2 ** 40;
/** The length field has four bytes and its greatest value marks a segment that is not final. */
const maximumSegmentBytes = 0xff_ff_ff_fe;

/** PARAM_ENCODE: AEAD id 0, KDF id 0, segment size, header IV size. Throws on a segment size that the format cannot express. */
export function encodeParameters({ segmentBytes }: Layout): Buffer {
  if (
    !Number.isInteger(segmentBytes) ||
    segmentBytes <= overheadBytes ||
    segmentBytes > maximumSegmentBytes
  ) {
    throw new RangeError(`a segment cannot have ${segmentBytes} bytes`);
  }
  const encoded = Buffer.alloc(parameterBytes);
  encoded.writeUInt32BE(segmentBytes, 2);
  encoded.writeUInt32BE(headerIvBytes, 6);
  return encoded;
}

/** How many plaintext bytes a full segment holds. */
export function segmentCapacityBytes(layout: Layout = oneMebibyteLayout): number {
  return layout.segmentBytes - overheadBytes;
}

/** How many segments our encoder makes of a plaintext: at least one, and no empty one after full ones. */
export function segmentCount(plaintextBytes: number, layout: Layout = oneMebibyteLayout): number {
  assertSize(plaintextBytes);
  const segments = Math.max(1, Math.ceil(plaintextBytes / segmentCapacityBytes(layout)));
  if (segments > maximumSegments) throw new RangeError("the plaintext needs too many segments");
  return segments;
}

/** The size of the object that our encoder makes of a plaintext. */
export function objectBytes(plaintextBytes: number, layout: Layout = oneMebibyteLayout): number {
  const sizeBytes =
    headerBytes + plaintextBytes + segmentCount(plaintextBytes, layout) * overheadBytes;
  assertSize(sizeBytes);
  return sizeBytes;
}

/** What the recorded size of an object says of it. */
export type Extent = {
  readonly objectBytes: number;
  readonly plaintextBytes: number;
  /** Other encoders may end in an empty segment, so this can be one more than `segmentCount` of the plaintext. */
  readonly segments: number;
};

/** Reads an object's size, or gives null where no object has this size. */
export function extentOf(objectBytes: number, layout: Layout = oneMebibyteLayout): Extent | null {
  if (!Number.isSafeInteger(objectBytes)) return null;
  const bodyBytes = objectBytes - headerBytes;
  const segments = Math.ceil(bodyBytes / layout.segmentBytes);
  const finalBytes = bodyBytes - (segments - 1) * layout.segmentBytes;
  if (segments < 1 || segments > maximumSegments || finalBytes < overheadBytes) return null;
  return { objectBytes, plaintextBytes: bodyBytes - segments * overheadBytes, segments };
}

/** The size of the plaintext in an object of this size, or null where no object has it. */
export function plaintextBytes(
  objectBytes: number,
  layout: Layout = oneMebibyteLayout,
): number | null {
  return extentOf(objectBytes, layout)?.plaintextBytes ?? null;
}

/** The segment that holds a plaintext offset. */
export function segmentAt(plaintextOffset: number, layout: Layout = oneMebibyteLayout): number {
  return Math.floor(plaintextOffset / segmentCapacityBytes(layout));
}

/** Where the segment at a position begins in the object. */
export function segmentOffset(position: number, layout: Layout = oneMebibyteLayout): number {
  return headerBytes + position * layout.segmentBytes;
}

function assertSize(sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new RangeError(`${sizeBytes} is not a size in bytes`);
  }
}

const leastPartSegments = 16;
const mostParts = 10_000;

/**
 * How the object of a plaintext is cut into the parts of a multipart upload: whole segments, the header before the first, and no more
 * parts than an object store takes.
 */
export function partsOf(
  plaintextBytes: number,
  layout: Layout = oneMebibyteLayout,
): { readonly firstBytes: number; readonly nextBytes: number } {
  const segments = Math.max(
    leastPartSegments,
    Math.ceil(segmentCount(plaintextBytes, layout) / mostParts),
  );
  const nextBytes = segments * layout.segmentBytes;
  return { firstBytes: headerBytes + nextBytes, nextBytes };
}

/** The same cut as the sender of the plaintext sees it: so many bytes a part, the last one what is left, and one part at the least. */
export function plaintextPartsOf(
  plaintextBytes: number,
  layout: Layout = oneMebibyteLayout,
): { readonly partBytes: number; readonly parts: number; readonly segments: number } {
  const segments = partsOf(plaintextBytes, layout).nextBytes / layout.segmentBytes;
  const partBytes = segments * segmentCapacityBytes(layout);
  return { partBytes, parts: Math.max(1, Math.ceil(plaintextBytes / partBytes)), segments };
}
