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

/** What an honest ledger never does. */
export type Broken = {
  readonly broken: "inconsistent" | "entries_broken";
  readonly message: string;
};

type Read = { readonly source: TileSource; readonly key: LedgerKey };

/**
 * The old tree's right edge must make the old root, and with the new entries' leaves the new one: then nothing but appending happened. The entries
 * that `onEntry` is shown on the way are signed only if it ends so.
 */
export async function growFrom(
  { source, key }: Read,
  {
    kept,
    newest,
    lastLeafHex,
    onEntry,
  }: {
    readonly kept: Checkpoint;
    readonly newest: Checkpoint;
    readonly lastLeafHex: string;
    readonly onEntry: ((entry: Entry) => void) | null;
  },
): Promise<Broken | Grown> {
  const inconsistent = (message: string) => ({ broken: "inconsistent", message }) as const;
  const entriesBroken = (message: string) => ({ broken: "entries_broken", message }) as const;
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
  if (!frontier.root().equals(kept.root))
    return inconsistent(
      `the first ${counted(kept.size, "entry is not the one that was", "entries are not those that were")} verified`,
    );
  const rotations: State["rotations"] = [];
  let previous = lastLeafHex;
  for (
    let number = Math.floor(kept.size / tileWidth);
    number * tileWidth < newest.size;
    number += 1
  ) {
    const width = Math.min(tileWidth, newest.size - number * tileWidth);
    const bundle = await readTile(source, key.key, { level: "entries", number, width });
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
    }
  }
  if (!frontier.root().equals(newest.root))
    return inconsistent(`the new entries do not lead to the root that is signed at ${newest.size}`);
  return { lastLeafHex: previous, rotations };
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
