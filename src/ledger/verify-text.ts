import { kindFromEnd } from "./entry-scan.ts";

const opened = 0x5b;
const closed = 0x5d;
const comma = 0x2c;
const closedObject = 0x7d;
const nullBytes = Buffer.from("null", "latin1");

/** What stands before what follows a decision that its number stands for. */
const decidedBytes = Buffer.from('{"body":{"decision":0', "latin1");

/** Memory is asked for in pieces of this size, so that what one bundle leaves is mostly enough for another. */
const pieceBytes = 65_536;

/** A string of more than 128 KiB is no short-lived thing to V8, and takes several times as long to make. */
const partBytes = 65_536;

export type TextBytes = {
  readonly text: Uint8Array;
  /** Where each of its JSON arrays ends. */
  readonly ends: readonly number[];
  readonly isAscii: boolean;
};

/** The text of a bundle's entries as they are added, in JSON arrays of a size that is quickly read, for whoever reads them in order. */
export class BundleText {
  #bytes: Buffer;
  #end = 0;
  #from = 0;
  readonly #ends: number[] = [];
  #isAscii = true;

  /** `room` is used where it holds a text of that size; a text is seldom longer than its bundle. */
  constructor(sizeBytes: number, room?: ArrayBuffer) {
    const isEnough = room !== undefined && room.byteLength >= sizeBytes;
    this.#bytes = Buffer.from(isEnough ? room : new ArrayBuffer(wholePieces(sizeBytes)));
  }

  /**
   * A plain entry; without the decision that ends at `decisionEnd`, where there is one; and without `previous` and `time` where it is linked, which
   * the first entry of a ledger is not.
   */
  addPlain(entry: Buffer, { isLinked, decisionEnd }: Shortened): void {
    this.#begin(decidedBytes.length + entry.length);
    if (decisionEnd !== null) this.#end += decidedBytes.copy(this.#bytes, this.#end);
    const to = isLinked ? entry.length - kindFromEnd : entry.length;
    this.#end += entry.copy(this.#bytes, this.#end, decisionEnd ?? 0, to);
    if (!isLinked) return;
    this.#bytes[this.#end] = closedObject;
    this.#end += 1;
  }

  /** An entry that may hold any UTF-8. */
  addEntry(entry: Buffer): void {
    this.#isAscii = false;
    this.#begin(entry.length);
    this.#end += entry.copy(this.#bytes, this.#end);
  }

  addNull(): void {
    this.#begin(nullBytes.length);
    this.#end += nullBytes.copy(this.#bytes, this.#end);
  }

  end(): TextBytes {
    if (this.#end === 0) this.#begin(0);
    this.#close();
    const text = this.#bytes.subarray(0, this.#end);
    return { text, ends: this.#ends, isAscii: this.#isAscii };
  }

  /** Makes room for so many bytes, for what stands before them and for the end. */
  #begin(sizeBytes: number): void {
    const most = this.#end + sizeBytes + 3;
    if (most > this.#bytes.length) {
      const wider = Buffer.from(new ArrayBuffer(wholePieces(most * 2)));
      this.#bytes.copy(wider, 0, 0, this.#end);
      this.#bytes = wider;
    }
    if (this.#end - this.#from > partBytes) this.#close();
    this.#bytes[this.#end] = this.#end === this.#from ? opened : comma;
    this.#end += 1;
  }

  #close(): void {
    this.#bytes[this.#end] = closed;
    this.#end += 1;
    this.#from = this.#end;
    this.#ends.push(this.#end);
  }
}

type Shortened = { readonly isLinked: boolean; readonly decisionEnd: number | null };

/** The JSON arrays of the text, with its entries as they were written. */
export function readTexts({ text, ends, isAscii }: TextBytes): readonly string[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  const encoding = isAscii ? "latin1" : "utf8";
  return ends.map((end, part) => bytes.toString(encoding, ends[part - 1] ?? 0, end));
}

function wholePieces(sizeBytes: number): number {
  return Math.ceil(sizeBytes / pieceBytes) * pieceBytes;
}
