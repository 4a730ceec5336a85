import type { FileHandle } from "node:fs/promises";
import type { BlobWriter } from "./blob-store.ts";
import { onDisk, refusalOf } from "./disk-files.ts";

/** Greater writes are no faster, and make the kernel look for greater pieces of free memory, which can cost more than the copying. */
const blockBytes = 512 * 1024;
const mostBlocks = 16;
const flushEveryBytes = 64 * 1024 * 1024;
const mostUnflushedBytes = 4 * flushEveryBytes;

export type Incoming = {
  readonly handle: FileHandle;
  /** Where in the file the first byte goes. */
  readonly offset: number;
  /** Gives what is whole and durable its name. */
  readonly publish: (sizeBytes: number) => Promise<void>;
  /** Comes last, whether it was published or not. */
  readonly discard: () => Promise<void>;
};

/**
 * One file, or a part of one, on its way in. What is written is copied into a few blocks that go to disk behind the caller's back, and the disk is told to
 * begin flushing long before the end, so that the last fsync has little left to do.
 */
export class DiskWriter implements BlobWriter {
  readonly #incoming: Incoming;
  readonly #spare: Buffer[] = [];
  #blocks = 0;
  #filling: Buffer | null = null;
  #filledBytes = 0;
  #sizeBytes = 0;
  #writtenBytes = 0;
  #flushedBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #flushing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #isEnded = false;

  constructor(incoming: Incoming) {
    this.#incoming = incoming;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    try {
      for (let from = 0; from < bytes.length; ) {
        const block = this.#filling ?? (await this.#takeBlock());
        const taken = bytes.subarray(from, from + blockBytes - this.#filledBytes);
        block.set(taken, this.#filledBytes);
        from += taken.length;
        this.#filledBytes += taken.length;
        if (this.#filledBytes === blockBytes) this.#send(block);
      }
      this.#throwFailure();
    } catch (error) {
      await this.abort();
      throw refusalOf(error);
    }
  }

  async complete(): Promise<{ readonly sizeBytes: number }> {
    this.#assertOpen();
    try {
      if (this.#filling !== null) this.#send(this.#filling);
      await this.#writing;
      await this.#flushing;
      this.#throwFailure();
      const { handle, publish } = this.#incoming;
      await onDisk(async () => {
        await handle.sync();
        await publish(this.#sizeBytes);
      });
      return { sizeBytes: this.#sizeBytes };
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#writing;
    await this.#flushing;
    const { handle, discard } = this.#incoming;
    await handle.close().catch(() => {});
    await discard().catch(() => {});
  }

  async #takeBlock(): Promise<Buffer> {
    while (this.#spare.length === 0 && this.#blocks >= mostBlocks) await this.#writing;
    let block = this.#spare.pop();
    if (block === undefined) {
      block = Buffer.allocUnsafeSlow(blockBytes);
      this.#blocks += 1;
    }
    this.#filling = block;
    this.#filledBytes = 0;
    return block;
  }

  /** Writes follow each other; the chain itself never rejects, it leaves the first failure to whoever comes next. */
  #send(block: Buffer): void {
    const [lengthBytes, position] = [this.#filledBytes, this.#sizeBytes];
    this.#filling = null;
    this.#filledBytes = 0;
    this.#sizeBytes += lengthBytes;
    this.#writing = this.#writing.then(async () => {
      try {
        if (this.#failure === null) await this.#put(block.subarray(0, lengthBytes), position);
      } catch (error) {
        this.#failure ??= { error };
      }
      this.#spare.push(block);
    });
  }

  async #put(bytes: Buffer, position: number): Promise<void> {
    const { handle, offset } = this.#incoming;
    for (let from = 0; from < bytes.length; ) {
      const { bytesWritten } = await handle.write(
        bytes,
        from,
        bytes.length - from,
        offset + position + from,
      );
      if (bytesWritten === 0) throw new Error("the disk took no byte and gave no reason");
      from += bytesWritten;
    }
    this.#writtenBytes = position + bytes.length;
    await this.#flush();
  }

  /** One flush at a time, behind the writes; they wait for it only when the disk falls far behind. */
  async #flush(): Promise<void> {
    const unflushedBytes = this.#writtenBytes - this.#flushedBytes;
    if (unflushedBytes < flushEveryBytes) return;
    if (this.#flushing !== null) {
      if (unflushedBytes >= mostUnflushedBytes) await this.#flushing;
      return;
    }
    this.#flushedBytes = this.#writtenBytes;
    this.#flushing = this.#incoming.handle
      .datasync()
      .catch((error: unknown) => {
        // A failed flush is reported once for each handle, so a later fsync that succeeds proves nothing.
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#flushing = null;
      });
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw refusalOf(this.#failure.error);
  }

  #assertOpen(): void {
    if (this.#isEnded) {
      this.#throwFailure();
      throw new Error("the blob is already complete or aborted");
    }
  }
}
