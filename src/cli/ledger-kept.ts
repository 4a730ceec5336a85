import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { batchLimit } from "../ledger/batch-limit.ts";
import { readRegularFile } from "../ledger/source-file.ts";
import type { KeptCheckpoint, VerifyOptions } from "../ledger/verify.ts";
import type { KeptSeries } from "../ledger/verify-kept.ts";
import type { KeptInSeries } from "../ledger/verify-series.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { entriesOf } from "./counted.ts";
import { Failure } from "./failure.ts";
import { seriesFile, seriesIn } from "./ledger-series.ts";
import { isAddress, readCheckpoint } from "./ledger-source.ts";

export type KeptOptions = {
  readonly olderCheckpoint?: readonly string[];
  readonly checkpoints?: string;
  readonly batch?: number;
  readonly rebuiltAt?: number;
  readonly opaqueEntries?: boolean;
};

/** What was kept from earlier: checkpoints, and the series of an older copy. */
export type Kept = {
  readonly olderCheckpoints: readonly KeptCheckpoint[];
  readonly olderSeries?: KeptSeries;
};

/** The series of signed checkpoints that came with a folder; null, which is told, where a vault's ledger came without, and nothing that is claimed to be all stands in for it. */
export async function seriesOf(
  place: string,
  { batch, rebuiltAt, opaqueEntries }: KeptOptions,
): Promise<Pick<VerifyOptions, "series" | "mostEntriesPerCheckpoint">> {
  // An address has none to give in this form: its vault hands the series out to an export.
  const checkpoints = isAddress(place) ? null : await seriesIn(place);
  if (checkpoints !== null)
    return { series: { checkpoints, most: batch ?? batchLimit, from: rebuiltAt ?? 0 } };
  // Without one, those that were kept are claimed to be all.
  if (batch !== undefined) return { mostEntriesPerCheckpoint: batch };
  return isAddress(place) || opaqueEntries === true ? {} : { series: null };
}

/** Refuses (`usage`) a ledger that is said to have been rebuilt when it had more entries than it has. */
export function assertRebuiltWithin(
  size: number | null,
  { rebuiltAt }: Pick<KeptOptions, "rebuiltAt">,
): void {
  if (rebuiltAt === undefined || size === null || rebuiltAt <= size) return;
  throw new Failure(
    "usage",
    `the ledger has ${entriesOf(size)}, and --rebuilt-at says that it was rebuilt when it had ${rebuiltAt}: either the number is wrong, or its tail was deleted since, which a checkpoint of then shows (--older-checkpoint)`,
  );
}

/** The checkpoints that the command line names; a folder of an older export is read as they are judged, one after the other. */
export async function readKept({ olderCheckpoint = [], checkpoints }: KeptOptions): Promise<Kept> {
  const { files, olderSeries } =
    checkpoints === undefined ? { files: [], olderSeries: null } : await keptIn(checkpoints);
  // One after the other: a monitor keeps more in a month than may be open at once.
  const olderCheckpoints: KeptCheckpoint[] = [];
  for (const name of [...olderCheckpoint, ...files])
    olderCheckpoints.push({ name, bytes: await readCheckpoint(name) });
  return { olderCheckpoints, ...(olderSeries === null ? {} : { olderSeries }) };
}

/**
 * What a folder holds of checkpoints: those of a monitor's state folder, the series of an older export or excerpt with the checkpoint at its end, or files of
 * one each. Throws `usage` for a ledger without a series, whose files are mostly no checkpoints, and `failed` for a folder that has none.
 */
async function keptIn(
  folder: string,
): Promise<{ readonly files: readonly string[]; readonly olderSeries: KeptSeries | null }> {
  const found = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new Failure("failed", `${folder} is no folder that can be read`, { cause });
  });
  const has = (name: string) => found.some((each) => each.name === name);
  if (has("state.json") && has("checkpoints")) return await keptIn(join(folder, "checkpoints"));
  const isLedger = has("tile") || has("excerpt.json");
  const hasSeries = has(seriesFile);
  if (isLedger && !hasSeries)
    throw new Failure(
      "usage",
      `${folder} is a ledger without a series of checkpoints: its own one is --older-checkpoint ${join(folder, "checkpoint")}`,
    );
  const name = join(folder, seriesFile);
  const last = isLedger ? join(folder, "checkpoint") : null;
  const files = found
    .filter((each) => each.isFile() && !each.name.endsWith(".partial") && each.name !== seriesFile)
    .map((each) => join(folder, each.name));
  // Nothing that the ledger is held to would pass for a ledger that holds.
  if (!hasSeries && files.length === 0)
    throw new Failure("failed", `${folder} holds no checkpoint, so nothing is held to it`);
  return {
    files: isLedger ? [] : files,
    olderSeries: hasSeries ? { name, checkpoints: readSeries(folder, last) } : null,
  };
}

/** Opens nothing before the first is asked for. The copy's own checkpoint covers all of them. */
async function* readSeries(
  folder: string,
  last: string | null,
): AsyncGenerator<KeptInSeries | null> {
  const series = await seriesIn(folder);
  if (series === null)
    throw new Failure("failed", `${join(folder, seriesFile)} is no file that can be read`);
  yield* series;
  const bytes = last === null ? null : await readRegularFile(last, maximumNoteBytes + 1);
  if (bytes !== null) yield { checkpoint: bytes.toString("utf8") };
}
