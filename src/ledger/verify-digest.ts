import { parseBundle } from "../merkle/bundle.ts";
import { tileHash, tileWidth } from "../merkle/tile.ts";
import { hashBytes, leafHashes } from "../merkle/tree.ts";
import { parseEntry } from "./entry.ts";
import { isPlainEntry, plainValueEnd, previousFromEnd, startsWith } from "./entry-scan.ts";
import { EntryTimes } from "./entry-time.ts";
import { BundleText } from "./verify-text.ts";

/** A bundle of entries and the leaf tile that was stored with it, to be hashed and read apart from all others. */
export type BundleWork = {
  readonly bundle: Uint8Array;
  /** How many entries it must hold. */
  readonly width: number;
  /** Null where it is missing or has another size than it must. */
  readonly leafTile: Uint8Array | null;
  /** Whether its entries are a vault's, and are read. */
  readonly isParsed: boolean;
};

/** What a bundle is, before anything that came before it is known. */
export type BundleDigest = {
  /** How many entries it holds; null where its bytes are broken. Where it is not the width asked for, nothing else was looked at. */
  readonly count: number | null;
  /** The leaf hashes, one after the other. */
  readonly leaves: Uint8Array;
  /** The hash of a full tile's subtree; null for a partial one. */
  readonly subtree: Uint8Array | null;
  /** Offsets of the entries whose hash is not the one in the leaf tile. */
  readonly otherLeaves: readonly number[];
  /** Offsets, but the first, of the well-formed entries that do not follow the entry before them. */
  readonly chainBreaks: readonly number[];
  /**
   * The entries as the UTF-8 of JSON arrays, which end at `ends`; null in the place of each that is none. One that follows the entry before it is
   * without `previous` and `time`, which the leaf before it and `timesMs` tell.
   */
  readonly text: Uint8Array;
  readonly ends: readonly number[];
  readonly isAscii: boolean;
  /** The time of each entry, in milliseconds since 1970; zero in the place of each that is none. */
  readonly timesMs: Float64Array;
  /** For each entry the number of its decision among all that this digester has met, for which `text` has a zero; -1 where it is in `text`. */
  readonly decisions: Int32Array;
  /** The decisions met for the first time, in the order of their numbers. */
  readonly newDecisions: readonly string[];
};

const decisionOpening = Buffer.from('{"body":{"decision":', "latin1");
const decisionStart = decisionOpening.length;
const inText = -1;

/** Decisions differ in few ways, and their texts are most of a ledger's bytes. More ways than this are not kept. */
const keptDecisions = 64;

/** Hashes bundles and reads their entries. It remembers the texts of decisions, so that each is read once. */
export class BundleDigester {
  readonly #decisions: Buffer[] = [];
  /** The numbers of the decisions: one that is met moves ahead, so that the frequent ones are looked for first. */
  readonly #order: number[] = [];
  readonly #times = new EntryTimes();

  /** `room` is memory for the text, where there is some that is free. */
  digest({ bundle, width, leafTile, isParsed }: BundleWork, room?: ArrayBuffer): BundleDigest {
    const entries = parseBundle(bundle);
    if (entries?.length !== width) return { ...nothing(), count: entries?.length ?? null };
    const leaves = leafHashes(entries);
    const isAsStored = leafTile === null || leaves.equals(leafTile);
    const otherLeaves = isAsStored ? [] : othersIn(leaves, leafTile);
    // In memory of its own: what Buffer gives is a piece of memory that others share.
    const subtree = width === tileWidth ? new Uint8Array(tileHash(leaves)) : null;
    const read = isParsed
      ? this.#read(entries, leaves, new BundleText(bundle.length, room))
      : nothing();
    return { ...read, count: entries.length, leaves, subtree, otherLeaves };
  }

