import { Secret } from "../../../src/crypto/secret.ts";
import { isRefusal, type RefusalCode } from "../../../src/errors.ts";
import type { Layout } from "../../../src/floe/layout.ts";
import { seal } from "../../../src/floe/seal.ts";

export const small: Layout = { segmentBytes: 64 };
export const smallCapacityBytes = 32;

export const aad = Buffer.from("an object's associated bytes");

export function dataKey(fill = 7): Secret {
  return new Secret(Buffer.alloc(32, fill));
}

/** Plaintext in which no two segments of the small layout are alike. */
export function plaintextOf(sizeBytes: number): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 5 + (index >> 5) * 3) & 255),
  );
}

export async function* chunksOf(
  bytes: Uint8Array,
  chunkBytes = Math.max(1, bytes.length),
): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes);
  }
}

export async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const gathered: Uint8Array[] = [];
  for await (const piece of pieces) gathered.push(piece);
  return Buffer.concat(gathered);
}

export function sealed(plaintext: Uint8Array, layout = small): Promise<Buffer> {
  return gather(seal(chunksOf(plaintext, 50), { key: dataKey(), aad, layout }));
}

export type Outcome = { readonly given: Buffer; readonly refusal: RefusalCode | null };

/** What came out before the end or a refusal, and the refusal. Anything else that is thrown is thrown on. */
export async function outcomeOf(pieces: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const given: Uint8Array[] = [];
  try {
    for await (const piece of pieces) given.push(piece);
    return { given: Buffer.concat(given), refusal: null };
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    return { given: Buffer.concat(given), refusal: thrown.code };
  }
}
