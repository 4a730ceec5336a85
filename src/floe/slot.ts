import { Secret } from "../crypto/secret.ts";
import { type FilePlace, readPlace, writePlace } from "./file-place.ts";
import { type Layout, lengthFieldBytes, overheadBytes, segmentIvBytes } from "./layout.ts";
import { openSegmentInPlace, type Place, prefixBytes, sealSegmentInto } from "./segment.ts";

const keyBytes = 32;

/** What is done with the segment in a slot. */
export type SlotWork = Place & {
  readonly verb: "seal" | "open";
  readonly layout: Layout;
  /** Bytes of plaintext to seal, or of the segment to open. */
  readonly sizeBytes: number;
  /** Where that is read from by whoever does the work; without it, it lies in the slot. */
  readonly from?: FilePlace;
  /** Where the result is written by whoever does the work. What then lies in the slot is the plaintext, of sealing too. */
  readonly to?: FilePlace;
};

/** Memory of one thread for a sealed segment on its way into a file, taken at the first one. */
export class Scratch {
  #memory = new ArrayBuffer(0);

  of(sizeBytes: number): Buffer<ArrayBuffer> {
    if (this.#memory.byteLength < sizeBytes) this.#memory = new ArrayBuffer(sizeBytes);
    return Buffer.from(this.#memory, 0, sizeBytes);
  }
}

/**
 * Memory for one segment, handed from thread to thread so that nothing is copied between them. The plaintext lies where the ciphertext does:
 * a segment is sealed and opened in place. Views of it end when it is handed over, and are asked for again when it is back.
 */
export class Slot {
  readonly layout: Layout;
  readonly key: KeyCell;
  #memory: ArrayBuffer;

  constructor(
    layout: Layout,
    memory = new ArrayBuffer(layout.segmentBytes),
    key = new SharedArrayBuffer(keyBytes),
  ) {
    this.layout = layout;
    this.key = new KeyCell(key);
    this.#memory = memory;
  }

  /** The memory, to be handed over. */
  get memory(): ArrayBuffer {
    return this.#memory;
  }

  /** Takes the memory back, or other memory where it is lost. */
  restore(memory = new ArrayBuffer(this.layout.segmentBytes)): void {
    this.#memory = memory;
  }

  /** Where plaintext is put before it is sealed, and found after it was opened and verified. */
  plaintext(sizeBytes: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.#memory, prefixBytes, sizeBytes);
  }

  /** Where a segment is put before it is opened, and found after it was sealed. */
  segment(sizeBytes: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.#memory, 0, sizeBytes);
  }

  /** The place of the IV, which whoever wants a segment sealed fills. */
  get iv(): Buffer<ArrayBuffer> {
    return Buffer.from(this.#memory, lengthFieldBytes, segmentIvBytes);
  }

  /** Overwrites what was plaintext, and the key. */
  wipe(): void {
    this.segment(this.layout.segmentBytes).fill(0);
    this.key.wipe();
  }

  /**
   * Seals or opens and wipes the key's cell. Gives the size of the segment or of the plaintext that came of it. Refuses as `openSegment` does;
   * then nothing is written, and the slot holds the segment as it came and no byte of its plaintext.
   */
  work({ verb, layout, sizeBytes, from, to, ...place }: SlotWork, scratch: Scratch): number {
    using key = this.key.secret();
    const keys = { at: () => key };
    if (verb === "open") {
      const segment = this.segment(sizeBytes);
      if (from !== undefined) readPlace(segment, from);
      const plaintextBytes = openSegmentInPlace(keys, layout, { ...place, segment });
      if (to !== undefined) writePlace(this.plaintext(plaintextBytes), to);
      return plaintextBytes;
    }
    const plaintext = this.plaintext(sizeBytes);
    if (from !== undefined) readPlace(plaintext, from);
    const segmentBytes = sizeBytes + overheadBytes;
    const target = to === undefined ? this.segment(segmentBytes) : scratch.of(segmentBytes);
    sealSegmentInto(keys, layout, { ...place, plaintext, iv: Buffer.from(this.iv), target });
    if (to !== undefined) writePlace(target, to);
    return segmentBytes;
  }
}

/**
 * Where a segment's key lies for the time of one work: in memory that both threads see, so that there is no copy of it in any message, and
 * so that it can be wiped from here where the other thread died with it.
 */
export class KeyCell {
  readonly memory: SharedArrayBuffer;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
  }

  /** Lends a key to the next work, which wipes the cell. The key itself stays its owner's. */
  lend(key: Secret): void {
    new Uint8Array(this.memory).set(key.expose());
  }

  /** What was lent; wiping it wipes the cell. */
  secret(): Secret {
    return new Secret(Buffer.from(this.memory, 0, keyBytes));
  }

  wipe(): void {
    new Uint8Array(this.memory).fill(0);
  }
}
