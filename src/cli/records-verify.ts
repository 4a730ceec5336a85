import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readRegularFile } from "../ledger/source-file.ts";
import { foreignRulebook, verifyEvidence } from "./evidence.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { type ProvedEntry, verifyReceipt } from "./receipt.ts";
import { isRecord } from "./record.ts";
import {
  assertRecorded,
  contentDigest,
  digest,
  entryFile,
  type Manifest,
  manifestShape,
  recordFile,
  rotationsFile,
} from "./records-folder.ts";
import { rulebookFile } from "./rulebook-file.ts";

export type VerifiedRecords = {
  readonly records: number;
  readonly entries: number;
  readonly evidence: number;
  readonly decidedAgain: number;
  readonly erased: number;
};

/** What they are worth is told by their signatures. */
const rotationsShape = z
  .array(z.object({ index: z.int().min(0), statement: z.string() }))
  .catch([]);

const longestFileBytes = 512 * 2 ** 20;

/**
 * Holds an exported folder to the ledger's key: every file is listed and none other is there, every entry is proved, every page is the one that
 * its entry recorded, every record's history stands among the entries, and opened evidence opens its commitment. Where an ML-DSA-44 key is demanded, it
 * must have signed each checkpoint too. Throws `integrity` for anything else.
 */
export async function verifyRecords(
  folder: string,
  pinned: Pick<LedgerKey, "key" | "mlDsaKey">,
): Promise<VerifiedRecords> {
  const manifest = await readManifest(folder);
  if (manifest.ledger !== pinned.key.name) throw broken("the records are of another ledger");
  await assertFiles(folder, manifest);
  const entries = await proveEntries(folder, pinned, manifest);
  const shown = new Map<string, Readonly<Record<string, unknown>>>();
  for (const { entry, records } of manifest.pages) {
    assertRecorded(entries.get(entry), records);
    for (const record of records) {
      const file = recordFile(record);
      const content = shown.get(file) ?? parse(await readListed(folder, file), file);
      if (!shown.has(file)) {
        if (contentDigest(content) !== record.sha256) throw broken(`${file} is another record`);
        assertHistory(content, record.id, entries, file);
      }
      shown.set(file, content);
    }
  }
  const listed = Object.keys(manifest.files).filter((path) => path.startsWith("records/"));
  const stray = listed.find((path) => !shown.has(path));
  if (stray !== undefined) throw broken(`no page of the export has ${stray}`);
  const rulebooks = await readRulebooks(folder, manifest, shown);
  return { records: shown.size, entries: entries.size, ...openAll(shown, entries, rulebooks) };
}

async function readManifest(folder: string): Promise<Manifest> {
  const parsed = manifestShape.safeParse(
    parse(await readListed(folder, "manifest.json"), "manifest.json"),
  );
  if (parsed.success) return parsed.data;
  throw broken("manifest.json is no manifest of exported records");
}

async function assertFiles(folder: string, { files }: Manifest): Promise<void> {
  const there = await walk(folder, "");
  const extra = there.find((path) => path !== "manifest.json" && !Object.hasOwn(files, path));
  if (extra !== undefined) throw broken(`${extra} is not in the manifest`);
  for (const [path, sha256] of Object.entries(files)) {
    if (!there.includes(path)) throw broken(`${path} is missing`);
    if (digest(await readListed(folder, path)) !== sha256)
      throw broken(`${path} has another SHA-256 than the manifest says`);
  }
}

/** The regular files below the folder. Links and special files are refused: they could lead elsewhere or be waited for. */
async function walk(folder: string, below: string): Promise<readonly string[]> {
  const found: string[] = [];
  const present = await readdir(join(folder, below), { withFileTypes: true }).catch(
    (cause: unknown) => {
      throw new Failure("failed", `${join(folder, below)} is no folder`, { cause });
    },
  );
  for (const each of present) {
    const path = below === "" ? each.name : `${below}/${each.name}`;
    if (each.isDirectory()) found.push(...(await walk(folder, path)));
    else if (each.isFile()) found.push(path);
    else throw broken(`${path} is no regular file`);
  }
  return found;
}

