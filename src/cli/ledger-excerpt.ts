import { randomUUID } from "node:crypto";
import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { batchLimit } from "../ledger/batch-limit.ts";
import type { TileSource } from "../ledger/source.ts";
import { type KeptTimestamp, timestampPath } from "../ledger/source-timestamps.ts";
import { type Excerpt, format } from "./excerpt-folder.ts";
import { keepKeys } from "./exported-keys.ts";
import { Failure } from "./failure.ts";
import type { Beside } from "./ledger-beside.ts";
import { type Chosen, type ChosenEntry, chooseEntries } from "./ledger-chosen.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { Prover } from "./ledger-prover.ts";
import { type InSeries, seriesFile, writeSeries } from "./ledger-series.ts";
import type { Selection } from "./ledger-story.ts";
import { timestampFiles } from "./ledger-timestamps.ts";
import { assertOneTree, awaitWitnessed, type Signed, type Witnessing } from "./ledger-witnessed.ts";
import { inParallel } from "./parallel.ts";
import { rulebookFile } from "./rulebook-file.ts";

/** What the server discloses of a decision, null where it keeps nothing; and its own copy of a rulebook that this version does not have. */
export type Disclose = (release: string) => Promise<Disclosed | null>;

export type Disclosed = {
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly rulebook: { readonly digest: string; readonly content: unknown } | null;
};

/**
 * Writes an excerpt: the entries of a selection, each with its inclusion proof, the checkpoint and the keys, the digests of rulebooks and
 * lists, a timestamp and the signed checkpoints of the period, each with the proof that the checkpoint grew from it, and what `disclose` gives. The whole ledger is verified first; throws `integrity` where it does not verify, or where a rulebook is disclosed under no digest. The folder appears
 * whole or not at all, and one that is there is refused.
 */
