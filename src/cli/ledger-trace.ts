import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import type { Report } from "../ledger/verify.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { scanLedger } from "./ledger-source.ts";
import { type Selection, Story, tell } from "./ledger-story.ts";

export type Traced = {
  readonly verified: boolean;
  readonly size: number | null;
  /** How many entries the story has; the newest of them are in `entries`. */
  readonly count: number;
  readonly entries: readonly Entry[];
};

const mostEntries = 10_000;

/**
 * The custody story of a thing, in the order of the ledger, with the whole ledger verified on the way: a story from a ledger that does not
 * verify says so. Throws `notFound` where no entry is about it.
 */
export async function traceLedger(
  source: TileSource,
  key: LedgerKey,
  { selection, last }: { readonly selection: Selection; readonly last: number | undefined },
): Promise<{ readonly traced: Traced; readonly report: Report }> {
  const story = new Story(selection);
  const most = last ?? mostEntries;
  const kept: Entry[] = [];
  let count = 0;
  const report = await scanLedger(source, key, (entry) => {
    if (!story.takes(entry)) return;
    count += 1;
    kept.push(entry);
    if (kept.length > 2 * most) kept.splice(0, kept.length - most);
  });
  const entries = kept.slice(-most);
  if (report.verified && count === 0)
    throw new Failure("notFound", "no entry of the ledger is about it");
  return {
    traced: { verified: report.verified, size: report.size, count, entries },
    report,
  };
}

/** The story for people, a line an entry. */
export function storyText({ count, entries }: Traced): string {
  const omitted = count - entries.length;
  return [
    ...(omitted === 0 ? [] : [`(${omitted} older entries are not shown)`]),
    ...entries.map(tell),
  ].join("\n");
}
