import { randomUUID } from "node:crypto";
import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { batchLimit } from "../ledger/batch-limit.ts";
import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import { rotationIn } from "../ledger/source-rotations.ts";
import { type KeptTimestamp, timestampPath } from "../ledger/source-timestamps.ts";
import type { ExcerptSource } from "../ledger/verify-excerpt.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import type { PlacedRotation } from "../merkle/rotation.ts";
import { maximumEntryBytes } from "../merkle/tile.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
import type { Beside } from "./ledger-beside.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { Prover } from "./ledger-prover.ts";
import { type InSeries, seriesFile, writeSeries } from "./ledger-series.ts";
import { scanLedger } from "./ledger-source.ts";
import { type Selection, Story, storyNouns } from "./ledger-story.ts";
import { timestampFiles } from "./ledger-timestamps.ts";

const format = "weightvault/ledger-excerpt/v1";
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `excerpt.json`: what the folder is, and what it holds. Nothing of it is signed; the checkpoint and the proofs are what verifies. */
const excerptForm = z.strictObject({
  format: z.literal(format),
  origin: z.string(),
  size: z.int().min(0),
  selection: z.strictObject({
    thing: z.strictObject({ noun: z.enum(storyNouns), id: z.string() }).nullable(),
    from: z.string().nullable(),
    until: z.string().nullable(),
  }),
  entries: z.array(z.int().min(0)),
  /** The digests of the rulebooks and of the denied-party lists that decisions name, or that disclosed facts do. */
  rulebooks: z.array(sha256),
  lists: z.array(z.string()),
  /** The releases whose evidence is disclosed. */
  evidence: z.array(z.uuid()),
});

export type Excerpt = z.output<typeof excerptForm>;

/** What the server discloses of a decision, null where it keeps nothing; and its own copy of a rulebook that this version does not have. */
export type Disclose = (release: string) => Promise<Disclosed | null>;

export type Disclosed = {
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly rulebook: { readonly digest: string; readonly content: unknown } | null;
};

type Chosen = {
  readonly index: number;
  readonly release: string | null;
  readonly list: string | null;
};

