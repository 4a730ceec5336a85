import { isRefusal } from "../errors.ts";
import { objectAad } from "../floe/aad.ts";
import { type Block, Cutter, slices } from "../floe/cutter.ts";
import {
  extentOf,
  headerBytes,
  oneMebibyteLayout,
  segmentCapacityBytes,
  segmentOffset,
} from "../floe/layout.ts";
import type { SegmentPool } from "../floe/pool.ts";
import { openerOf, type SegmentOpener } from "../floe/segment-opener.ts";
import { Failure } from "./failure.ts";
import type { ObjectSource } from "./object-source.ts";
import type { ReleasedFile } from "./obtain.ts";
import type { PartialFile } from "./partial-file.ts";
import type { Progress } from "./progress.ts";

export type ReceptionOptions = {
  readonly file: ReleasedFile;
  readonly source: ObjectSource;
  readonly partial: PartialFile;
  readonly progress: Progress;
  readonly pool: SegmentPool;
};

/** Segments from `first` to `end` (exclusive), which one reader fetches in one request. */
export type Span = { readonly first: number; readonly end: number };

/** As many segments as a part of the object store has where it can be: see `partsOf`. */
const spanSegments = 16;
const { segmentBytes } = oneMebibyteLayout;

/**
 * One file on its way from its sealed object. Its spans may be received in any order and at once; each holds one segment in memory, and no byte is written
 * before its segment's tag is verified. Disposing of it wipes the key.
 */
export class Reception implements Disposable {
  readonly #options: ReceptionOptions;
  readonly #segments: number;
  readonly #opener = Promise.withResolvers<SegmentOpener>();
  readonly #header = Buffer.alloc(headerBytes);
  #headerBytes = 0;
  #isHeaderAsked: boolean;
  #first: number;
  #spansLeft: number;

  /** Throws `integrity` for an object that cannot hold the file. */
  constructor(options: ReceptionOptions) {
    const { file, partial } = options;
    const extent = extentOf(file.objectBytes);
    if (extent === null || extent.plaintextBytes !== file.size)
      throw new Failure("integrity", otherThanRecorded(file.path));
    this.#options = options;
    this.#segments = extent.segments;
    const { resumedBytes } = partial;
    const isThere = resumedBytes === file.size && file.size > 0;
    this.#first = isThere ? this.#segments : Math.floor(resumedBytes / segmentCapacityBytes());
    this.#spansLeft = Math.ceil((this.#segments - this.#first) / spanSegments);
    // The first span brings the header; a file that goes on in its middle has none that does.
    this.#isHeaderAsked = this.#first === 0;
    // Nobody may be waiting for it when it fails.
    this.#opener.promise.catch(() => {});
  }

  get path(): string {
    return this.#options.file.path;
  }

  get partial(): PartialFile {
    return this.#options.partial;
  }

  /** What is left to receive, each span once. */
  *spans(): Generator<Span, void, undefined> {
    while (this.#first < this.#segments) {
      const first = this.#first;
      this.#first = Math.min(first + spanSegments, this.#segments);
      yield { first, end: this.#first };
    }
  }

  /** Fetches, opens and writes a span. Gives whether it was the last of the file. */
  async receive({ first, end }: Span): Promise<boolean> {
    const { file, source } = this.#options;
    const start = first === 0 ? 0 : segmentOffset(first);
    const endOffset = Math.min(segmentOffset(end), file.objectBytes);
    const cutter = new Cutter(segmentBytes);
    let position = first;
    for await (const chunk of source.read(start, endOffset)) {
      const body = first === 0 ? await this.#cutHeader(chunk) : chunk;
      for (const slice of slices(body, segmentBytes))
        for (const segment of cutter.push(slice)) await this.#take(position++, segment);
    }
    await this.#take(position, cutter.end());
    this.#spansLeft -= 1;
    return this.#spansLeft === 0;
  }

  /** Lets no reader of the file wait any longer. */
  fail(error: unknown): void {
    this.#opener.reject(error);
  }

  [Symbol.dispose](): void {
    this.#options.file.key.wipe();
    this.#opener.promise.then(
      (opener) => opener[Symbol.dispose](),
      () => {},
    );
  }

  /** Takes the header from the beginning of the object and gives what follows. */
  async #cutHeader(chunk: Uint8Array): Promise<Uint8Array> {
    if (this.#headerBytes === headerBytes) return chunk;
    const taken = chunk.subarray(0, headerBytes - this.#headerBytes);
    this.#header.set(taken, this.#headerBytes);
    this.#headerBytes += taken.length;
    if (this.#headerBytes === headerBytes) await this.#openHeader();
    return chunk.subarray(taken.length);
  }

  async #opened(): Promise<SegmentOpener> {
    if (!this.#isHeaderAsked) {
      this.#isHeaderAsked = true;
      this.#readHeader()
        .then(async () => await this.#openHeader())
        .catch((error: unknown) => this.#opener.reject(error));
    }
    return await this.#opener.promise;
  }

  async #readHeader(): Promise<void> {
    Buffer.concat(await this.#read(0, headerBytes)).copy(this.#header);
  }

  async #openHeader(): Promise<void> {
    const { file, pool } = this.#options;
    const { object, objectBytes, key } = file;
    const aad = objectAad(Buffer.from(object.replaceAll("-", ""), "hex"));
    const opener = await this.#twice(
      async () => openerOf(this.#header, { key, aad, objectBytes, pool }),
      async () => await this.#readHeader(),
    );
    key.wipe();
    this.#opener.resolve(opener);
  }

  async #take(position: number, segment: Block): Promise<void> {
    const { partial, progress } = this.#options;
    const opener = await this.#opened();
    let again = segment;
    await this.#twice(
      async () =>
        await opener.open(position, again, async (pieces) => {
          await partial.write(position * segmentCapacityBytes(), pieces);
          progress.add(pieces.reduce((sum, { length }) => sum + length, 0));
        }),
      async () => {
        const start = segmentOffset(position);
        const end = Math.min(segmentOffset(position + 1), this.#options.file.objectBytes);
        again = await this.#read(start, end);
      },
    );
  }

  async #read(start: number, end: number): Promise<readonly Uint8Array[]> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#options.source.read(start, end)) chunks.push(chunk);
    return chunks;
  }

  /** What came damaged may be whole in the store: it is read once more before the store is blamed. */
  async #twice<Opened>(
    open: () => Promise<Opened>,
    readAgain: () => Promise<void>,
  ): Promise<Opened> {
    try {
      return await open();
    } catch (error) {
      if (!isRefusal(error, "object_corrupt")) throw error;
    }
    await readAgain();
    try {
      return await open();
    } catch (cause) {
      if (!isRefusal(cause, "object_corrupt")) throw cause;
      throw new Failure(
        "integrity",
        `${this.path}: the sealed object in the store was damaged or replaced. ${cause.message} It was read twice, and nothing unverified was written: report it to the vault's operator`,
        { cause },
      );
    }
  }
}

/** What is said of a file whose plaintext is not the one that its revision records. */
export function otherThanRecorded(path: string): string {
  return `${path} opens, but has another size or SHA-256 than recorded`;
}
