import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { ask, type Client } from "./client.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { Pages } from "./pages.ts";
import { isCode, makeFolder, makeFolders } from "./paths.ts";
import { type ProvedEntry, type Receipt, verifyReceipt } from "./receipt.ts";
import { keptRulebook } from "./release.ts";
import { rulebookFile } from "./rulebook-file.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const noun = z.string().regex(/^[a-z]{1,40}$/);

/** How the key was replaced, in the manifest where it was: each statement is signed by both keys. */
export const rotationsFile = "key-rotations.json";

/** What the folder is, file by file; `records verify` holds the folder to it. */
export const manifestShape = z.strictObject({
  format: z.literal("weightvault/records/v1"),
  ledger: z.string(),
  asked: z.record(z.string(), z.string()),
  pages: z.array(
    z.strictObject({
      /** The index of the entry that recorded the page before it left. */
      entry: z.int().min(0),
      records: z.array(z.strictObject({ noun, id: z.uuid(), sha256 })),
    }),
  ),
  files: z.record(z.string(), sha256),
});
export type Manifest = z.output<typeof manifestShape>;

const pageShape = z.object({
  entry: z.object({ index: z.int().min(0) }),
  records: z.array(z.object({ noun, id: z.uuid(), content: z.record(z.string(), z.unknown()) })),
  receipts: z.array(z.object({ index: z.int().min(0), entry: z.base64(), proof: z.string() })),
  next: z.string().nullable(),
});
type Page = z.output<typeof pageShape>;

/** The file of a record, and of an entry without its ending. */
export function recordFile(record: { readonly noun: string; readonly id: string }): string {
  return `records/${record.noun}/${record.id}.json`;
}
export function entryFile(index: number): string {
  return `entries/${String(index).padStart(10, "0")}`;
}

/** SHA-256 of a record's canonical content, whatever way it is laid out in its file. */
export function contentDigest(content: unknown): string {
  return digest(canonicalJson(content as Canonical));
}
export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Asks page by page and writes a new folder: records as JSON, entries with their proofs, the rulebooks with overrides on which releases were decided, an index to read, and last the manifest. Every receipt
 * is verified on the way, and every page held to the entry that records it: throws `integrity` where the server's answer is not what its
 * ledger says, `failed` where its pages do not go on. Where the first page is refused, nothing lies in the folder. The files can be read by nobody but their owner.
 */
