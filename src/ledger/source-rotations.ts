import { parseBundle } from "../merkle/bundle.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type PlacedRotation, successionOf } from "../merkle/rotation.ts";
import { tileWidth } from "../merkle/tile.ts";
import { type Entry, parseEntry } from "./entry.ts";
import { readTile, type TileSource } from "./source.ts";
import { unlessSpent, withinBudget } from "./source-budget.ts";

const kind = "ledger.key-rotated";

/** The rotation that an entry is; null for other entries. */
export function rotationIn({ kind: of, index, body }: Entry): PlacedRotation | null {
  return of === kind ? { index, statement: body["statement"] } : null;
}

/**
 * The rotations of a ledger's key, where another key of its name signed the newest checkpoint; none otherwise: those that its source tells, if they
 * lead to that key, else those among its entries, as far as its budget goes. They are read and not verified: whether they lead from a key to
 * another is told by their signatures, and whether they stand in the tree by `ledger verify`.
 */
export async function findRotations(
  source: TileSource,
  key: VerificationKey,
): Promise<readonly PlacedRotation[]> {
  const bytes = await source.checkpoint();
  const opened = bytes === null ? null : openCheckpoint(bytes, key);
  if (opened?.verdict !== "unsigned" || opened.checkpoint.origin !== key.name) return [];
  const told = (await source.rotations?.()) ?? [];
  if (successionOf(key, told).open(bytes ?? "")?.verdict === "verified") return told;
  const found: PlacedRotation[] = [];
  const reading = withinBudget(source, source.unproved);
  await unlessSpent(reading, collect(reading.source, key, opened.checkpoint.size, found));
  return found;
}

async function collect(
  source: TileSource,
  key: VerificationKey,
  size: number,
  found: PlacedRotation[],
): Promise<void> {
  for (let number = 0; number * tileWidth < size; number += 1) {
    const width = Math.min(tileWidth, size - number * tileWidth);
    const bundle = await readTile(source, key, { level: "entries", number, width });
    if (bundle === null) break;
    // Parsing takes most of the time, and few bundles have one.
    if (!bundle.includes(kind)) continue;
    for (const entryBytes of parseBundle(bundle) ?? []) {
      const entry = parseEntry(entryBytes);
      const rotation = entry === null ? null : rotationIn(entry);
      if (rotation !== null) found.push(rotation);
    }
  }
}