/**
 * Writes an excerpt: the entries of a selection, each with its inclusion proof, the checkpoint and the key, the digests of rulebooks and
 * lists, a timestamp and the signed checkpoints of the period, each with the proof that the checkpoint grew from it, and what `disclose` gives. The whole ledger is verified first; throws `integrity` where it does not verify. The folder appears
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
  }: {
    readonly folder: string;
    readonly selection: Selection;
    readonly disclose: Disclose | null;
    /** The excerpt keeps the oldest timestamp that covers all of its entries, else the newest, and the series from its first entry to its last. */
    readonly beside?: Beside;
  },
): Promise<Excerpt> {
  await refusePresent(folder);
  const story = new Story(selection);
  const chosen: Chosen[] = [];
  const rulebooks = new Set<string>();
  const rotations: PlacedRotation[] = [];
  const taken: { first: number | null; last: number } = { first: null, last: -1 };
  // Before the checkpoint, which then covers what was stamped.
  const newestTimestamp = (await beside?.newestTimestamp()) ?? null;
  const bytes = await source.checkpoint();
  const frozen: TileSource = { ...source, checkpoint: async () => bytes };
  const report = await scanLedger(frozen, key, (entry) => {
    const rotation = rotationIn(entry);
    if (rotation !== null) rotations.push(rotation);
    // How the key was replaced belongs to every part, or who trusts an older key could not verify it.
    const isAbout = story.takes(entry);
    if (isAbout) {
      taken.first ??= entry.index;
      taken.last = entry.index;
    }
    if (!isAbout && rotation === null) return;
    const digest = rulebookOf(entry);
    if (digest !== null) rulebooks.add(digest);
    const { screeningList } = entry.body;
    const list = typeof screeningList === "string" ? screeningList : null;
    chosen.push({ index: entry.index, release: decided(entry), list });
  });
  const errors = counted(report.errors, "finding");
  if (!report.verified || bytes === null)
    throw new Failure("integrity", `the ledger does not verify: ${errors}`);
  const { first, last } = taken;
  if (first === null) throw new Failure("notFound", "no entry of the ledger is about it");
  const opened = openSigned(bytes, { key: key.key, rotations });
  if (opened?.verdict !== "verified")
    throw new Failure("integrity", "the ledger's checkpoint is not signed by its key");
  const temporary = join(dirname(resolve(folder)), `.${randomUUID()}.partial`);
  try {
    await mkdir(temporary);
    const prover = new Prover(source, key, opened.checkpoint, bytes);
    await writeEntries(temporary, chosen, prover);
    if (beside !== undefined) {
      const { size } = opened.checkpoint;
      const timestamp = await timestampFor({ last, size }, beside, newestTimestamp);
      if (timestamp !== null) await writeTimestamp(temporary, timestamp, prover);
      await writePeriod(temporary, { first, last, size, prover }, beside);
    }
    const { evidence, lists } = await writeEvidence(temporary, chosen, disclose);
    const { thing, from, until } = selection;
    const excerpt: Excerpt = {
      format,
      origin: opened.checkpoint.origin,
      size: opened.checkpoint.size,
      selection: { thing, from, until },
      entries: chosen.map(({ index }) => index),
      rulebooks: [...rulebooks].toSorted(),
      lists,
      evidence,
    };
    await writeFile(join(temporary, "checkpoint"), bytes);
    await writeFile(join(temporary, "verification-key"), `${key.text}\n`);
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

function decided({ kind, body }: Entry): string | null {
  const isDecision = /^release\.(?:allowed|denied|held)$/.test(kind);
  return isDecision && typeof body["release"] === "string" ? body["release"] : null;
}

function rulebookOf({ body }: Entry): string | null {
  const digest = memberOf(body["decision"], "rulebook");
  return typeof digest === "string" ? digest : null;
}

async function writeEntries(
  folder: string,
  chosen: readonly Chosen[],
  prover: Prover,
): Promise<void> {
  await mkdir(join(folder, "entries"));
  await mkdir(join(folder, "proofs"));
  for (const { index } of chosen) {
    const { entry, proof } = await prover.prove(index);
    await writeFile(join(folder, "entries", `${index}.json`), entry);
    await writeFile(join(folder, "proofs", `${index}.tlog-proof`), proof);
  }
}

/** The oldest that covers every entry, else the newest; one that an export left before its checkpoint came is none of this checkpoint. */
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
  return newest !== null && newest.size <= newestSize ? newest : null;
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
  chosen: readonly Chosen[],
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
    const content = JSON.stringify(rulebook.content);
    await writeFile(join(folder, "rulebooks", `${rulebook.digest}.json`), content);
  }
  return { evidence, lists: [...lists].toSorted() };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

const longestExcerptBytes = 256 * 2 ** 20;

/** What a folder says that it holds; null where it is no excerpt. Throws `integrity` for an `excerpt.json` of another form. */
export async function readExcerpt(folder: string): Promise<Excerpt | null> {
  const bytes = await readRegularFile(join(folder, "excerpt.json"), longestExcerptBytes);
  if (bytes === null) return null;
  try {
    return excerptForm.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new Failure("integrity", `${folder} has no excerpt.json of the form ${format}`, {
      cause,
    });
  }
}

/** The files of an excerpt. Only regular ones are read: whoever filled the folder may want its reader to wait for ever. */
export function excerptSource(folder: string): ExcerptSource {
  return {
    checkpoint: async () => await readRegularFile(join(folder, "checkpoint"), maximumNoteBytes + 1),
    entry: async (index) =>
      await readRegularFile(join(folder, "entries", `${index}.json`), maximumEntryBytes + 1),
    proof: async (index) =>
      await readRegularFile(join(folder, "proofs", `${index}.tlog-proof`), maximumNoteBytes + 1),
  };
}
