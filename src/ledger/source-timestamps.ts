import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { Refusal } from "../errors.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { readRegularFile } from "./source-file.ts";

/** A checkpoint that a time-stamping authority stamped, as it lies beside a ledger. It is trusted with nothing. */
export type KeptTimestamp = {
  readonly size: number;
  /** The signed note. */
  readonly checkpoint: Buffer;
  /** DER of the authority's RFC 3161 TimeStampResp about the note's text. */
  readonly response: Buffer;
  /** In an excerpt, how its checkpoint grew from this one: the body of C2SP tlog-witness's `add-checkpoint`. */
  readonly growth?: Buffer;
};

/** Where stamps lie beside a ledger: anybody who has the place may have put any number of files there. */
export type TimestampPlace = {
  /** The names below `timestamp/`, in no promised order, a page in memory at a time. Throws `not_found`, before the first, where whoever has the ledger does not tell them. */
  names(): AsyncIterable<string>;
  /** Both are empty where there is none. */
  checkpoint(size: number): Promise<Buffer>;
  response(size: number): Promise<Buffer>;
};

export const timestampFolder = "timestamp";

/** Where it lies, below the ledger: `.checkpoint` is there before `.tsr`, so that whoever sees the second has both. */
export function timestampPath(size: number, what: "checkpoint" | "tsr" | "growth"): string {
  return `${timestampFolder}/${size}.${what}`;
}

/** The size that a name below `timestamp/` says its stamp to be of; null where it is the name of no stamp. */
export function stampedSize(name: string): number | null {
  const digits = /^(0|[1-9][0-9]{0,15})\.tsr$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** An authority's answer has a few kilobytes, with its certificates. */
export const longestResponseBytes = 64 * 1_024;
/** A byte more than any note has, so that a longer one is none. */
export const longestStampedBytes = maximumNoteBytes + 1;

/** A growth has at most 63 hashes and a checkpoint. */
const longestGrowthBytes = 2 * maximumNoteBytes;

/** Whoever has filled a place that is judged must not keep its judge busy for ever: a ledger has half as many in a decade, at a stamp in ten minutes. */
const mostTimestamps = 1_000_000;
/** Names that are listed at most by who goes on without the others. A stamp has two. */
export const mostTimestampNames = 4 * mostTimestamps;

/** The sizes that names of files below `timestamp/` tell, in order, above `after`. Throws `ledger_unavailable` for more than any ledger has. */
async function timestampSizes(
  names: AsyncIterable<string>,
  after: number | null,
): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const name of names) {
    const size = stampedSize(name);
    if (size !== null && size > (after ?? -1)) sizes.push(size);
    if (sizes.length > mostTimestamps)
      throw new Refusal(
        "ledger_unavailable",
        `The ledger has more than ${mostTimestamps} timestamps.`,
      );
  }
  return sizes.toSorted((one, other) => one - other);
}

/** The place of an exported or published ledger in a folder. Its names throw `ledger_unavailable` where they cannot be read. */
export function folderTimestamps(folder: string): TimestampPlace {
  const read = async (path: string, limitBytes: number) =>
    (await readRegularFile(join(folder, path), limitBytes)) ?? Buffer.alloc(0);
  return {
    names: () => namesIn(join(folder, timestampFolder)),
    checkpoint: async (size) => await read(timestampPath(size, "checkpoint"), longestStampedBytes),
    response: async (size) => await read(timestampPath(size, "tsr"), longestResponseBytes),
  };
}

async function* namesIn(below: string): AsyncGenerator<string, void, undefined> {
  try {
    for await (const { name } of await opendir(below)) yield name;
  } catch (cause) {
    if (Error.isError(cause) && "code" in cause && cause.code === "ENOENT") return;
    throw new Refusal("ledger_unavailable", `${below} cannot be read.`, { cause });
  }
}

/** The sizes of the timestamps that are in a folder's `timestamp/` now, above `after`. Throws `ledger_unavailable` where that cannot be read. */
export async function stampedSizesIn(
  folder: string,
  after: number | null = null,
): Promise<readonly number[]> {
  return await timestampSizes(folderTimestamps(folder).names(), after);
}

/** The timestamps in a folder's `timestamp/`, by their sizes, one at a time. Throws as `stampedSizesIn`. */
export async function* timestampsIn(
  folder: string,
  after: number | null = null,
): AsyncGenerator<KeptTimestamp> {
  yield* timestampsOf(folder, await stampedSizesIn(folder, after));
}

/** Those of these sizes. A part of one that is not there is empty: whoever judges it says so. */
export async function* timestampsOf(
  folder: string,
  sizes: readonly number[],
): AsyncGenerator<KeptTimestamp> {
  const place = folderTimestamps(folder);
  for (const size of sizes) {
    const growthFile = join(folder, timestampPath(size, "growth"));
    const growth = await readRegularFile(growthFile, longestGrowthBytes);
    yield {
      size,
      checkpoint: await place.checkpoint(size),
      response: await place.response(size),
      ...(growth === null || growth.length === 0 ? {} : { growth }),
    };
  }
}
