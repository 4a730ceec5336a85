import { join } from "node:path";
import { z } from "zod";
import { ReadingRoom, readRegularFile, readRegularFileSync } from "../ledger/source-file.ts";
import type { ExcerptSource } from "../ledger/verify-excerpt.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { maximumEntryBytes } from "../merkle/tile.ts";
import { Failure } from "./failure.ts";
import { storyNouns } from "./ledger-story.ts";

/** What `excerpt.json` says that it is. */
export const format = "weightvault/ledger-excerpt/v1";
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const release = z.uuid();

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
  evidence: z.array(release),
});

export type Excerpt = z.output<typeof excerptForm>;

const longestExcerptBytes = 256 * 2 ** 20;

/** Whether a text names a release, and so the file of its evidence: any other could name a place outside of the folder. */
export function isReleaseId(text: string): boolean {
  return release.safeParse(text).success;
}

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

/**
 * The files of an excerpt. Only regular ones are read: whoever filled the folder may want its reader to wait for ever. They are read at once,
 * since nothing else is to be done meanwhile, and handing a small file through the file system's threads takes ten times as long as to read it.
 */
export function excerptSource(folder: string): ExcerptSource {
  const room = new ReadingRoom();
  const read = async (path: string, limitBytes: number): Promise<Buffer | null> => {
    const bytes = readRegularFileSync(join(folder, path), limitBytes, room);
    return bytes === null ? null : Buffer.from(bytes);
  };
  return {
    checkpoint: async () => await read("checkpoint", maximumNoteBytes + 1),
    entry: async (index) => await read(`entries/${index}.json`, maximumEntryBytes + 1),
    proof: async (index) => await read(`proofs/${index}.tlog-proof`, maximumNoteBytes + 1),
  };
}