async function proveEntries(
  folder: string,
  { key, mlDsaKey = null }: Pick<LedgerKey, "key" | "mlDsaKey">,
  { files }: Manifest,
): Promise<ReadonlyMap<number, ProvedEntry>> {
  const proved = new Map<number, ProvedEntry>();
  const rotations = Object.hasOwn(files, rotationsFile)
    ? rotationsShape.parse(parse(await readListed(folder, rotationsFile), rotationsFile))
    : [];
  for (const path of Object.keys(files)) {
    const [, digits] = /^entries\/([0-9]{10,16})\.json$/.exec(path) ?? [];
    if (digits === undefined) continue;
    const index = Number(digits);
    const entry = (await readListed(folder, path)).toString("base64");
    const proof = (await readListed(folder, `${entryFile(index)}.tlog-proof`)).toString("utf8");
    proved.set(index, verifyReceipt({ index, entry, proof }, key, rotations, { mlDsaKey }));
  }
  return proved;
}

/** Each line of a history is an entry of the ledger about this record. */
function assertHistory(
  { history }: Readonly<Record<string, unknown>>,
  id: string,
  entries: ReadonlyMap<number, ProvedEntry>,
  file: string,
): void {
  const lines: readonly unknown[] = Array.isArray(history) ? history : [];
  for (const line of lines) {
    const { index, kind, time } = line as Readonly<Record<string, unknown>>;
    const proved = typeof index === "number" ? entries.get(index)?.entry : undefined;
    const [noun = ""] = String(kind).split(".");
    if (proved?.kind !== kind || proved?.time !== time || proved?.body[noun] !== id)
      throw broken(`${file} tells of an entry that is not in the ledger so`);
  }
}

/** The rulebooks that opened evidence names and the folder has, by digest; each is held to its digest where it is read. */
async function readRulebooks(
  folder: string,
  { files }: Manifest,
  shown: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
): Promise<ReadonlyMap<string, unknown>> {
  const kept = new Map<string, unknown>();
  for (const { evidence } of shown.values()) {
    if (typeof evidence !== "object" || evidence === null) continue;
    const digest = foreignRulebook(evidence as Readonly<Record<string, unknown>>);
    const file = digest === null ? null : rulebookFile(digest);
    if (digest !== null && file !== null && !kept.has(digest) && Object.hasOwn(files, file))
      kept.set(digest, parse(await readListed(folder, file), file));
  }
  return kept;
}

function openAll(
  shown: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
  entries: ReadonlyMap<number, ProvedEntry>,
  rulebooks: ReadonlyMap<string, unknown>,
): Pick<VerifiedRecords, "evidence" | "decidedAgain" | "erased"> {
  let [evidence, decidedAgain, erased] = [0, 0, 0];
  for (const [file, content] of shown) {
    if (content["evidence"] === "erased" || content["facts"] === "erased") erased += 1;
    const opened = content["evidence"];
    if (typeof opened !== "object" || opened === null) continue;
    const release = String(content["id"]);
    const decided = [...entries.values()].find(
      ({ entry }) =>
        /^release\.(?:allowed|denied|held)$/.test(entry.kind) && entry.body["release"] === release,
    );
    if (decided === undefined) throw broken(`the ledger entry of ${file} is missing`);
    const { entry } = decided;
    const shape = opened as Readonly<Record<string, unknown>>;
    const kept = rulebooks.get(foreignRulebook(shape) ?? "") ?? null;
    const { isDecidedAgain } = verifyEvidence(shape, { entry, release, kept });
    evidence += 1;
    decidedAgain += isDecidedAgain ? 1 : 0;
  }
  return { evidence, decidedAgain, erased };
}

async function readListed(folder: string, path: string): Promise<Buffer> {
  if (path.split("/").includes("..") || path.startsWith("/"))
    throw broken(`${path} leads out of the folder`);
  const bytes = await readRegularFile(join(folder, path), longestFileBytes).catch(() => null);
  if (bytes === null) throw broken(`${path} is missing or is no regular file`);
  return bytes;
}

function parse(bytes: Buffer, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw broken(`${path} is no JSON object`);
}

function broken(message: string): Failure {
  return new Failure("integrity", message);
}