export async function writeRecords(
  client: Client,
  key: LedgerKey,
  { asked, folder }: { readonly asked: Readonly<Record<string, string>>; readonly folder: string },
): Promise<{ readonly folder: string; readonly records: number; readonly entries: number }> {
  await makeFolder(folder, 0o700);
  if ((await readdir(folder)).length > 0)
    throw new Failure("failed", `${folder} is not empty: name a new folder`);
  const files: Record<string, string> = {};
  const write = async (path: string, text: string | Uint8Array): Promise<void> => {
    const bytes = Buffer.from(text as string);
    await makeFolders(folder, path);
    await writeNew(join(folder, path), bytes);
    files[path] = digest(bytes);
  };
  const pages: Manifest["pages"] = [];
  const entries = new Map<number, ProvedEntry>();
  const lines: string[] = [];
  const listed = new Pages("records");
  let next: string | null = null;
  do {
    const answer = await ask(client, "POST", "/v1/records/exports", { ...asked, after: next });
    const page = parsePage(answer);
    for (const receipt of page.receipts) {
      if (entries.has(receipt.index)) continue;
      entries.set(receipt.index, verifyReceipt(receipt, key.key, key.rotations, key));
      await writeEntry(write, receipt);
    }
    const records: Manifest["pages"][number]["records"] = page.records.map((record) => ({
      noun: record.noun,
      id: record.id,
      sha256: contentDigest(record.content),
    }));
    assertRecorded(entries.get(page.entry.index), records);
    for (const record of page.records) {
      // A record may come on more than one page; what is said of it first stays.
      if (recordFile(record) in files) continue;
      await write(recordFile(record), `${JSON.stringify(record.content, null, 2)}\n`);
      const digest = await namedRulebook(record.content);
      const file = digest === null ? null : rulebookFile(digest);
      const kept =
        digest === null || file === null || file in files
          ? null
          : await keptRulebook(client, digest);
      if (file !== null && kept !== null) await write(file, `${JSON.stringify(kept)}\n`);
      lines.push(...lineOf(record));
    }
    pages.push({ entry: page.entry.index, records });
    next = listed.next(page.records.map(recordFile), page.next);
  } while (next !== null);
  await write("verification-key", `${key.text}\n`);
  if (key.rotations.length > 0) await write(rotationsFile, JSON.stringify(key.rotations));
  await write("index.txt", indexText(asked, key, lines));
  const manifest: Manifest = {
    format: "weightvault/records/v1",
    ledger: key.key.name,
    asked: { ...asked },
    pages,
    files,
  };
  await writeNew(
    join(folder, "manifest.json"),
    Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`, "utf8"),
  );
  return { folder, records: lines.length, entries: entries.size };
}

/** Throws `integrity` unless the entry is of an export of exactly these records. */
export function assertRecorded(
  proved: ProvedEntry | undefined,
  records: Manifest["pages"][number]["records"],
): void {
  const isTheirs =
    proved?.entry.kind === "records.exported" &&
    proved.entry.body["recordsSha256"] === digest(canonicalJson(records));
  if (isTheirs) return;
  throw new Failure("integrity", "a page of records is not the one that the ledger recorded");
}

/** The digest of another rulebook than this version's own that opened evidence names. */
async function namedRulebook({ evidence }: Page["records"][number]["content"]) {
  if (typeof evidence !== "object" || evidence === null) return null;
  // The rulebook is big, and few commands need it.
  const { foreignRulebook } = await import("./evidence.ts");
  return foreignRulebook(evidence as Readonly<Record<string, unknown>>);
}

async function writeEntry(
  write: (path: string, text: string | Uint8Array) => Promise<void>,
  { index, entry, proof }: Receipt,
): Promise<void> {
  await write(`${entryFile(index)}.json`, Buffer.from(entry, "base64"));
  await write(`${entryFile(index)}.tlog-proof`, proof);
}

function parsePage(answer: unknown): Page {
  const parsed = pageShape.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new Failure("failed", "the server's answer is not a page of records");
}

/** One line of the index: when, what, and where it is read. */
function lineOf({ noun: kind, id, content }: Page["records"][number]): readonly string[] {
  const history = Array.isArray(content["history"]) ? (content["history"] as unknown[]) : [];
  const last = history.flatMap((each) =>
    typeof each === "object" && each !== null && "time" in each ? [String(each.time)] : [],
  );
  const when = (last[0] ?? "-").padEnd(24);
  const said = content["verdict"] ?? content["number"] ?? content["state"] ?? "";
  return [`${when}  ${kind.padEnd(14)}  ${id}  ${typeof said === "string" ? said : ""}`];
}

function indexText(
  asked: Readonly<Record<string, string>>,
  { text }: LedgerKey,
  lines: readonly string[],
): string {
  const printable = (line: string) => line.replaceAll(/\p{Cc}/gu, "?");
  return `${[
    "Records kept under 15 CFR part 762",
    `asked for: ${printable(JSON.stringify(asked))}`,
    `ledger key: ${text}`,
    "",
    "records/<kind>/<id>.json   a record; `history` says who entered what and when, by the entries of the ledger",
    "entries/<index>.json       an entry of the ledger, and .tlog-proof: that it stands in the signed ledger",
    "rulebooks/<digest>.json    a rulebook with the operator's overrides, on which a release was decided",
    "manifest.json              the SHA-256 of each file",
    "",
    ...lines.map(printable),
  ].join("\n")}\n`;
}

async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await using handle = await open(file, "wx", 0o600);
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (cause) {
    const reason = isCode(cause, "EEXIST")
      ? "is there already: name a new folder"
      : "cannot be written";
    throw new Failure("failed", `${file} ${reason}`, { cause });
  }
}
