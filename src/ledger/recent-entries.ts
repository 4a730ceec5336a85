import { encodeBundle } from "../merkle/bundle.ts";
import { type Tile, tileWidth } from "../merkle/tile.ts";

export type WrittenEntries = {
  /** The index of the first. */
  readonly first: number;
  readonly entries: readonly Buffer[];
  /** Their leaf hashes. */
  readonly leaves: readonly Buffer[];
};

/** What an outage of the store lets grow: some thirty thousand entries, beside which nothing is lost but time. */
const usualMostBytes = 32 * 1_024 * 1_024;

/**
 * The newest entries as the holder of the lease wrote them, from which it publishes: what was signed goes out, whatever the table says by
 * then, and the database need not give back what it has just been given. What is not held here is read there.
 */
export class RecentEntries {
  readonly #mostBytes: number;
  #first = 0;
  #entries: Buffer[] = [];
  #leaves: Buffer[] = [];
  #bytes = 0;

  constructor(mostBytes = usualMostBytes) {
    this.#mostBytes = mostBytes;
  }

  /** Takes entries that are committed. Those that do not follow what is held, or no longer find room beside it, take its place. */
  add({ first, entries, leaves }: WrittenEntries): void {
    const added = entries.reduce((sum, { length }) => sum + length, 0);
    const isNext = first === this.#first + this.#entries.length;
    if (!isNext || this.#bytes + added > this.#mostBytes) this.#begin(first);
    this.#entries.push(...entries);
    this.#leaves.push(...leaves);
    this.#bytes += added;
  }

  /** Forgets the entries of the tiles that are full in a ledger of `size`, which is published. */
  forget(size: number): void {
    const from = size - (size % tileWidth);
    const gone = Math.min(from - this.#first, this.#entries.length);
    if (gone <= 0) return;
    for (const { length } of this.#entries.slice(0, gone)) this.#bytes -= length;
    this.#entries = this.#entries.slice(gone);
    this.#leaves = this.#leaves.slice(gone);
    this.#first += gone;
  }

  /** The leaf hash of an entry that is held; null for another. */
  leaf(index: number): Buffer | null {
    return this.#leaves[index - this.#first] ?? null;
  }

  /** An entry bundle, or a tile of leaf hashes, as C2SP tlog-tiles has it; null where not all of it is held, and for tiles above the leaves. */
  tile({ level, number, width }: Tile): Buffer | null {
    const start = number * tileWidth - this.#first;
    if (start < 0 || start + width > this.#entries.length) return null;
    if (level === "entries") return encodeBundle(this.#entries.slice(start, start + width));
    return level === 0 ? Buffer.concat(this.#leaves.slice(start, start + width)) : null;
  }

  #begin(first: number): void {
    this.#first = first;
    this.#entries = [];
    this.#leaves = [];
    this.#bytes = 0;
  }
}
