import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import { assertDataKey, derive, type KeyContext, SegmentKeys } from "./keys.ts";
import {
  encodeParameters,
  headerBytes,
  headerIvBytes,
  headerTagBytes,
  type Layout,
  oneMebibyteLayout,
} from "./layout.ts";

/** What a header is made for and opened with. */
export type HeaderOptions = {
  /** The object's data key, 32 bytes. It stays the caller's. */
  readonly key: Secret;
  readonly aad: Uint8Array;
  readonly layout?: Layout;
};

/** Where IVs come from. Only tests pass another than `randomBytes`: an IV used twice under one key gives both plaintexts away. */
export type RandomSource = (sizeBytes: number) => Uint8Array;

/** A fresh header, `PARAM(10) | iv(32) | tag(32)`, and the keys of the segments below it, which the caller wipes. */
export function createHeader(
  { key, aad, layout = oneMebibyteLayout }: HeaderOptions,
  random: RandomSource = randomBytes,
): { readonly header: Buffer; readonly keys: SegmentKeys } {
  assertDataKey(key);
  const context = { parameters: encodeParameters(layout), iv: random(headerIvBytes), aad };
  const header = Buffer.concat([context.parameters, context.iv, headerTag(key, context)]);
  if (header.length !== headerBytes) throw new RangeError("a header IV has 32 bytes");
  return { header, keys: new SegmentKeys(key, context) };
}

/**
 * The keys of the segments below a stored header, which the caller wipes. Refuses with `object_corrupt` a header with other
 * parameters, and one that was not made with this key and these associated bytes: the tag commits to both.
 */
export function openHeader(
  header: Uint8Array,
  { key, aad, layout = oneMebibyteLayout }: HeaderOptions,
): SegmentKeys {
  assertDataKey(key);
  const parameters = encodeParameters(layout);
  if (header.length !== headerBytes || !parameters.equals(header.subarray(0, parameters.length))) {
    throw new Refusal("object_corrupt", "The object does not begin with a header of this vault.");
  }
  const iv = Buffer.from(header.subarray(parameters.length, headerBytes - headerTagBytes));
  const context = { parameters, iv, aad };
  if (!timingSafeEqual(headerTag(key, context), header.subarray(headerBytes - headerTagBytes))) {
    throw new Refusal("object_corrupt", "The object's header fails its tag.");
  }
  return new SegmentKeys(key, context);
}

function headerTag(key: Secret, context: KeyContext): Buffer {
  return derive(key, context, "HEADER_TAG:", headerTagBytes);
}
