import { randomUUID } from "node:crypto";
import { lstat, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { Entry } from "../ledger/entry.ts";
import { readTile, type TileSource } from "../ledger/source.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import { rotationIn } from "../ledger/source-rotations.ts";
import type { ExcerptSource } from "../ledger/verify-excerpt.ts";
import { encodeAddCheckpoint } from "../merkle/add-checkpoint.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { consistencyProof, inclusionProof, readTiles, verifyInclusion } from "../merkle/proof.ts";
import type { PlacedRotation } from "../merkle/rotation.ts";
import { maximumEntryBytes, type Tile, tileWidth } from "../merkle/tile.ts";
import { encodeTlogProof } from "../merkle/tlog-proof.ts";
import { leafHash } from "../merkle/tree.ts";
import { Failure } from "./failure.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { scanLedger } from "./ledger-source.ts";
import { type Selection, Story, storyNouns } from "./ledger-story.ts";
import { growthPath, type KeptTimestamp, timestampFiles } from "./ledger-timestamps.ts";

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
 * lists, a timestamp with the proof that the checkpoint grew from what was stamped, and what `disclose` gives. The whole ledger is verified first; throws `integrity` where it does not verify. The folder appears
 * whole or not at all, and one that is there is refused.
 */
export async function exportExcerpt(
  source: TileSource,
  key: LedgerKey,
  {
    folder,
    selection,
    disclose,
    timestamps = [],
  }: {
    readonly folder: string;
    readonly selection: Selection;
    readonly disclose: Disclose | null;
    /** By their sizes; the excerpt keeps the oldest of those that cover all of its entries, else the newest. */
    readonly timestamps?: readonly KeptTimestamp[];
  },
): Promise<Excerpt> {
  await refusePresent(folder);
  const story = new Story(selection);
  const chosen: Chosen[] = [];
  const rulebooks = new Set<string>();
  const rotations: PlacedRotation[] = [];
  let taken = 0;
  const bytes = await source.checkpoint();
  const frozen: TileSource = { ...source, checkpoint: async () => bytes };
  const report = await scanLedger(frozen, key, (entry) => {
    const rotation = rotationIn(entry);
    if (rotation !== null) rotations.push(rotation);
    // How the key was replaced belongs to every part, or who trusts an older key could not verify it.
    const isAbout = story.takes(entry);
    if (isAbout) taken += 1;
    if (!isAbout && rotation === null) return;
    const digest = rulebookOf(entry);
    if (digest !== null) rulebooks.add(digest);
    const { screeningList } = entry.body;
    const list = typeof screeningList === "string" ? screeningList : null;
    chosen.push({ index: entry.index, release: decided(entry), list });
  });
  if (!report.verified || bytes === null)
    throw new Failure("integrity", `the ledger does not verify: ${report.errors} findings`);
  if (taken === 0) throw new Failure("notFound", "no entry of the ledger is about it");
  const opened = openSigned(bytes, { key: key.key, rotations });
  if (opened?.verdict !== "verified")
    throw new Failure("integrity", "the ledger's checkpoint is not signed by its key");
  const temporary = join(dirname(resolve(folder)), `.${randomUUID()}.partial`);
  try {
    await mkdir(temporary);
    const prover = new Prover(source, key, opened.checkpoint, bytes);
    await writeEntries(temporary, chosen, prover);
    const timestamp = timestampFor(chosen, timestamps, opened.checkpoint);
    if (timestamp !== undefined) await writeTimestamp(temporary, timestamp, prover);
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
function timestampFor(
  chosen: readonly Chosen[],
  timestamps: readonly KeptTimestamp[],
  { size: newest }: Checkpoint,
): KeptTimestamp | undefined {
  const last = chosen.at(-1)?.index ?? 0;
  const covered = timestamps.filter(({ size }) => size <= newest);
  return covered.find(({ size }) => size > last) ?? covered.at(-1);
}

async function writeTimestamp(
  folder: string,
  timestamp: KeptTimestamp,
  prover: Prover,
): Promise<void> {
  await mkdir(join(folder, "timestamp"));
  for (const [path, bytes] of timestampFiles(timestamp)) await writeFile(join(folder, path), bytes);
  const { size } = timestamp;
  await writeFile(join(folder, growthPath(size)), await prover.proveGrowth(size));
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

/** Makes proofs against one checkpoint. Neighbours share their bundle; hashes are fetched once. */
class Prover {
  readonly #source: TileSource;
  readonly #key: LedgerKey;
  readonly #checkpoint: Checkpoint;
  readonly #note: string;
  readonly #read: ReturnType<typeof readTiles>;
  #bundle: { readonly number: number; readonly entries: readonly Buffer[] } | null = null;

  constructor(source: TileSource, key: LedgerKey, checkpoint: Checkpoint, note: Buffer) {
    this.#source = source;
    this.#key = key;
    this.#checkpoint = checkpoint;
    this.#note = note.toString("utf8");
    this.#read = readTiles(checkpoint.size, async (tile) => await this.#tile(tile));
  }

  async prove(index: number): Promise<{ readonly entry: Buffer; readonly proof: string }> {
    const { size, root } = this.#checkpoint;
    const entry = await this.#entry(index);
    const hashes = await inclusionProof(index, size, this.#read);
    if (!verifyInclusion({ index, size, leaf: leafHash(entry), proof: hashes, root }))
      throw new Failure("integrity", `entry ${index} is not the one in the signed ledger`);
    return { entry, proof: encodeTlogProof({ index, hashes, checkpoint: this.#note }) };
  }

  /** How the checkpoint grew from the tree of that size, as a witness would be told. */
  async proveGrowth(oldSize: number): Promise<string> {
    const { size } = this.#checkpoint;
    const proof = await consistencyProof(oldSize, size, this.#read);
    return encodeAddCheckpoint({ oldSize, proof, checkpoint: this.#note });
  }

  async #entry(index: number): Promise<Buffer> {
    const number = Math.floor(index / tileWidth);
    if (this.#bundle?.number !== number) {
      const width = Math.min(tileWidth, this.#checkpoint.size - number * tileWidth);
      const bytes = await this.#tile({ level: "entries", number, width });
      this.#bundle = { number, entries: parseBundle(bytes) ?? [] };
    }
    const entry = this.#bundle.entries[index % tileWidth];
    if (entry === undefined)
      throw new Failure("integrity", `the ledger's bundle lacks entry ${index}`);
    return entry;
  }

  async #tile(tile: Tile): Promise<Buffer> {
    const bytes = await readTile(this.#source, this.#key.key, tile);
    if (bytes === null)
      throw new Failure("integrity", "the ledger lacks a tile that its checkpoint covers");
    return bytes;
  }
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
