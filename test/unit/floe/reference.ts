import { webcrypto } from "node:crypto";

/**
 * A second, straight-line decoder, written from the text of C2SP FLOE over Web Crypto and sharing nothing with `src/floe`, so that an
 * encoder and a decoder that are wrong in the same way are found out.
 */
export async function referenceOpen(
  object: Uint8Array,
  key: Uint8Array,
  aad: Uint8Array,
): Promise<Buffer> {
  const bytes = Buffer.from(object);
  const segmentBytes = bytes.readUInt32BE(2);
  const plaintext: Buffer[] = [];
  let position = 0;
  for (let start = 74; ; start += segmentBytes, position += 1) {
    const isFinal = bytes.readUInt32BE(start) !== 4_294_967_295;
    const end = isFinal ? start + bytes.readUInt32BE(start) : start + segmentBytes;
    const segment = bytes.subarray(start, end);
    const header = bytes.subarray(0, 74);
    plaintext.push(await referenceOpenSegment({ header, segment, key, aad, position, isFinal }));
    if (!isFinal) continue;
    if (end !== bytes.length) throw new Error("trailing bytes");
    return Buffer.concat(plaintext);
  }
}

export async function referenceOpenSegment(sealed: {
  readonly header: Buffer;
  readonly segment: Buffer;
  readonly key: Uint8Array;
  readonly aad: Uint8Array;
  readonly position: number;
  readonly isFinal: boolean;
}): Promise<Buffer> {
  const { header, segment, key, aad, position, isFinal } = sealed;
  const context = header.subarray(0, 42);
  const tag = (await expand(key, [context, Buffer.from("HEADER_TAG:"), aad])).subarray(0, 32);
  if (!tag.equals(header.subarray(42, 74))) throw new Error("header tag");
  const messageKey = await expand(key, [context, Buffer.from("MESSAGE_KEY:"), aad]);
  const masked = (BigInt(position) >> 20n) << 20n;
  const purpose = Buffer.concat([Buffer.from("DEK:"), bigEndian(masked)]);
  const segmentKey = (await expand(messageKey, [context, purpose, aad])).subarray(0, 32);
  const imported = await webcrypto.subtle.importKey(
    "raw",
    Uint8Array.from(segmentKey),
    "AES-GCM",
    false,
    ["decrypt"],
  );
  const plaintext = await webcrypto.subtle.decrypt(
    {
      name: "AES-GCM",
      iv: Uint8Array.from(segment.subarray(4, 16)),
      additionalData: Uint8Array.from([...bigEndian(BigInt(position)), isFinal ? 1 : 0]),
      tagLength: 128,
    },
    imported,
    Uint8Array.from(segment.subarray(16)),
  );
  return Buffer.from(plaintext);
}

async function expand(key: Uint8Array, info: readonly Uint8Array[]): Promise<Buffer> {
  const algorithm = { name: "HMAC", hash: "SHA-384" };
  const imported = await webcrypto.subtle.importKey("raw", Uint8Array.from(key), algorithm, false, [
    "sign",
  ]);
  const message = Uint8Array.from(Buffer.concat([...info, Buffer.of(1)]));
  return Buffer.from(await webcrypto.subtle.sign("HMAC", imported, message));
}

function bigEndian(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}
