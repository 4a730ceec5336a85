import { Refusal } from "../errors.ts";
import { slices } from "./cutter.ts";
import { type HeaderOptions, openHeader } from "./header.ts";
import type { SegmentKeys } from "./keys.ts";
import { type Extent, extentOf, headerBytes, type Layout, oneMebibyteLayout } from "./layout.ts";
import { SegmentReader } from "./segment-reader.ts";

export type OpenOptions = HeaderOptions & {
  /** The object's recorded size. Without it the end of the source says which segment must be the final one. */
  readonly objectBytes?: number;
};

/**
 * The plaintext of a whole sealed object, in order; no byte leaves before its segment is verified. Refuses with `object_corrupt` a
 * wrong key, other associated bytes, any changed, missing, repeated, moved or trailing byte, and a source that is not
 * `objectBytes` long. What came before a refusal is a true beginning of the plaintext.
 */
export async function* open(
  source: AsyncIterable<Uint8Array>,
  options: OpenOptions,
): AsyncGenerator<Buffer, void, undefined> {
  using opener = new Opener(options);
  const { segmentBytes } = options.layout ?? oneMebibyteLayout;
  for await (const chunk of source) {
    for (const slice of slices(chunk, segmentBytes)) yield* opener.write(slice);
  }
  yield* opener.finish();
}

/** Opens an object that is pushed in chunks of any size, under the promises of `open`. `using` wipes the keys. */
export class Opener {
  readonly #options: OpenOptions;
  readonly #layout: Layout;
  readonly #extent: Extent | null;
  readonly #header = Buffer.alloc(headerBytes);
  #headerBytes = 0;
  #opened: { readonly keys: SegmentKeys; readonly segments: SegmentReader } | null = null;

  constructor(options: OpenOptions) {
    this.#options = options;
    this.#layout = options.layout ?? oneMebibyteLayout;
    this.#extent =
      options.objectBytes === undefined ? null : requireExtent(options.objectBytes, this.#layout);
  }

  /** Takes bytes of the object and gives the plaintext of the segments that they completed. The chunk may be reused at once. */
  write(chunk: Uint8Array): Buffer[] {
    if (this.#opened !== null) return this.#opened.segments.write(chunk);
    const taken = chunk.subarray(0, headerBytes - this.#headerBytes);
    this.#header.set(taken, this.#headerBytes);
    this.#headerBytes += taken.length;
    if (this.#headerBytes < headerBytes) return [];
    const keys = openHeader(this.#header, this.#options);
    const segments = new SegmentReader(keys, { layout: this.#layout, extent: this.#extent });
    this.#opened = { keys, segments };
    return segments.write(chunk.subarray(taken.length));
  }

  /** The plaintext of the final segment. Refuses an object that ends too early. */
  finish(): Buffer[] {
    if (this.#opened === null) {
      throw new Refusal("object_corrupt", "The object ends within its header.");
    }
    return this.#opened.segments.finish();
  }

  [Symbol.dispose](): void {
    this.#opened?.keys[Symbol.dispose]();
  }
}

/** What a recorded size says of its object; refuses with `object_corrupt` a size that no object has. */
export function requireExtent(objectBytes: number, layout: Layout): Extent {
  const extent = extentOf(objectBytes, layout);
  if (extent === null) {
    throw new Refusal("object_corrupt", `No sealed object has ${objectBytes} bytes.`);
  }
  return extent;
}
