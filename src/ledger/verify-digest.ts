import { parseBundle } from "../merkle/bundle.ts";
import { tileHash, tileWidth } from "../merkle/tile.ts";
import { hashBytes, leafHash } from "../merkle/tree.ts";
import { parseEntry } from "./entry.ts";
import { isPlainEntry, plainValueEnd } from "./entry-scan.ts";

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
  /** The entries as a JSON array; null in the place of each that is none. */
  readonly text: string;
  /** For each entry the number of its decision among all that this digester has met, for which `text` has a zero; -1 where it is in `text`. */
  readonly decisions: Int32Array;
  /** The decisions met for the first time, in the order of their numbers. */
  readonly newDecisions: readonly string[];
};

const decisionOpening = Buffer.from('{"body":{"decision":', "latin1");
const inText = -1;

/** Decisions differ in few ways, and their texts are most of a ledger's bytes. More ways than this are not kept. */
const keptDecisions = 64;

/** Hashes bundles and reads their entries. It remembers the texts of decisions, so that each is read once. */
export class BundleDigester {
  readonly #decisions: Buffer[] = [];

  digest({ bundle, width, leafTile, isParsed }: BundleWork): BundleDigest {
    const entries = parseBundle(bundle);
    if (entries?.length !== width) return { ...nothing, count: entries?.length ?? null };
    const leaves = Buffer.allocUnsafeSlow(entries.length * hashBytes);
    const otherLeaves: number[] = [];
    for (const [offset, entry] of entries.entries()) {
      const leaf = leafHash(entry);
      leaves.set(leaf, offset * hashBytes);
      const at = offset * hashBytes;
      if (leafTile !== null && leaf.compare(leafTile, at, at + hashBytes) !== 0)
        otherLeaves.push(offset);
    }
    const subtree = width === tileWidth ? tileHash(leaves) : null;
    const read = isParsed ? this.#read(entries, leaves) : nothing;
    return { ...read, count: entries.length, leaves, subtree, otherLeaves };
  }

  #read(entries: readonly Buffer[], leaves: Buffer): Read {
    const known = this.#decisions.length;
    const decisions = new Int32Array(entries.length).fill(inText);
    const chainBreaks: number[] = [];
    const texts: string[] = [];
    for (const [offset, entry] of entries.entries()) {
      const decision = this.#decisionOf(entry);
      const end = decision === inText ? 0 : (this.#decisions[decision]?.length ?? 0);
      const start = decisionOpening.length;
      const skip = decision === inText ? null : { start, end: start + end };
      if (!isPlainEntry(entry, skip)) {
        const parsed = parseEntry(entry);
        texts.push(parsed === null ? "null" : entry.toString("utf8"));
        if (parsed !== null && offset > 0 && parsed.previous !== leafBefore(leaves, offset))
          chainBreaks.push(offset);
        continue;
      }
      if (offset > 0 && previousOf(entry) !== leafBefore(leaves, offset)) chainBreaks.push(offset);
      decisions[offset] = decision;
      texts.push(
        skip === null
          ? entry.toString("latin1")
          : `{"body":{"decision":0${entry.toString("latin1", skip.end)}`,
      );
    }
    const newDecisions = this.#decisions.slice(known).map((text) => text.toString("latin1"));
    return { chainBreaks, decisions, newDecisions, text: `[${texts.join()}]` };
  }

  /** The number of the decision that the entry's body begins with, which canonical order puts first. */
  #decisionOf(entry: Buffer): number {
    const start = decisionOpening.length;
    if (entry.length < start || decisionOpening.compare(entry, 0, start) !== 0) return inText;
    for (const [number, text] of this.#decisions.entries()) {
      const end = start + text.length;
      if (end < entry.length && text.compare(entry, start, end) === 0) return number;
    }
    if (this.#decisions.length === keptDecisions || entry[start] !== 0x7b) return inText;
    const end = plainValueEnd(entry, start);
    if (end < 0) return inText;
    return this.#decisions.push(Buffer.from(entry.subarray(start, end))) - 1;
  }
}

type Read = Pick<BundleDigest, "chainBreaks" | "decisions" | "newDecisions" | "text">;

const nothing: BundleDigest = {
  count: null,
  leaves: new Uint8Array(0),
  subtree: null,
  otherLeaves: [],
  chainBreaks: [],
  text: "[]",
  decisions: new Int32Array(0),
  newDecisions: [],
};

/** An entry ends in `"previous":"<64 hex digits>","time":"<24 characters>"}`. */
const previousFromEnd = 26 + '","time":"'.length + 64;

function previousOf(entry: Buffer): string {
  const at = entry.length - previousFromEnd;
  return entry.toString("latin1", at, at + 64);
}

function leafBefore(leaves: Buffer, offset: number): string {
  return leaves.toString("hex", (offset - 1) * hashBytes, offset * hashBytes);
}
