import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { openRegularFile } from "../ledger/source-file.ts";
import type { KeptInSeries } from "../ledger/verify-series.ts";
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { maximumNoteBytes, parseNote } from "../merkle/note.ts";
import { Failure } from "./failure.ts";

/** A signed checkpoint of a series, with the size that it says. */
export type InSeries = { readonly size: number; readonly checkpoint: string };

/** The series in a folder: a line of JSON for each checkpoint, by their sizes. */
export const seriesFile = "checkpoints.jsonl";

const hash = z.base64().length(44);
const lineForm = z.strictObject({
  checkpoint: z.string(),
  /** In an excerpt, the consistency proof from it to the excerpt's checkpoint. */
  proof: z.array(hash).max(128).optional(),
});

/** JSON writes a line feed as two characters, and UTF-8 another one as three bytes at most. */
const longestLineBytes = 3 * maximumNoteBytes + 8_192;

/** So many of the newest may get cosignatures after they were copied; they are fetched again. */
const refetched = 64;

/** The series in a folder; null where it has none. A line that cannot be read is null. One is held at a time. */
export async function seriesIn(
  folder: string,
): Promise<AsyncGenerator<KeptInSeries | null> | null> {
  const file = await openRegularFile(join(folder, seriesFile));
  return file === null ? null : readSeries(file);
}

async function* readSeries(file: FileHandle): AsyncGenerator<KeptInSeries | null> {
  await using _ = file;
  let rest = Buffer.alloc(0);
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let from = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
      yield parseLine(rest.toString("utf8", from, end));
      from = end + 1;
    }
    rest = rest.subarray(from);
    // A line without an end must not fill the memory of who reads it.
    if (rest.length > longestLineBytes) break;
  }
  if (rest.length > 0) yield null;
}

function parseLine(line: string): KeptInSeries | null {
  try {
    const { checkpoint, proof } = lineForm.parse(JSON.parse(line));
    if (proof === undefined) return { checkpoint };
    return { checkpoint, proof: proof.map((each) => Buffer.from(each, "base64")) };
  } catch {
    return null;
  }
}

/** The size that a note says it is of, whoever signed it; null where it is no checkpoint. */
export function sizeOf(checkpoint: string): number | null {
  return parseCheckpoint(parseNote(checkpoint)?.text ?? "")?.size ?? null;
}

/**
 * Keeps the series of a ledger of `size` entries in a folder, and goes on where an earlier copy ended. What the copy has stays, also where the source no
 * longer has it, or has another of that size, or the same without a signature that the copy has: it is evidence. The file is there whole or as it was; a
 * source without a series leaves none. Throws `integrity` where the copy is damaged, and leaves it so.
 */
export async function keepSeries(
  folder: string,
  size: number,
  source: (after: number | null) => AsyncIterable<InSeries>,
): Promise<number> {
  return await writeSeries(join(folder, seriesFile), async (write) => {
    let after: number | null = null;
    const tail: InSeries[] = [];
    for await (const kept of (await seriesIn(folder)) ?? []) {
      const of = kept === null ? null : sizeOf(kept.checkpoint);
      if (kept === null || of === null) throw damaged(folder);
      tail.push({ size: of, checkpoint: kept.checkpoint });
      const settled = tail.length > refetched ? tail.shift() : undefined;
      if (settled === undefined) continue;
      await write(settled);
      after = settled.size;
    }
    for await (const each of source(after)) {
      if (each.size > size) break;
      for (let [old] = tail; old !== undefined && old.size <= each.size; [old] = tail) {
        if (old.size < each.size || !isWithin(old, each)) await write(old);
        tail.shift();
      }
      await write(each);
    }
    for (const old of tail) await write(old);
  });
}

/** Whether the one note says nothing that the other does not say too, and nobody signed it who did not sign the other so. */
function isWithin(one: InSeries, other: InSeries): boolean {
  const [old, own] = [parseNote(one.checkpoint), parseNote(other.checkpoint)];
  if (old === null || own === null || old.text !== own.text) return false;
  return old.signatures.every(({ name, keyId, signature }) =>
    own.signatures.some(
      (each) => each.name === name && each.keyId === keyId && each.signature.equals(signature),
    ),
  );
}

export function damaged(folder: string): Failure {
  return new Failure("integrity", `${folder} holds a series of checkpoints that is damaged`);
}

/** Writes the file whole or not at all, and none where nothing was written; gives the number of lines. */
export async function writeSeries(
  file: string,
  fill: (write: (kept: KeptInSeries) => Promise<void>) => Promise<void>,
): Promise<number> {
  const partial = `${file}.${randomUUID()}.partial`;
  let count = 0;
  try {
    {
      await using handle = await open(partial, "wx");
      await fill(async ({ checkpoint, proof }) => {
        const hashes = proof?.map((each) => each.toString("base64"));
        const line = hashes === undefined ? { checkpoint } : { checkpoint, proof: hashes };
        await handle.appendFile(`${JSON.stringify(line)}\n`);
        count += 1;
      });
      await handle.sync();
    }
    if (count > 0) await rename(partial, file);
    return count;
  } finally {
    await rm(partial, { force: true });
  }
}
