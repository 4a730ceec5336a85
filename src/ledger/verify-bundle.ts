import { tilePath, tileWidth } from "../merkle/tile.ts";
import { hashBytes } from "../merkle/tree.ts";
import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { type BundleDigest, leafBefore } from "./verify-digest.ts";
import type { EntryChecks } from "./verify-entries.ts";
import type { Digested } from "./verify-pool.ts";

/** An entry as a digest's text has it. */
type Read = Pick<Entry, "index" | "kind"> &
  Partial<Pick<Entry, "previous" | "time">> & {
    readonly body: { [name: string]: EntryBody[string] };
  };

/**
 * Gives the entries of digested bundles, in order, to the checks, and holds each to its place and to the one before it. A bundle that was
 * put into another's place is one finding, not one for each entry.
 */
export class BundleEntries {
  readonly #findings: Findings;
  readonly #checks: EntryChecks;
  #lastLeafHex = "";

  constructor(findings: Findings, checks: EntryChecks) {
    this.#findings = findings;
    this.#checks = checks;
  }

  /** Takes the bundle whose first entry is at `first`. */
  take(first: number, { digest, texts, decisions }: Digested): void {
    const [whole, ...others] = texts.map((text) => JSON.parse(text) as (Read | null)[]);
    const entries = whole?.concat(...others) ?? [];
    const breaks = new Set(digest.chainBreaks);
    const movedFrom = placeOf(entries, first);
    if (movedFrom !== null) this.#tellMoved(first, movedFrom, entries.length);
    for (let offset = 0; offset < entries.length; offset += 1) {
      const entry = entries[offset] ?? null;
      const index = first + offset;
      if (entry === null) {
        this.#findings.add("entry_malformed", `entry ${index} is not in the ledger's form`, index);
        continue;
      }
      const decision = decisions[digest.decisions[offset] ?? -1];
      if (decision !== undefined) entry.body["decision"] = decision;
      if (entry.index !== index && movedFrom === null) {
        const message = `the entry at ${index} says that it is ${entry.index}`;
        this.#findings.add("index_mismatch", message, index);
      }
      const isBroken = offset === 0 ? entry.previous !== this.#lastLeafHex : breaks.has(offset);
      if (isBroken) {
        const message = `entry ${index} does not follow the entry before it`;
        this.#findings.add("chain_broken", message, index);
      }
      const placed = new PlacedEntry(entry, index, digest, offset);
      this.#checks.take(placed, digest.timesMs[offset] ?? 0);
    }
    this.#lastLeafHex = Buffer.from(digest.leaves.subarray(-hashBytes)).toString("hex");
  }

  #tellMoved(first: number, movedFrom: number, width: number): void {
    const path = (index: number): string =>
      tilePath({ level: "entries", number: Math.floor(index / tileWidth), width });
    const message = `${path(first)} holds the entries of ${path(movedFrom)}: a file was moved`;
    this.#findings.add("file_moved", message, first);
  }
}

/** An entry at its place; what its text is without is made where somebody asks for it. */
class PlacedEntry implements Entry {
  readonly index: number;
  readonly kind: string;
  readonly body: EntryBody;
  private readonly read: Read;
  private readonly digest: BundleDigest;
  private readonly offset: number;

  constructor(read: Read, index: number, digest: BundleDigest, offset: number) {
    this.index = index;
    this.kind = read.kind;
    this.body = read.body;
    this.read = read;
    this.digest = digest;
    this.offset = offset;
  }

  get time(): string {
    return this.read.time ?? new Date(this.digest.timesMs[this.offset] ?? 0).toISOString();
  }

  get previous(): string {
    return this.read.previous ?? leafBefore(this.digest.leaves, this.offset);
  }
}

/** Where the entries say that they stand, where that is the beginning of another bundle and all agree; null where they are in place. */
function placeOf(entries: readonly (Read | null)[], first: number): number | null {
  const said = entries[0]?.index ?? first;
  if (said === first || said % tileWidth !== 0) return null;
  return entries.every((entry, offset) => entry?.index === said + offset) ? said : null;
}
