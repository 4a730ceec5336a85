import type { Entry } from "../ledger/entry.ts";
import type { TileSource } from "../ledger/source.ts";
import { rotationIn } from "../ledger/source-rotations.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { PlacedRotation } from "../merkle/rotation.ts";
import { counted } from "./counted.ts";
import { isReleaseId } from "./excerpt-folder.ts";
import { Failure } from "./failure.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { scanLedger } from "./ledger-source.ts";
import { type Selection, Story } from "./ledger-story.ts";

export type ChosenEntry = {
  readonly index: number;
  /** The release that it decides, where it names one by an id. */
  readonly release: string | null;
  /** The digest of the denied-party list that it names. */
  readonly list: string | null;
};

/** A selection's entries, in order, in the tree of a signed checkpoint. */
export type Chosen = {
  /** The rotations of the key among them, which belong to every part: who trusts an older key could not verify it otherwise. */
  readonly entries: readonly ChosenEntry[];
  /** The indexes of the first and last one that the selection is about. */
  readonly first: number;
  readonly last: number;
  readonly rulebooks: ReadonlySet<string>;
  readonly rotations: readonly PlacedRotation[];
  readonly checkpoint: Checkpoint;
};

/**
 * Verifies the whole ledger under the checkpoint in `bytes` and takes a selection's entries from it. Throws `integrity` where it does not
 * verify, and `notFound` where no entry is about the selection.
 */
export async function chooseEntries(
  source: TileSource,
  key: LedgerKey,
  { selection, bytes }: { readonly selection: Selection; readonly bytes: Buffer | null },
): Promise<Chosen> {
  const story = new Story(selection);
  const entries: ChosenEntry[] = [];
  const rulebooks = new Set<string>();
  const rotations: PlacedRotation[] = [];
  const taken: { first: number | null; last: number } = { first: null, last: -1 };
  const frozen: TileSource = { ...source, checkpoint: async () => bytes };
  const report = await scanLedger(frozen, key, (entry) => {
    const rotation = rotationIn(entry);
    if (rotation !== null) rotations.push(rotation);
    const isAbout = story.takes(entry);
    if (isAbout) {
      taken.first ??= entry.index;
      taken.last = entry.index;
    }
    if (!isAbout && rotation === null) return;
    const digest = rulebookOf(entry);
    if (digest !== null) rulebooks.add(digest);
    const { screeningList } = entry.body;
    const list = typeof screeningList === "string" ? screeningList : null;
    entries.push({ index: entry.index, release: decided(entry), list });
  });
  const errors = counted(report.errors, "finding");
  if (!report.verified || bytes === null)
    throw new Failure("integrity", `the ledger does not verify: ${errors}`);
  const { first, last } = taken;
  if (first === null) throw new Failure("notFound", "no entry of the ledger is about it");
  const opened = openSigned(bytes, { key: key.key, rotations });
  if (opened?.verdict !== "verified")
    throw new Failure("integrity", "the ledger's checkpoint is not signed by its key");
  return { entries, first, last, rulebooks, rotations, checkpoint: opened.checkpoint };
}

function decided({ kind, body }: Entry): string | null {
  const { release } = body;
  const isDecision = /^release\.(?:allowed|denied|held)$/.test(kind);
  return isDecision && typeof release === "string" && isReleaseId(release) ? release : null;
}

function rulebookOf({ body }: Entry): string | null {
  const { decision } = body;
  if (typeof decision !== "object" || decision === null || Array.isArray(decision)) return null;
  const { rulebook } = decision as Readonly<Record<string, unknown>>;
  return typeof rulebook === "string" ? rulebook : null;
}
