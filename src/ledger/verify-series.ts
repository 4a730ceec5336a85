import { type Checkpoint, parseCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote, type VerificationKey } from "../merkle/note.ts";
import { verifyConsistency } from "../merkle/proof.ts";
import { tileWidth } from "../merkle/tile.ts";
import { Frontier, hashBytes } from "../merkle/tree.ts";
import type { Findings } from "./findings.ts";
import { readTile, type TileSource } from "./source.ts";
import { type NamedCheckpoint, tellGap, wordsOf } from "./verify-checkpoints.ts";
import type { SigningKeys } from "./verify-keys.ts";

/** A checkpoint of a series, as it was kept. */
export type KeptInSeries = {
  readonly checkpoint: string;
  /** In an excerpt, the consistency proof from it to the excerpt's checkpoint. */
  readonly proof?: readonly Buffer[];
};

export type SeriesOptions = {
  /** By their sizes; null for one that cannot be read. */
  readonly checkpoints: AsyncIterable<KeptInSeries | null>;
  /** How many entries a batch has at most. */
  readonly most: number;
  /** Where the series begins: 0, unless the ledger was rebuilt at so many entries, before which none were kept. */
  readonly from: number;
};

export type SeriesReport = { readonly checkpoints: number };

export type SeriesSubject = {
  readonly key: VerificationKey;
  /** The keys that the entries told. */
  readonly keys: SigningKeys;
  readonly newest: Checkpoint;
  readonly findings: Findings;
  /** Whether the ledger grew from it; asked by size, in order. Null where that cannot be told. */
  readonly grewFrom: ((older: Checkpoint, kept: KeptInSeries) => Promise<boolean>) | null;
  /** Sizes at which others show that a checkpoint was signed, and who. */
  readonly expected: ReadonlyMap<number, string>;
  /** What the last of the series must cover; where it is the newest checkpoint, which closes the series itself, null. */
  readonly until: number | null;
  /** Is shown each checkpoint of the series before the growth to it is asked for. */
  readonly along: { readonly upTo: (reached: Checkpoint, note: string) => Promise<void> } | null;
};

/**
 * Judges the series of all signed checkpoints: each under the key of its time, in order, once a size, and a state that the ledger grew from. Two
 * neighbours that are missing are told by the step over them, which is of more than two batches; any one that is missing, by whoever kept it, and
 * by a rotation of the key, which names the newest by then. Holds one checkpoint at a time.
 */
export async function judgeWholeSeries(
  { key, keys, newest, findings, grewFrom, expected, until, along }: SeriesSubject,
  { checkpoints, most, from }: SeriesOptions,
): Promise<SeriesReport> {
  const missed = new Map(expected);
  const bounds = { most, findings };
  let count = 0;
  let last: Checkpoint | null = null;
  for await (const kept of checkpoints) {
    count += 1;
    const checkpoint = kept === null ? null : statedBy(kept.checkpoint);
    if (kept === null || checkpoint === null) {
      findings.add("series_malformed", `number ${count} of the series is no signed checkpoint`);
      continue;
    }
    const { size, root, origin } = checkpoint;
    const name = `the series's checkpoint of ${size} entries`;
    const verdict = keys.judge(kept.checkpoint);
    if (verdict !== "verified" || origin !== newest.origin) {
      const what = verdict === "verified" ? `is of ${origin}` : wordsOf(verdict, key.name);
      findings.add("older_checkpoint_invalid", `${name} ${what}`);
      continue;
    }
    const before = last?.size ?? from;
    if (size > newest.size) {
      const message = `the ledger has ${newest.size} entries; ${name} shows that it had more: its tail was deleted, or an older state was put back`;
      findings.add("rolled_back", message);
    } else if (last !== null && size < last.size)
      findings.add("series_malformed", `${name} stands behind the one of ${last.size}`);
    else if (last !== null && size === last.size) {
      if (!root.equals(last.root))
        findings.add("fork", `two checkpoints of ${size} entries in the series differ`);
    } else {
      await along?.upTo(checkpoint, kept.checkpoint);
      if (!(await isGrownFrom(checkpoint, kept, { newest, grewFrom })))
        tellOther(checkpoint, { newest, name, findings });
      if (size > from) tellGap(Math.max(before, from), size, bounds);
      missed.delete(size);
      last = checkpoint;
    }
  }
  const end = last?.size ?? from;
  if (until === null) tellGap(Math.max(end, from), newest.size, bounds);
  else if (end < until) {
    const message = `the series ends at ${end} entries and has to cover ${until}`;
    findings.add("checkpoints_missing", message);
  }
  for (const [size, whose] of missed) {
    if (size < from || size > (until ?? newest.size)) continue;
    const message = `the series lacks the checkpoint of ${size} entries, which was signed: ${whose} shows it`;
    findings.add("checkpoints_missing", message);
  }
  return { checkpoints: count };
}

