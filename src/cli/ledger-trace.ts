import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import type { Report } from "../ledger/verify.ts";
import { keptLineageForm, type Lineage } from "../lineage/form.ts";
import { counted, entriesOf } from "./counted.ts";
import { Failure } from "./failure.ts";
import { Ancestry } from "./ledger-ancestry.ts";
import type { LedgerKey } from "./ledger-key.ts";
import { Siblings } from "./ledger-siblings.ts";
import { scanLedger } from "./ledger-source.ts";
import { oneLine, type Place, type Selection, Story, tell } from "./ledger-story.ts";
import { isRecord } from "./record.ts";

/** A revision that a story is of. */
export type TracedRevision = {
  /** As repository@revision, by the ids that entries name. */
  readonly revision: string;
  /** As it was asked for; null where it was by its id alone. */
  readonly named: string | null;
  /** What its manifest states of it, where the manifest was given; else null. */
  readonly lineage: Lineage | null;
  /** The indexes of its entries among those that are told. */
  readonly entries: readonly number[];
};

export type Traced = {
  readonly verified: boolean;
  readonly size: number | null;
  /** How many entries the story has; the newest of them are in `entries`. */
  readonly count: number;
  readonly entries: readonly Entry[];
  /** The revisions that the story is of, of an object or a revision, in the order of their commits. */
  readonly revisions: readonly TracedRevision[];
  /** What those were made from, directly or not: each as repository@revision. Their entries are in the story. */
  readonly bases: readonly string[];
  /** Where the story is of one revision, what its manifest states of it; else null. */
  readonly lineage: Lineage | null;
  /** What the story of an object cannot tell, in sentences. */
  readonly notLookedInto: readonly string[];
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
  const siblings = selection.thing?.noun === "object" ? new Siblings() : null;
  const also = (entry: Entry) => {
    ancestry.take(entry);
    siblings?.take(entry);
  };
  const found = await read(frozen, key, { selection, last, also });
  const { roots } = found.story;
  const bases = ancestry.above(roots.keys());
  const { report, told, count } =
    bases.size === 0
      ? found
      : await read(frozen, key, { selection: { ...selection, also: bases }, last, also: null });
  if (report.verified && count === 0)
    throw new Failure("notFound", "no entry of the ledger is about it");
  const { verified, size } = report;
  const revisions = [...roots].map(([revision, named]): TracedRevision => {
    const entries = told.flatMap(({ entry, place }) =>
      place.revision === revision ? [entry.index] : [],
    );
    const lineage = lineageOf(named?.manifest);
    return { revision, named: named?.name ?? null, lineage, entries };
  });
  const [only = null] = revisions.length === 1 ? revisions : [];
  return {
    traced: {
      verified,
      size,
      count,
      entries: told.map(({ entry }) => entry),
      revisions,
      bases: [...bases],
      lineage: only?.lineage ?? null,
      notLookedInto: siblings === null ? [] : unknownOf(found.story, siblings),
    },
    report,
  };
}

type Told = { readonly entry: Entry; readonly place: Place };

async function read(
  source: TileSource,
  key: LedgerKey,
  {
    selection,
    last = mostEntries,
    also,
  }: {
    readonly selection: Selection;
    readonly last: number | undefined;
    /** Is shown every entry of the ledger. */
    readonly also: ((entry: Entry) => void) | null;
  },
) {
  const story = new Story(selection);
  const kept: Told[] = [];
  let count = 0;
  const report = await scanLedger(source, key, (entry) => {
    also?.(entry);
    const place = story.placeOf(entry);
    if (place === null) return;
    count += 1;
    kept.push({ entry, place });
    if (kept.length > 2 * last) kept.splice(0, kept.length - last);
  });
  return { report, count, told: kept.slice(-last), story };
}

/** What the story of an object cannot tell: it knows of revisions what their manifests say, and of releases what their entries do. */
function unknownOf(story: Story, siblings: Siblings): readonly string[] {
  const beside = siblings.beside(story.roots.keys());
  return [
    ...story.uncommitted.map((name) => `no entry commits ${name}, of which nothing is told`),
    ...(beside === null ? [] : [beside]),
    "which objects of its revision each release was of: an entry has their number and the digest of their list alone",
  ];
}

function lineageOf(manifest: unknown): Lineage | null {
  const stated = isRecord(manifest) ? manifest["lineage"] : null;
  return keptLineageForm.safeParse(stated).data ?? null;
}

/** The story for people: what it was made from, and a line an entry; of more than one revision, each one's entries under it. */
export function storyText(traced: Traced): string {
  return linesOf(traced).map(oneLine).join("\n");
}

function linesOf({ bases, count, entries, revisions, lineage }: Traced): readonly string[] {
  const omitted = count - entries.length;
  const older = omitted === 0 ? [] : [`(${olderEntries(omitted)} not shown)`];
  const from =
    bases.length === 0 ? [] : [`made from ${bases.join(", ")}, whose entries follow too`];
  if (revisions.length < 2)
    return [...lineageLines(lineage), ...from, ...older, ...entries.map(tell)];
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]));
  const sections = revisions.flatMap((each) => {
    const own = each.entries.flatMap((index) => byIndex.get(index) ?? []);
    for (const { index } of own) byIndex.delete(index);
    const name = each.named === null ? "" : ` (${each.named})`;
    return [
      `revision ${each.revision}${name}: ${entriesOf(own.length)}`,
      ...[...lineageLines(each.lineage), ...own.map(tell)].map((line) => `  ${line}`),
    ];
  });
  const rest = [...byIndex.values()].map((entry) => `  ${tell(entry)}`);
  const others = rest.length === 0 ? [] : ["of the object itself, and of what it was made from:"];
  return [...older, ...sections, ...from, ...others, ...rest];
}

function olderEntries(count: number): string {
  return counted(count, "older entry is", "older entries are");
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
