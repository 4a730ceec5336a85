import { type Entry, parseEntry } from "../ledger/entry.ts";
import { readTile, type TileSource } from "../ledger/source.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { inclusionProof, readTiles, verifyInclusion } from "../merkle/proof.ts";
import { successionOf } from "../merkle/rotation.ts";
import { type Tile, tileWidth } from "../merkle/tile.ts";
import { leafHash } from "../merkle/tree.ts";
import { parseAnswer } from "./answers.ts";
import { ask, type Client, route } from "./client.ts";
import { entriesOf } from "./counted.ts";
import { Failure } from "./failure.ts";
import type { LedgerKey } from "./ledger-key.ts";

/** The newest checkpoint, signed by the key, or by one that followed it, and of its ledger. Throws `integrity`. */
export async function signedCheckpoint(
  source: TileSource,
  key: Pick<LedgerKey, "key" | "rotations">,
): Promise<{ readonly checkpoint: Checkpoint; readonly bytes: Buffer }> {
  const bytes = await source.checkpoint();
  if (bytes === null) throw new Failure("unavailable", "the ledger has no checkpoint yet");
  const opened = successionOf(key.key, key.rotations).openNewest(bytes);
  if (opened?.verdict === "retired")
    throw new Failure(
      "integrity",
      "the ledger's checkpoint is signed by a key that another had replaced: where the new one has signed nothing yet, name the one before it with --ledger-key",
    );
  if (opened?.verdict !== "verified" || opened.checkpoint.origin !== key.key.name)
    throw new Failure("integrity", "the ledger's checkpoint is not signed by its key");
  return { checkpoint: opened.checkpoint, bytes };
}

/** The entries at the indexes that `choose` names for the ledger's size, each proved against its signed root. Throws `integrity`. */
export async function showEntries(
  source: TileSource,
  key: LedgerKey,
  choose: (size: number) => Promise<readonly number[]>,
): Promise<readonly Entry[]> {
  const { checkpoint } = await signedCheckpoint(source, key);
  const { size, root } = checkpoint;
  const reader = cached(source, key);
  const read = readTiles(size, reader);
  const entries: Entry[] = [];
  for (const index of await choose(size)) {
    if (index >= size) throw new Failure("notFound", `the ledger has ${entriesOf(size)} so far`);
    const bytes = await entryBytes(reader, index, size);
    const proof = await inclusionProof(index, size, read);
    const entry = parseEntry(bytes);
    if (
      !verifyInclusion({ index, size, leaf: leafHash(bytes), proof, root }) ||
      entry?.index !== index
    )
      throw new Failure("integrity", `entry ${index} is not the one in the signed ledger`);
    entries.push(entry);
  }
  return entries;
}

export type Wanted = {
  readonly index: number | undefined;
  readonly last: number | undefined;
  readonly release: string | undefined;
};

/** Which entries are asked for; the newest ten where nothing is. Throws `usage` for more than one way of asking. */
export async function indexesOf(
  client: Client | null,
  wanted: Wanted,
  size: number,
): Promise<readonly number[]> {
  const { index, last, release } = wanted;
  if ([index, last, release].filter((way) => way !== undefined).length > 1)
    throw new Failure("usage", "ask for an index, for --last or for --release");
  if (index !== undefined) return [index];
  if (release === undefined) {
    const count = Math.min(last ?? 10, size);
    return Array.from({ length: count }, (_, at) => size - count + at);
  }
  if (client === null) throw new Failure("usage", "only the server finds a release");
  const answer = await ask(client, "GET", route`/v1/releases/${release}`);
  const { entry, outcome } = parseAnswer("recordedRelease", answer);
  return [entry, outcome].flatMap((place) =>
    typeof place?.index === "number" ? [place.index] : [],
  );
}

type TileReader = (tile: Tile) => Promise<Buffer>;

/** Neighbouring entries share their tiles. */
function cached(source: TileSource, { key }: LedgerKey): TileReader {
  const known = new Map<string, Promise<Buffer>>();
  return (tile) => {
    const name = `${tile.level}/${tile.number}.${tile.width}`;
    const found = known.get(name) ?? readTile(source, key, tile).then(present);
    known.set(name, found);
    return found;
  };
}

function present(bytes: Buffer | null): Buffer {
  if (bytes === null)
    throw new Failure("integrity", "the ledger lacks a tile that its checkpoint covers");
  return bytes;
}

async function entryBytes(reader: TileReader, index: number, size: number): Promise<Buffer> {
  const number = Math.floor(index / tileWidth);
  const width = Math.min(tileWidth, size - number * tileWidth);
  const entries = parseBundle(await reader({ level: "entries", number, width }));
  const bytes = entries?.[index % tileWidth];
  if (bytes === undefined)
    throw new Failure("integrity", `the ledger's bundle lacks entry ${index}`);
  return bytes;
}