/** What a note says as a checkpoint, whoever signed it, which costs more to tell; null where it is none. */
export function statedBy(note: string): Checkpoint | null {
  return parseCheckpoint(parseNote(note)?.text ?? "");
}

/** Sizes at which a checkpoint was signed, and who shows it: rotations of the key, and whoever kept one. */
export function sizesShown(
  keys: SigningKeys,
  older: readonly NamedCheckpoint[],
): ReadonlyMap<number, string> {
  const signed = older.filter(({ bytes }) => keys.judge(bytes) === "verified");
  return new Map([
    ...keys.signedSizes,
    ...signed.map(({ name, checkpoint: { size } }) => [size, name] as const),
  ]);
}

async function isGrownFrom(
  checkpoint: Checkpoint,
  kept: KeptInSeries,
  { newest, grewFrom }: Pick<SeriesSubject, "newest" | "grewFrom">,
): Promise<boolean> {
  if (checkpoint.size === newest.size) return checkpoint.root.equals(newest.root);
  return grewFrom === null || (await grewFrom(checkpoint, kept));
}

function tellOther(
  { size }: Checkpoint,
  {
    newest,
    name,
    findings,
  }: {
    readonly newest: Checkpoint;
    readonly name: string;
    readonly findings: Findings;
  },
): void {
  if (size === newest.size)
    findings.add(
      "fork",
      `two checkpoints of ${size} entries have different roots: ${name} and the newest`,
    );
  else
    findings.add("history_rewritten", `the first ${size} entries are not those that ${name} signs`);
}

/** What an excerpt's own proof says: it leads from the checkpoint to the newest. */
export function grownByOwnProof(
  { size: oldSize, root: oldRoot }: Checkpoint,
  { proof }: KeptInSeries,
  { size, root }: Checkpoint,
): boolean {
  return proof !== undefined && verifyConsistency({ oldSize, oldRoot, size, root, proof });
}

/**
 * The roots at these sizes by the leaf hashes alone, where these make the signed root: entries that are missing do not hide what a kept checkpoint shows.
 */
export async function rootsByLeaves(
  sizes: readonly number[],
  {
    source,
    key,
    newest,
  }: {
    readonly source: TileSource;
    readonly key: VerificationKey;
    readonly newest: Checkpoint;
  },
): Promise<ReadonlyMap<number, Buffer>> {
  const roots = new Map<number, Buffer>();
  // Nothing is read for what nobody asks.
  if (sizes.length === 0) return roots;
  const growing = new GrowingRoot(source, key, newest.size);
  for (const size of [...new Set(sizes)].toSorted((one, other) => one - other)) {
    const root = await growing.rootAt(size);
    if (root !== null) roots.set(size, root);
  }
  return (await growing.leadsTo(newest)) ? roots : new Map();
}

/**
 * Grows the tree once more over the ledger's leaf hashes, in memory that does not grow with it, and holds the roots on the way to it. Whether the leaves
 * were the signed ones, `leadsTo` tells of the newest root in the end.
 */
export class GrowingRoot {
  readonly #source: TileSource;
  readonly #key: VerificationKey;
  readonly #size: number;
  #frontier = new Frontier();
  #tile: { readonly number: number; readonly bytes: Buffer } | null = null;

  constructor(source: TileSource, key: VerificationKey, size: number) {
    this.#source = source;
    this.#key = key;
    this.#size = size;
  }

  /** Whether the first entries make the root; sizes are asked for in order. False where a tile is not there, or was passed. */
  async leadsTo({ size, root }: Pick<Checkpoint, "size" | "root">): Promise<boolean> {
    return (await this.rootAt(size))?.equals(root) === true;
  }

  /** The root that the first entries make; null where a tile is not there, or was passed. */
  async rootAt(size: number): Promise<Buffer | null> {
    if (size < this.#frontier.size || size > this.#size) return null;
    while (this.#frontier.size < size) {
      const number = Math.floor(this.#frontier.size / tileWidth);
      const bytes = await this.#leaves(number);
      if (bytes === null) return null;
      const end = Math.min(size, number * tileWidth + bytes.length / hashBytes);
      for (let at = this.#frontier.size; at < end; at += 1) {
        const offset = (at - number * tileWidth) * hashBytes;
        this.#frontier.append(bytes.subarray(offset, offset + hashBytes));
      }
    }
    return this.#frontier.root();
  }

  async #leaves(number: number): Promise<Buffer | null> {
    if (this.#tile?.number === number) return this.#tile.bytes;
    const width = Math.min(tileWidth, this.#size - number * tileWidth);
    const bytes = await readTile(this.#source, this.#key, { level: 0, number, width });
    if (bytes?.length !== width * hashBytes) return null;
    this.#tile = { number, bytes };
    return bytes;
  }
}