  #read(entries: readonly Buffer[], leaves: Buffer, text: BundleText): Read {
    const known = this.#decisions.length;
    const decisions = new Int32Array(entries.length).fill(inText);
    const timesMs = new Float64Array(entries.length);
    const chainBreaks: number[] = [];
    for (const [offset, entry] of entries.entries()) {
      const decision = this.#decisionOf(entry);
      const end = decisionStart + (this.#decisions[decision]?.length ?? 0);
      const skip = decision === inText ? null : { start: decisionStart, end };
      const atMs = this.#times.read(entry);
      const isLinked = offset > 0 && follows(entry, leaves, offset);
      if (Number.isNaN(atMs) || !isPlainEntry(entry, { skip, isLinked, isTimed: true })) {
        const parsed = parseEntry(entry);
        if (parsed === null) {
          text.addNull();
          continue;
        }
        text.addEntry(entry);
        timesMs[offset] = Date.parse(parsed.time);
        if (offset > 0 && parsed.previous !== leafBefore(leaves, offset)) chainBreaks.push(offset);
        continue;
      }
      if (offset > 0 && !isLinked) chainBreaks.push(offset);
      decisions[offset] = decision;
      timesMs[offset] = atMs;
      text.addPlain(entry, { isLinked, decisionEnd: skip?.end ?? null });
    }
    const newDecisions = this.#decisions.slice(known).map((each) => each.toString("latin1"));
    return { chainBreaks, timesMs, decisions, newDecisions, ...text.end() };
  }

  /** The number of the decision that the entry's body begins with, which canonical order puts first. */
  #decisionOf(entry: Buffer): number {
    if (!startsWith(entry, 0, decisionOpening)) return inText;
    for (let place = 0; place < this.#order.length; place += 1) {
      const number = this.#order[place] ?? inText;
      const text = this.#decisions[number];
      if (text === undefined || !isAt(text, entry)) continue;
      this.#moveAhead(place, number);
      return number;
    }
    if (this.#decisions.length === keptDecisions || entry[decisionStart] !== 0x7b) return inText;
    const end = plainValueEnd(entry, decisionStart);
    if (end < 0) return inText;
    const number = this.#decisions.push(Buffer.from(entry.subarray(decisionStart, end))) - 1;
    this.#order.push(number);
    return number;
  }

  #moveAhead(place: number, number: number): void {
    const before = this.#order[place - 1];
    if (before === undefined) return;
    this.#order[place - 1] = number;
    this.#order[place] = before;
  }
}

/** Most that are others end elsewhere, which two bytes tell. */
function isAt(decision: Buffer, entry: Buffer): boolean {
  const end = decisionStart + decision.length;
  if (entry[end - 1] !== 0x7d || (entry[end] !== 0x2c && entry[end] !== 0x7d)) return false;
  return decision.compare(entry, decisionStart, end) === 0;
}

function othersIn(leaves: Buffer, leafTile: Uint8Array): readonly number[] {
  const others: number[] = [];
  for (let at = 0; at < leaves.length; at += hashBytes)
    if (leaves.compare(leafTile, at, at + hashBytes, at, at + hashBytes) !== 0)
      others.push(at / hashBytes);
  return others;
}

type Read = Omit<BundleDigest, "count" | "leaves" | "subtree" | "otherLeaves">;

function nothing(): BundleDigest {
  return {
    count: null,
    leaves: new Uint8Array(0),
    subtree: null,
    otherLeaves: [],
    chainBreaks: [],
    ...new BundleText(0).end(),
    timesMs: new Float64Array(0),
    decisions: new Int32Array(0),
    newDecisions: [],
  };
}

/** Whether an entry, if it is a plain one, names the leaf hash before its own. */
function follows(entry: Buffer, leaves: Buffer, offset: number): boolean {
  const at = entry.length - previousFromEnd;
  const from = (offset - 1) * hashBytes;
  for (let byte = 0; byte < hashBytes; byte += 1) {
    const value = leaves[from + byte] ?? 0;
    if (entry[at + 2 * byte] !== hexDigits[value >> 4]) return false;
    if (entry[at + 2 * byte + 1] !== hexDigits[value & 15]) return false;
  }
  return true;
}

const hexDigits = Buffer.from("0123456789abcdef", "latin1");

/** The leaf hash before the one at the offset, in hexadecimal digits. */
export function leafBefore(leaves: Uint8Array, offset: number): string {
  return Buffer.from(leaves.subarray((offset - 1) * hashBytes, offset * hashBytes)).toString("hex");
}
