import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { Refusal } from "../errors.ts";
import type { HeldPart, PartWriter } from "./blob-store.ts";
import { DiskWriter } from "./disk-writer.ts";
import { assertFills } from "./parts.ts";

export type PartOptions = {
  readonly part: number;
  readonly sizeBytes: number;
  /** Opens the file that the part lies in, and takes the part's mark away. */
  readonly open: () => Promise<{ readonly handle: FileHandle; readonly offset: number }>;
  /** Marks the part as held, after its bytes are durable. */
  readonly publish: (tag: string) => Promise<void>;
  readonly onEnd: () => void;
};

/** One part that is written at its place in the file of a session. Only one of a part is under way: a later one ends an earlier one first. */
export class DiskPartWriter implements PartWriter {
  readonly #options: PartOptions;
  readonly #tag = randomBytes(16).toString("hex");
  #writer: Promise<DiskWriter> | null = null;
  #writtenBytes = 0;
  #isSuperseded = false;
  #isEnded = false;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  /** Once, before anything else; who gets the writer finds it begun. */
  async begin(): Promise<void> {
    const { open, publish } = this.#options;
    this.#writer = open().then(
      ({ handle, offset }) =>
        new DiskWriter({
          handle,
          offset,
          publish: async () => await publish(this.#tag),
          discard: async () => {},
        }),
    );
    try {
      await this.#writer;
    } catch (error) {
      this.#options.onEnd();
      throw error;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { sizeBytes } = this.#options;
    this.#assertBegun();
    if (this.#writtenBytes + bytes.length > sizeBytes) {
      await this.abort();
      throw new RangeError(`the part was announced with ${sizeBytes} bytes`);
    }
    this.#writtenBytes += bytes.length;
    await this.#current(async (writer) => await writer.write(bytes));
  }

  async complete(): Promise<HeldPart> {
    const { part, sizeBytes } = this.#options;
    this.#assertBegun();
    try {
      assertFills(this.#writtenBytes, sizeBytes);
      await this.#current(async (writer) => await writer.complete());
      return { part, sizeBytes, tag: this.#tag };
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    this.#isEnded = true;
    const writer = await this.#writer?.catch(() => null);
    await writer?.abort();
    this.#options.onEnd();
  }

  /** Ends it for a later one; whoever writes it is told. Resolves when no byte of it is on its way any more. */
  async supersede(): Promise<void> {
    this.#isSuperseded = true;
    await this.abort();
  }

  async #current<Result>(work: (writer: DiskWriter) => Promise<Result>): Promise<Result> {
    const writer = await this.#writer;
    if (writer === null) throw new Error("the part was not begun");
    try {
      return await work(writer);
    } catch (error) {
      this.#assertCurrent();
      throw error;
    }
  }

  #assertBegun(): void {
    this.#assertCurrent();
    if (this.#isEnded) throw new Error("the part is already complete or aborted");
  }

  #assertCurrent(): void {
    if (this.#isSuperseded)
      throw new Refusal("conflict", "the same part came anew, or its file was ended meanwhile");
  }
}
