const opened = 0x5b;
const closed = 0x5d;
const comma = 0x2c;
const nullBytes = Buffer.from("null", "latin1");

/** What stands before what follows a decision that its number stands for. */
const decidedBytes = Buffer.from('{"body":{"decision":0', "latin1");

/** Memory is asked for in pieces of this size, so that what one bundle leaves is mostly enough for another. */
const pieceBytes = 65_536;

export type TextBytes = { readonly text: Uint8Array; readonly isAscii: boolean };

/** The text of a bundle's entries as they are added: one JSON array, for whoever reads them in order. */
export class BundleText {
  #bytes: Buffer;
  #end = 0;
  #isAscii = true;

  /** `room` is used where it holds a text of that size; a text is seldom longer than its bundle. */
  constructor(sizeBytes: number, room?: ArrayBuffer) {
    const isEnough = room !== undefined && room.byteLength >= sizeBytes;
    this.#bytes = Buffer.from(isEnough ? room : new ArrayBuffer(wholePieces(sizeBytes)));
  }

  addPlain(entry: Buffer): void {
    this.#begin(entry.length);
    this.#end += entry.copy(this.#bytes, this.#end);
  }

  /** An entry that may hold any UTF-8. */
  addEntry(entry: Buffer): void {
    this.#isAscii = false;
    this.addPlain(entry);
  }

  /** A plain entry whose decision ends at `decisionEnd`, without it. */
  addDecided(entry: Buffer, decisionEnd: number): void {
    this.#begin(decidedBytes.length + entry.length - decisionEnd);
    this.#end += decidedBytes.copy(this.#bytes, this.#end);
    this.#end += entry.copy(this.#bytes, this.#end, decisionEnd);
  }

  addNull(): void {
    this.#begin(nullBytes.length);
    this.#end += nullBytes.copy(this.#bytes, this.#end);
  }

  end(): TextBytes {
    if (this.#end === 0) this.#begin(0);
    this.#bytes[this.#end] = closed;
    return { text: this.#bytes.subarray(0, this.#end + 1), isAscii: this.#isAscii };
  }

  /** Makes room for so many bytes, for what stands before them and for the end. */
  #begin(sizeBytes: number): void {
    const most = this.#end + sizeBytes + 2;
    if (most > this.#bytes.length) {
      const wider = Buffer.from(new ArrayBuffer(wholePieces(most * 2)));
      this.#bytes.copy(wider, 0, 0, this.#end);
      this.#bytes = wider;
    }
    this.#bytes[this.#end] = this.#end === 0 ? opened : comma;
    this.#end += 1;
  }
}

/** The entries of the text, as they were written. */
export function readText({ text, isAscii }: TextBytes): string {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  return bytes.toString(isAscii ? "latin1" : "utf8");
}

function wholePieces(sizeBytes: number): number {
  return Math.ceil(sizeBytes / pieceBytes) * pieceBytes;
}
