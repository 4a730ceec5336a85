import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import type { Report } from "../ledger/verify.ts";
import { keptLineageForm, type Lineage } from "../lineage/form.ts";
import { Failure } from "./failure.ts";
import { Ancestry } from "./ledger-ancestry.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { scanLedger } from "./ledger-source.ts";
import { type Selection, Story, tell } from "./ledger-story.ts";
import { isRecord } from "./record.ts";

export type Traced = {
  readonly verified: boolean;
  readonly size: number | null;
  /** How many entries the story has; the newest of them are in `entries`. */
  readonly count: number;
  readonly entries: readonly Entry[];
  /** What an object's or a revision's revision was made from, directly or not: each as repository@revision. Their entries are in the story. */
  readonly bases: readonly string[];
  /** What its manifest states of it, where the manifest was given and is the one that was committed; else null. */
  readonly lineage: Lineage | null;
};

const mostEntries = 10_000;

/**
 * The custody story of a thing, in the order of the ledger, with the whole ledger verified on the way: a story from a ledger that does not
 * verify says so. That of an object or a revision tells what it was made from as well, for which the ledger is read twice, under one checkpoint.
 * Throws `notFound` where no entry is about it.
 */
export async function traceLedger(
  source: TileSource,
  key: LedgerKey,
  { selection, last }: { readonly selection: Selection; readonly last: number | undefined },
): Promise<{ readonly traced: Traced; readonly report: Report }> {
  const checkpoint = await source.checkpoint();
  const frozen: TileSource = { ...source, checkpoint: async () => checkpoint };
  const ancestry = new Ancestry();
  const found = await read(frozen, key, { selection, last, ancestry });
  const bases = ancestry.above(found.roots);
  const { report, entries, count } =
    bases.size === 0
      ? found
      : await read(frozen, key, { selection: { ...selection, also: bases }, last, ancestry: null });
  if (report.verified && count === 0)
    throw new Failure("notFound", "no entry of the ledger is about it");
  const { verified, size } = report;
  const lineage = found.roots.size === 0 ? null : lineageOf(selection.manifest);
  return {
    traced: { verified, size, count, entries, bases: [...bases], lineage },
    report,
  };
}

async function read(
  source: TileSource,
  key: LedgerKey,
  {
    selection,
    last = mostEntries,
    ancestry,
  }: {
    readonly selection: Selection;
    readonly last: number | undefined;
    readonly ancestry: Ancestry | null;
  },
) {
  const story = new Story(selection);
  const kept: Entry[] = [];
  let count = 0;
  const report = await scanLedger(source, key, (entry) => {
    ancestry?.take(entry);
    if (!story.takes(entry)) return;
    count += 1;
    kept.push(entry);
    if (kept.length > 2 * last) kept.splice(0, kept.length - last);
  });
  return { report, count, entries: kept.slice(-last), roots: story.roots };
}

function lineageOf(manifest: unknown): Lineage | null {
  const stated = isRecord(manifest) ? manifest["lineage"] : null;
  return keptLineageForm.safeParse(stated).data ?? null;
}

/** The story for people: what it was made from, and a line an entry. */
export function storyText({ bases, count, entries, lineage }: Traced): string {
  const omitted = count - entries.length;
  return [
    ...lineageLines(lineage),
    ...(bases.length === 0 ? [] : [`made from ${bases.join(", ")}, whose entries follow too`]),
    ...(omitted === 0 ? [] : [`(${omitted} older entries are not shown)`]),
    ...entries.map(tell),
  ].join("\n");
}

function lineageLines(lineage: Lineage | null): readonly string[] {
  const { run, code, datasets = [] } = lineage ?? {};
  const runParts = [run?.id, run?.system && `in ${run.system}`, run?.url && `<${run.url}>`];
  return [
    ...(run === undefined ? [] : [`training run ${runParts.filter(Boolean).join(" ")}`]),
    ...(code === undefined ? [] : [`code commit ${code.commit} of ${code.repository}`]),
    ...datasets.map(({ name, sha256 }) => `data set ${name}, SHA-256 ${sha256}`),
  ];
}
