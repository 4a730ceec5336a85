import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { readTile, type TileSource } from "../ledger/source.ts";
import { folderSource } from "../ledger/source-folder.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { readTiles, treeRoot } from "../merkle/proof.ts";
import { type Tile, tilePath, tilesOf, tileWidth } from "../merkle/tile.ts";
import { hashBytes } from "../merkle/tree.ts";
import { entriesOf } from "./counted.ts";
import { keepKeys, readOrNull } from "./exported-keys.ts";
import { Failure } from "./failure.ts";
import { type Beside, besideFolder } from "./ledger-beside.ts";
import { type LedgerKey, openSigned } from "./ledger-key.ts";
import { keepSeries } from "./ledger-series.ts";
import { signedCheckpoint } from "./ledger-show.ts";
import { timestampFiles } from "./ledger-timestamps.ts";
import { makeFolder, makeFolders } from "./paths.ts";
import { writeWhole } from "./whole-file.ts";

export type Exported = {
  readonly folder: string;
  readonly size: number;
  readonly fetched: number;
  readonly kept: number;
  /** How many signed checkpoints are kept beside it. */
  readonly checkpoints: number;
};

/**
 * Copies a ledger into a folder in the layout of C2SP tlog-tiles, with its keys as `keepKeys` does. Full tiles that are there stay, since
 * they never change; the checkpoint comes after them, so that at every moment the folder holds all that its checkpoint covers, and then what lies beside the ledger. Throws
 * `integrity` where the ledger is not what the folder's checkpoint has grown to, and keeps that one; refuses links and special files in the
 * folder, which could lead elsewhere or be waited for. It copies; `ledger verify` judges.
 */
export async function exportLedger(
  source: TileSource,
  key: LedgerKey,
  {
    folder,
    signal,
    beside,
  }: {
    readonly folder: string;
    readonly signal: AbortSignal;
    /** Kept beside the ledger, as far as its checkpoint covers it; `ledger verify` judges it. */
    readonly beside?: Beside;
  },
): Promise<Exported> {
  const { checkpoint, bytes } = await signedCheckpoint(source, key);
  await makeFolder(folder);
  await keepKeys(folder, key, (await beside?.mlDsaKeys()) ?? []);
  const older = await olderCheckpoint(join(folder, "checkpoint"), key);
  assertNotSmaller(checkpoint, older);
  let [fetched, kept] = [0, 0];
  for (const tile of tilesOf(checkpoint.size)) {
    if (signal.aborted) throw new Failure("failed", "interrupted");
    const file = join(folder, tilePath(tile));
    await makeFolders(folder, tilePath(tile));
    if (await isKept(tile, file)) {
      kept += 1;
      continue;
    }
    const tileBytes = await readTile(source, key.key, tile);
    if (tileBytes === null)
      throw new Failure(
        "integrity",
        `the ledger lacks ${tilePath(tile)}, which its checkpoint covers`,
      );
    await writeWhole(file, tileBytes);
    fetched += 1;
  }
  await assertGrown(folder, key, checkpoint, older);
  await writeWhole(join(folder, "checkpoint"), bytes);
  const { size } = checkpoint;
  const checkpoints = beside === undefined ? 0 : await keepBeside(folder, size, beside);
  return { folder, size, fetched, kept, checkpoints };
}

/** After the checkpoint, which covers all of it. Timestamps never change: those that are there stay. */
async function keepBeside(folder: string, size: number, beside: Beside): Promise<number> {
  let last: number | null = null;
  for await (const each of besideFolder(folder).timestamps(null)) last = each.size;
  for await (const timestamp of beside.timestamps(last)) {
    if (timestamp.size > size) break;
    for (const [path, bytes] of timestampFiles(timestamp)) {
      await makeFolders(folder, path);
      await writeWhole(join(folder, path), bytes);
    }
  }
  return await keepSeries(folder, size, beside.series);
}

/** Both roots follow from the tiles that now lie in the folder. */
async function assertGrown(
  folder: string,
  { key }: LedgerKey,
  newest: Checkpoint,
  older: Checkpoint | null,
): Promise<void> {
  const local = folderSource(folder);
  for (const { size, root } of older === null ? [newest] : [older, newest]) {
    const read = readTiles(newest.size, async (tile) => {
      const bytes = await readTile(local, key, tile);
      if (bytes?.length !== tile.width * hashBytes)
        throw new Failure("integrity", `${tilePath(tile)} has not the size of a tile`);
      return bytes;
    });
    if (!(await treeRoot(size, read)).equals(root))
      throw new Failure(
        "integrity",
        `the ledger's tiles do not make the root that is signed at size ${size}`,
      );
  }
}

function assertNotSmaller(newest: Checkpoint, older: Checkpoint | null): void {
  if (older === null) return;
  if (newest.size < older.size)
    throw new Failure(
      "integrity",
      `the ledger was rolled back: the folder has ${entriesOf(older.size)}, it has ${newest.size}`,
    );
  if (newest.size === older.size && !newest.root.equals(older.root))
    throw new Failure(
      "integrity",
      "the ledger forked: the folder has a checkpoint of the same size with another root",
    );
}

async function olderCheckpoint(file: string, key: LedgerKey): Promise<Checkpoint | null> {
  const bytes = await readOrNull(file);
  if (bytes === null) return null;
  const opened = openSigned(bytes, key);
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== key.key.name)
    throw new Failure("integrity", `${file} is not signed by this ledger's key`);
  return opened.checkpoint;
}

/** A full tile never changes; a partial one is fetched again, since it may be of a ledger that has grown otherwise. */
async function isKept(tile: Tile, file: string): Promise<boolean> {
  if (tile.width !== tileWidth) return false;
  const found = await lstat(file).catch(() => null);
  return (
    found?.isFile() === true && (tile.level === "entries" || found.size === tileWidth * hashBytes)
  );
}