export async function exportExcerpt(
  source: TileSource,
  key: LedgerKey,
  {
    folder,
    selection,
    disclose,
    beside,
    witnessing = null,
  }: {
    readonly folder: string;
    readonly selection: Selection;
    readonly disclose: Disclose | null;
    /** The excerpt keeps the oldest timestamp that covers all of its entries, else the newest, and the series from its first entry to its last. */
    readonly beside?: Beside;
    /** The excerpt's checkpoint is one that satisfies the policy; the newest where none is asked for. */
    readonly witnessing?: Witnessing | null;
  },
): Promise<Excerpt> {
  await refusePresent(folder);
  // Before the checkpoint, which then covers what was stamped.
  const newestTimestamp = (await beside?.newestTimestamp()) ?? null;
  const newest = await source.checkpoint();
  const { chosen, signed } = await chooseWitnessed(source, key, { selection, newest, witnessing });
  const { first, last } = chosen;
  const { checkpoint, bytes } = signed;
  const temporary = join(dirname(resolve(folder)), `.${randomUUID()}.partial`);
  try {
    await mkdir(temporary);
    const prover = new Prover(source, key, checkpoint, bytes);
    await prover.proveTree();

    await writeEntries(temporary, chosen.entries, prover);
    if (beside !== undefined) {
      const { size } = checkpoint;
      const timestamp = await timestampFor({ last, size }, beside, newestTimestamp);
      if (timestamp !== null) await writeTimestamp(temporary, timestamp, prover);
      await writePeriod(temporary, { first, last, size, prover }, beside);
    }
    const { evidence, lists } = await writeEvidence(temporary, chosen.entries, disclose);
    const { thing, from, until } = selection;
    const excerpt: Excerpt = {
      format,
      origin: checkpoint.origin,
      size: checkpoint.size,
      selection: { thing, from, until },
      entries: chosen.entries.map(({ index }) => index),
      rulebooks: [...chosen.rulebooks].toSorted(),
      lists,
      evidence,
    };
    await writeFile(join(temporary, "checkpoint"), bytes);
    await keepKeys(temporary, key, (await beside?.mlDsaKeys()) ?? []);
    await writeFile(join(temporary, "excerpt.json"), `${JSON.stringify(excerpt, null, 2)}\n`);
    await refusePresent(folder);
    await rename(temporary, folder);
    return excerpt;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function refusePresent(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => null);
  if (found !== null)
    throw new Failure("failed", `${folder} is there already; an excerpt goes into a new folder`);
}

/**
 * The selection's entries and the checkpoint that they are proved to: the newest, or with a policy one that satisfies it and covers all of
 * them, in the tree that was read. Where that one is newer than what was read, the ledger is read again up to it, so that no entry below it is left out.
 */
async function chooseWitnessed(
  source: TileSource,
  key: LedgerKey,
  {
    selection,
    newest,
    witnessing,
  }: {
    readonly selection: Selection;
    readonly newest: Buffer | null;
    readonly witnessing: Witnessing | null;
  },
): Promise<{ readonly chosen: Chosen; readonly signed: Signed }> {
  const chosen = await chooseEntries(source, key, { selection, bytes: newest });
  const read = { checkpoint: chosen.checkpoint, bytes: newest ?? Buffer.alloc(0) };
  if (witnessing === null) return { chosen, signed: read };
  const least = (chosen.entries.at(-1)?.index ?? -1) + 1;
  const { rotations } = chosen;
  const signed = await awaitWitnessed({ ...key, rotations }, { newest: read, least }, witnessing);
  await assertOneTree(source, key, { newest: read, signed });
  if (signed.checkpoint.size <= read.checkpoint.size) return { chosen, signed };
  const again = await chooseEntries(source, key, { selection, bytes: signed.bytes });
  return { chosen: again, signed };
}

/** Twice as many as the file system has threads: each of them finds the next one ready. */
const writtenAtOnce = 8;

async function writeEntries(
  folder: string,
  chosen: readonly ChosenEntry[],
  prover: Prover,
): Promise<void> {
  await mkdir(join(folder, "entries"));
  await mkdir(join(folder, "proofs"));
  const { signal } = new AbortController();
  await inParallel(chosen, { most: writtenAtOnce, signal }, async ({ index }) => {
    const { entry, proof } = await prover.prove(index);
    await writeFile(join(folder, "entries", `${index}.json`), entry);
    await writeFile(join(folder, "proofs", `${index}.tlog-proof`), proof);
  });
}

/** The oldest that covers every entry, else the newest that the checkpoint covers: a checkpoint of a quorum may be older than the newest stamp. */
async function timestampFor(
  { last, size: newestSize }: { readonly last: number; readonly size: number },
  { timestamps }: Beside,
  newest: KeptTimestamp | null,
): Promise<KeptTimestamp | null> {
  // By their sizes: behind the first that is too large there is none.
  for await (const each of timestamps(last)) {
    if (each.size > newestSize) break;
    return each;
  }
  if (newest === null || newest.size <= newestSize) return newest;
  let before: KeptTimestamp | null = null;
  for await (const each of timestamps(null)) {
    if (each.size > newestSize) break;
    before = each;
  }
  return before;
}

/** The series from the newest checkpoint before the first entry to the oldest that covers the last one, each with its way to the excerpt's own. */
async function writePeriod(
  folder: string,
  {
    first,
    last,
    size: newest,
    prover,
  }: {
    readonly first: number;
    readonly last: number;
    readonly size: number;
    readonly prover: Prover;
  },
  { series }: Beside,
): Promise<void> {
  const begin = first - 2 * batchLimit;
  await writeSeries(join(folder, seriesFile), async (write) => {
    let before: InSeries | null = null;
    const keep = async ({ size, checkpoint }: InSeries) =>
      await write({ checkpoint, proof: [...(await prover.proveConsistency(size))] });
    for await (const each of series(begin > 0 ? begin - 1 : null)) {
      if (each.size > newest) break;
      if (each.size <= first) {
        before = each;
        continue;
      }
      if (before !== null) await keep(before);
      before = null;
      await keep(each);
      if (each.size > last) break;
    }
  });
}

async function writeTimestamp(
  folder: string,
  timestamp: KeptTimestamp,
  prover: Prover,
): Promise<void> {
  await mkdir(join(folder, "timestamp"));
  for (const [path, bytes] of timestampFiles(timestamp)) await writeFile(join(folder, path), bytes);
  const { size } = timestamp;
  await writeFile(join(folder, timestampPath(size, "growth")), await prover.proveGrowth(size));
}

async function writeEvidence(
  folder: string,
  chosen: readonly ChosenEntry[],
  disclose: Disclose | null,
): Promise<{ readonly evidence: string[]; readonly lists: string[] }> {
  const evidence: string[] = [];
  const lists = new Set(chosen.flatMap(({ list }) => (list === null ? [] : [list])));
  if (disclose === null) return { evidence, lists: [...lists].toSorted() };
  await mkdir(join(folder, "evidence"));
  await mkdir(join(folder, "rulebooks"));
  for (const { release } of chosen) {
    const disclosed = release === null ? null : await disclose(release);
    if (release === null || disclosed === null) continue;
    const file = join(folder, "evidence", `${release}.json`);
    // Facts about persons: for the eyes of whoever holds the folder alone.
    await writeFile(file, JSON.stringify(disclosed.evidence), { mode: 0o600 });
    evidence.push(release);
    const list = memberOf(memberOf(disclosed.evidence["facts"], "screening"), "list");
    const digest = memberOf(list, "digest");
    if (typeof digest === "string") lists.add(digest);
    const { rulebook } = disclosed;
    if (rulebook === null) continue;
    const rulebookPath = rulebookFile(rulebook.digest);
    if (rulebookPath === null)
      throw new Failure("integrity", `the evidence of release ${release} names no rulebook`);
    const content = JSON.stringify(rulebook.content);
    await writeFile(join(folder, rulebookPath), content);
  }
  return { evidence, lists: [...lists].toSorted() };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
