import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import type { Findings } from "./findings.ts";
import type { TileSource } from "./source.ts";
import type { NamedCheckpoint } from "./verify-checkpoints.ts";
import { KeptAlong, type KeptSeries } from "./verify-kept.ts";
import type { SigningKeys } from "./verify-keys.ts";
import {
  GrowingRoot,
  judgeWholeSeries,
  type SeriesOptions,
  type SeriesReport,
  sizesShown,
} from "./verify-series.ts";

export type BesideOptions = {
  readonly series?: SeriesOptions | null;
  readonly olderSeries?: KeptSeries;
  readonly mostEntriesPerCheckpoint?: number;
};

/**
 * Judges the series that came with a whole ledger, and that of an older copy: both are held to the leaf hashes and to each other, and the one that came
 * to what older checkpoints and rotations show that it must have. Leaf hashes that are not the signed ones say nothing of what a checkpoint covers, so
 * that they are told and nothing is held to them. Says so where none came that could have.
 */
export async function judgeBeside(
  {
    source,
    key,
    newest,
    findings,
  }: {
    readonly source: TileSource;
    readonly key: VerificationKey;
    readonly newest: Checkpoint;
    readonly findings: Findings;
  },
  { series, olderSeries, mostEntriesPerCheckpoint: most }: BesideOptions,
  { keys, older }: { readonly keys: SigningKeys; readonly older: readonly NamedCheckpoint[] },
): Promise<{ readonly series?: SeriesReport; readonly olderSeries?: SeriesReport }> {
  if (series === null) tellAbsent(findings);
  const own = series ?? null;
  if (own === null && olderSeries === undefined) return {};
  const growing = new GrowingRoot(source, key, newest.size);
  // Where nothing was found yet, each leaf hash is an entry's and all of them make the signed root.
  const areSigned =
    findings.errors === 0 || (await new GrowingRoot(source, key, newest.size).leadsTo(newest));
  const grewFrom = areSigned ? async (each: Checkpoint) => await growing.leadsTo(each) : null;
  const kept = {
    keys,
    keyName: key.name,
    newest,
    findings,
    grewFrom,
    bounds: own === null ? null : { from: own.from, until: newest.size },
    claim:
      most === undefined ? null : { most, besides: older.map(({ checkpoint: { size } }) => size) },
  };
  const along = olderSeries === undefined ? null : new KeptAlong(olderSeries, kept);
  const expected = sizesShown(keys, older);
  const subject = { key, keys, newest, findings, grewFrom, expected, until: null, along };
  const report = own === null ? null : await judgeWholeSeries(subject, own);
  const held = along === null ? null : await along.finish();
  if (grewFrom === null || !(await grewFrom(newest)))
    findings.add(
      "tile_mismatch",
      "the leaf hashes do not make the root that is signed, so that no checkpoint of a series was held to them",
    );
  // An export leaves no empty one.
  if (report?.checkpoints === 0) tellAbsent(findings);
  return {
    ...(report === null ? {} : { series: report }),
    ...(held === null ? {} : { olderSeries: held }),
  };
}

function tellAbsent(findings: Findings): void {
  findings.add(
    "series_absent",
    "no series of signed checkpoints came with the ledger, so that it was not judged whether neighbours of them are missing: `ledger export` keeps one as checkpoints.jsonl, and what a vault publishes has none",
  );
}
