import { isRefusal } from "../errors.ts";
import { type Entry, parseEntry } from "../ledger/entry.ts";
import { readTile, type TileSource } from "../ledger/source.ts";
import { rotationIn } from "../ledger/source-rotations.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { readTiles, rightEdge } from "../merkle/proof.ts";
import { tileWidth } from "../merkle/tile.ts";
import { Frontier, leafHash } from "../merkle/tree.ts";
import { counted } from "./counted.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";
import type { State } from "./ledger-monitor-state.ts";

export type Grown = Pick<State, "lastLeafHex" | "rotations">;

/** How far the entries after those that were verified were read when the ledger went out of reach: the tree's right edge by then. */
export type Progress = Grown & { readonly size: number; readonly edge: readonly Buffer[] };

/** What an honest ledger never does. */
export type Broken = {
  readonly broken: "inconsistent" | "entries_broken";
  readonly message: string;
};

type Read = { readonly source: TileSource; readonly key: LedgerKey };

export type Growth = {
  readonly kept: Checkpoint;
  readonly lastLeafHex: string;
  /** Where an earlier reading went on from `kept` and was cut off. */
  readonly begun: Progress | null;
  /** Signed checkpoints that the entries must lead to on their way to the newest one, each larger than the one before. */
  readonly towards: readonly Checkpoint[];
  readonly newest: Checkpoint;
  readonly onEntry: ((entry: Entry) => void) | null;
  /** Called where the ledger goes out of reach on the way, before that is thrown. */
  readonly onCut: (progress: Progress) => Promise<void>;
};

/**
 * The old tree's right edge must make the old root, and with the new entries' leaves the new one: then nothing but appending happened. The entries
 * that `onEntry` is shown on the way are signed only if it ends so. One that was begun goes on from an edge that came of the old one: that it did is told by the
 * root that it leads to.
 */
export async function growFrom(reading: Read, growth: Growth): Promise<Broken | Grown> {
  const { source, key } = reading;
  const { newest, towards, begun, onEntry, onCut } = growth;
  const frontier =
    begun === null ? await restoreKept(reading, growth) : Frontier.restore(begun.size, begun.edge);
  if ("broken" in frontier) return frontier;
  const rotations = [...(begun?.rotations ?? [])];
  let previous = begun?.lastLeafHex ?? growth.lastLeafHex;
  const onTheWay = towards.filter(({ size }) => size > frontier.size);
  for (
    let number = Math.floor(frontier.size / tileWidth);
    number * tileWidth < newest.size;
    number += 1
  ) {
    const width = Math.min(tileWidth, newest.size - number * tileWidth);
    const tile = { level: "entries", number, width } as const;
    const bundle = await readTile(source, key.key, tile).catch(async (error: unknown) => {
      const { size, edge } = frontier;
      if (isRefusal(error, "ledger_unavailable"))
        await onCut({ size, edge, lastLeafHex: previous, rotations });
      throw error;
    });
    const entries = bundle === null ? null : parseBundle(bundle);
    if (entries?.length !== width)
      return entriesBroken(`the entries of bundle ${number} are not whole`);
    for (const bytes of entries.slice(frontier.size - number * tileWidth)) {
      const index = frontier.size;
      const entry = parseEntry(bytes);
      if (entry?.index !== index || entry.previous !== previous)
        return entriesBroken(`entry ${index} does not follow the one before`);
      const leaf = leafHash(bytes);
      previous = leaf.toString("hex");
      frontier.append(leaf);
      collect(entry, rotations);
      onEntry?.(entry);
      const [next] = onTheWay;
      if (next?.size !== frontier.size) continue;
      if (!frontier.root().equals(next.root)) return elsewhere(next);
      onTheWay.shift();
    }
  }
  if (!frontier.root().equals(newest.root)) return elsewhere(newest);
  return { lastLeafHex: previous, rotations };
}

async function restoreKept(
  { source, key }: Read,
  { kept, newest }: Growth,
): Promise<Broken | Frontier> {
  const read = readTiles(newest.size, async (tile) => {
    const bytes = await readTile(source, key.key, tile);
    if (bytes === null) throw new RangeError(`the ledger lacks tile ${tile.level}/${tile.number}`);
    return bytes;
  });
  let frontier: Frontier;
  try {
    frontier = Frontier.restore(kept.size, await rightEdge(kept.size, read));
  } catch (error) {
    if (isRefusal(error)) throw error;
    return inconsistent(Error.isError(error) ? error.message : "a tile cannot be used");
  }
  if (frontier.root().equals(kept.root)) return frontier;
  return inconsistent(
    `the first ${counted(kept.size, "entry is not the one that was", "entries are not those that were")} verified`,
  );
}

function elsewhere({ size }: Checkpoint): Broken {
  return inconsistent(`the new entries do not lead to the root that is signed at ${size}`);
}

function inconsistent(message: string): Broken {
  return { broken: "inconsistent", message };
}

function entriesBroken(message: string): Broken {
  return { broken: "entries_broken", message };
}

/** Adds the rotation that an entry is. */
export function collect(entry: Entry, rotations: State["rotations"]): void {
  const rotation = rotationIn(entry);
  if (typeof rotation?.statement !== "string") return;
  rotations.push({ index: rotation.index, statement: rotation.statement });
}

/** The leaf hash of a ledger's last entry, hex. Throws `integrity` where that is gone. */
export async function lastLeafOf({ source, key }: Read, size: number): Promise<string> {
  const number = Math.floor((size - 1) / tileWidth);
  const width = Math.min(tileWidth, size - number * tileWidth);
  const bytes = await readTile(source, key.key, { level: "entries", number, width });
  const entry = bytes === null ? undefined : parseBundle(bytes)?.[(size - 1) % tileWidth];
  if (entry === undefined) throw new Failure("integrity", "the ledger's last entry is gone");
  return leafHash(entry).toString("hex");
}
