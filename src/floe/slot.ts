import { Secret } from "../crypto/secret.ts";
import { type Layout, lengthFieldBytes, segmentIvBytes } from "./layout.ts";
import { giveBack } from "./memory.ts";
import { openSegment, type Place, prefixBytes, sealSegment } from "./segment.ts";

const keyBytes = 32;

/** What is done with the segment in a slot. */
export type SlotWork = Place & {
  readonly verb: "seal" | "open";
  readonly layout: Layout;
  /** Bytes of plaintext to seal, or of the segment to open. */
  readonly sizeBytes: number;
};

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
   * Seals or opens in place and wipes the key's cell. Gives the size of what lies there now. Refuses as `openSegment` does; then the segment
   * is left as it came, and no byte of its plaintext is in the slot.
   */
  work({ verb, layout, sizeBytes, ...place }: SlotWork): number {
    using key = this.key.secret();
    const keys = { at: () => key };
    const pieces =
      verb === "seal"
        ? sealSegment(keys, layout, {
            ...place,
            plaintext: sizeBytes === 0 ? [] : [this.plaintext(sizeBytes)],
            iv: Buffer.from(this.iv),
          })
        : openSegment(keys, layout, { ...place, segment: [this.segment(sizeBytes)] });
    const target = Buffer.from(this.#memory, verb === "seal" ? 0 : prefixBytes);
    let offset = 0;
    for (const piece of pieces) {
      target.set(piece, offset);
      offset += piece.length;
      giveBack(piece);
    }
    return offset;
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
