import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { Findings } from "./findings.ts";
import { type KeptCheckpoint, openOlder } from "./verify-checkpoints.ts";
import { KeptAlong, type KeptSeries } from "./verify-kept.ts";
import type { SigningKeys } from "./verify-keys.ts";
import {
  grownByOwnProof,
  judgeWholeSeries,
  type KeptInSeries,
  type SeriesOptions,
  type SeriesReport,
  sizesShown,
} from "./verify-series.ts";

/** What the checkpoints that came with an excerpt cannot show, in a sentence. */
export function unseenCheckpoints(series: SeriesOptions | undefined): string {
  return series === undefined
    ? "that no signed checkpoint is missing: no series of them came with the excerpt"
    : "that no signed checkpoint is missing before and after the entries that are here";
}

/** Judges the series of an excerpt's period, from its first entry to the checkpoint that covers its last; nothing where none came. */
export async function judgePeriod(
  newest: Checkpoint,
  {
    key,
    keys,
    findings,
    about,
    series,
    olderCheckpoints = [],
    olderSeries,
  }: {
    readonly key: VerificationKey;
    readonly keys: SigningKeys;
    readonly findings: Findings;
    /** The indexes of the entries that the excerpt is about. */
    readonly about: readonly number[];
    readonly series?: SeriesOptions;
    readonly olderCheckpoints?: readonly KeptCheckpoint[];
    /** An older copy's series: of what is not in the excerpt's own it shows only that it was signed. */
    readonly olderSeries?: KeptSeries;
  },
): Promise<{ readonly series?: SeriesReport; readonly olderSeries?: SeriesReport }> {
  const expected = sizesShown(keys, openOlder(olderCheckpoints, key, new Findings()));
  const grewFrom = async (older: Checkpoint, kept: KeptInSeries) =>
    grownByOwnProof(older, kept, newest);
  // The excerpt says in which order they stand: another one must not make the period shorter.
  const first = about.reduce((one, other) => Math.min(one, other), newest.size);
  const until = about.reduce((one, other) => Math.max(one, other), -1) + 1;
  const from = Math.max(first, series?.from ?? 0);
  const isAny = series !== undefined && about.length > 0;
  const bounds = isAny ? { from, until } : null;
  const kept = { keys, keyName: key.name, newest, findings, grewFrom: null, bounds, claim: null };
  const along = olderSeries === undefined ? null : new KeptAlong(olderSeries, kept);
  const subject = { key, keys, newest, findings, grewFrom, expected, until, along };
  const report = isAny ? await judgeWholeSeries(subject, { ...series, from }) : null;
  const held = (await along?.finish()) ?? null;
  return {
    ...(report === null ? {} : { series: report }),
    ...(held === null ? {} : { olderSeries: held }),
  };
}
