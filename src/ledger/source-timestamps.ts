import { readdir } from "node:fs/promises";
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

export const timestampFolder = "timestamp";

/** Where it lies, below the ledger: `.checkpoint` is there before `.tsr`, so that whoever sees the second has both. */
export function timestampPath(size: number, what: "checkpoint" | "tsr" | "growth"): string {
  return `${timestampFolder}/${size}.${what}`;
}

/** An authority's answer has a few kilobytes, with its certificates. */
export const longestResponseBytes = 64 * 1_024;

/** A growth has at most 63 hashes and a checkpoint. */
const longestGrowthBytes = 2 * maximumNoteBytes;

/** Whoever has filled a place that is judged must not keep its judge busy for ever. */
const mostTimestamps = 100_000;

/**
 * The sizes that names of files below `timestamp/` tell, in order, above `after`. Throws `ledger_unavailable` for more than a ledger of a decade has, at one an
 * hour.
 */
export async function timestampSizes(
  names: AsyncIterable<string> | Iterable<string>,
  after: number | null,
): Promise<readonly number[]> {
  const sizes: number[] = [];
  for await (const name of names) {
    const digits = /^(0|[1-9][0-9]{0,15})\.tsr$/.exec(name)?.[1];
    if (digits !== undefined && Number(digits) > (after ?? -1)) sizes.push(Number(digits));
    if (sizes.length > mostTimestamps)
      throw new Refusal(
        "ledger_unavailable",
        `The ledger has more than ${mostTimestamps} timestamps.`,
      );
  }
  return sizes.toSorted((one, other) => one - other);
}

/** The sizes of the timestamps that are in a folder's `timestamp/` now, above `after`. Throws `ledger_unavailable` where that cannot be read. */
export async function stampedSizesIn(
  folder: string,
  after: number | null = null,
): Promise<readonly number[]> {
  const below = join(folder, timestampFolder);
  const names = await readdir(below).catch((cause: unknown) => {
    if (Error.isError(cause) && "code" in cause && cause.code === "ENOENT") return [];
    throw new Refusal("ledger_unavailable", `${below} cannot be read.`, { cause });
  });
  return await timestampSizes(names, after);
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
  const read = async (file: string, limitBytes: number) =>
    (await readRegularFile(join(folder, file), limitBytes)) ?? Buffer.alloc(0);
  for (const size of sizes) {
    const growth = await read(timestampPath(size, "growth"), longestGrowthBytes);
    yield {
      size,
      checkpoint: await read(timestampPath(size, "checkpoint"), maximumNoteBytes + 1),
      response: await read(timestampPath(size, "tsr"), longestResponseBytes),
      ...(growth.length === 0 ? {} : { growth }),
    };
  }
}
