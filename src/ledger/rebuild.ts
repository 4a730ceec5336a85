import { type Kysely, sql, type Transaction } from "kysely";
import type { Database } from "../database/open.ts";
import type { Schema } from "../database/schema.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { parseBundle } from "../merkle/bundle.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import type { CosignerKey } from "../merkle/cosignature.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { successionOf } from "../merkle/rotation.ts";
import { type Tile, tilePath, tileWidth } from "../merkle/tile.ts";
import { type FullTile, type TileBytes, TileEdge } from "../merkle/tile-edge.ts";
import { leafHash } from "../merkle/tree.ts";
import { bodyBytes, type Entry, parseEntry } from "./entry.ts";
import { Findings } from "./findings.ts";
import { type RebuiltTimestamps, rebuildTimestamps, stamperOf } from "./rebuild-timestamps.ts";
import { assertGoesOn, readRotations } from "./reigns.ts";
import { readTile, type TileSource } from "./source.ts";
import { readingOf, unlessSpent } from "./source-budget.ts";
import { subjectOf } from "./subject.ts";
import { openNewest } from "./verify-checkpoints.ts";
import { judgeMlDsa } from "./verify-ml-dsa.ts";

export type RebuildOptions = {
  readonly database: Database;
  readonly source: TileSource;
  readonly key: VerificationKey;
  /** The ledger's own ML-DSA-44 key, which must have signed the checkpoint too; left out, it is not asked for. */
  readonly mlDsaKey?: CosignerKey | null;
  /** PEM of a time-stamping authority, whose stamps alone come back then; left out, all that are of this ledger do. */
  readonly timestampCertificates?: string | null;
};

export type Rebuilt = {
  readonly size: number;
  readonly rootHex: string;
  readonly timestamps: RebuiltTimestamps;
};

type Placed = { readonly entry: Entry; readonly bytes: Buffer; readonly leaf: Buffer };

/**
 * Makes the ledger's tables anew from what was published: submissions, entries, tiles, the checkpoint and the stamped ones, in one transaction. Before it
 * commits, the checkpoint's signature, every entry's place in the chain, every tile of hashes and the root have been verified; anything
 * else throws `record_tampered` and leaves the database as it was. Throws `not_found` where no checkpoint is, and `conflict` unless vault and ledger of the database are empty.
 *
 * What it makes is the record and not the vault: persons, grants, licenses, wrapped keys and facts stand in no entry. Submissions get new ids,
 * so rows of an older backup do not refer to them.
 */
export async function rebuildLedger({
  database,
  source,
  key,
  mlDsaKey = null,
  timestampCertificates = null,
}: RebuildOptions): Promise<Rebuilt> {
  const note = await source.checkpoint();
  if (note === null)
    throw new Refusal("not_found", "no checkpoint is published there: nothing was rebuilt");
  const findings = new Findings();
  const newest = openNewest(note, { key, origin: key.name, findings });
  if (newest === null) throw damaged("the checkpoint is not signed by this key");
  // The server signs what is rebuilt with that key, where it has not: a past that another wrote must not come by its signature so.
  if (mlDsaKey !== null && !judgeMlDsa(note, mlDsaKey, findings))
    throw damaged("the checkpoint is not signed by the ledger's ML-DSA-44 key");
  const { checkpoint } = newest;
  const stamper = await stamperOf(timestampCertificates);
  const reading = await readingOf(source, { key, checkpoint: note });
  const timestamps = await transact(
    database.db,
    async (tx) => {
      await assertEmpty(tx);
      const copying = copyEntries(tx, { source: reading.source, key }, checkpoint);
      await unlessSpent(reading, copying);
      if (reading.spent() !== null)
        throw damaged(
          `the checkpoint says that it covers ${checkpoint.size} entries, and ${reading.spent()} named no key that signed it`,
        );
      // The entries tell whether a checkpoint of another key of this name is one that the key has handed the ledger over to.
      const keys = successionOf(key, await readRotations(tx));
      const signed = keys.openNewest(note);
      if (signed?.verdict === "retired")
        throw damaged(
          "the checkpoint is signed by a key that had been replaced by then, or that this one has replaced: where the new key has signed nothing yet, name the one before it",
        );
      if (signed?.verdict !== "verified")
        throw damaged(
          "the checkpoint is not signed by this key, nor by one that it was replaced by",
        );
      await assertGoesOn(tx, key);
      await tx
        .insertInto("ledger_checkpoint")
        .values({
          size: BigInt(checkpoint.size),
          root: checkpoint.root,
          note: note.toString("utf8"),
          fence: 0n,
          signed_at: sql<Date>`now()`,
        })
        .execute();
      await sql`select setval(pg_get_serial_sequence('ledger_submission', 'id'), ${Math.max(1, checkpoint.size)}, ${checkpoint.size > 0})`.execute(
        tx,
      );
      return await rebuildTimestamps(tx, source, { ...checkpoint, keys, stamper });
    },
    { attempts: 1 },
  );
  return { size: checkpoint.size, rootHex: checkpoint.root.toString("hex"), timestamps };
}

async function assertEmpty(tx: Kysely<Schema>): Promise<void> {
  // A server that starts meanwhile waits, and then finds a ledger.
  await sql`lock table ledger_submission in exclusive mode`.execute(tx);
  const { rows } = await sql<{ used: boolean }>`select
    exists (select from vault) or exists (select from ledger_submission) or exists (select from ledger_checkpoint) as used`.execute(
    tx,
  );
  if (rows[0]?.used !== false)
    throw new Refusal(
      "conflict",
      "the database holds a vault or a ledger already: a ledger is rebuilt in an empty one, made by `weightvault migrate`",
    );
}

async function copyEntries(
  tx: Transaction<Schema>,
  from: Pick<RebuildOptions, "source" | "key">,
  { size, root }: Checkpoint,
): Promise<void> {
  const edge = new TileEdge();
  let previous = "";
  for (let number = 0; edge.size < size; number += 1) {
    const width = Math.min(tileWidth, size - edge.size);
    const placed = await readEntries(from, { level: "entries", number, width }, previous);
    const filled = placed.flatMap(({ leaf }) => edge.append(leaf));
    previous = placed.at(-1)?.leaf.toString("hex") ?? previous;
    for (const each of filled) await assertPublished(from, each);
    await insertEntries(tx, placed, filled);
  }
  for (const each of edge.partials()) await assertPublished(from, each);
  if (!edge.root().equals(root)) throw damaged("the entries do not make the root that is signed");
}

async function readEntries(
  { source, key }: Pick<RebuildOptions, "source" | "key">,
  tile: Tile,
  previous: string,
): Promise<readonly Placed[]> {
  const bundle = await readTile(source, key, tile);
  const entries = bundle === null ? null : parseBundle(bundle);
  if (entries?.length !== tile.width) throw damaged(`${tilePath(tile)} is missing or malformed`);
  let before = previous;
  return entries.map((bytes, at) => {
    const index = tile.number * tileWidth + at;
    const entry = parseEntry(bytes);
    if (entry?.index !== index || entry.previous !== before)
      throw damaged(`entry ${index} is malformed or breaks the chain`);
    const leaf = leafHash(bytes);
    before = leaf.toString("hex");
    return { entry, bytes, leaf };
  });
}

async function assertPublished(
  { source, key }: Pick<RebuildOptions, "source" | "key">,
  { tile, bytes }: TileBytes,
): Promise<void> {
  const found = await readTile(source, key, tile);
  if (found?.equals(bytes) !== true)
    throw damaged(`${tilePath(tile)} is not what the entries make`);
}

async function insertEntries(
  tx: Transaction<Schema>,
  placed: readonly Placed[],
  filled: readonly FullTile[],
): Promise<void> {
  const idOf = ({ index }: Entry) => BigInt(index) + 1n;
  await sql`
    insert into ledger_submission (id, kind, subject, time, body) overriding system value
    values ${sql.join(
      placed.map(
        ({ entry, bytes }) =>
          sql`(${idOf(entry)}, ${entry.kind}, ${subjectOf(entry)}, ${new Date(entry.time)}, ${bodyBytes(entry, bytes)})`,
      ),
    )}`.execute(tx);
  await tx
    .insertInto("ledger_entry")
    .values(
      placed.map(({ entry, bytes, leaf }) => ({
        index: BigInt(entry.index),
        submission: idOf(entry),
        bytes,
        leaf,
      })),
    )
    .execute();
  if (filled.length === 0) return;
  await tx
    .insertInto("ledger_tile")
    .values(
      filled.map(({ tile, bytes, root }) => ({
        level: Number(tile.level),
        number: BigInt(tile.number),
        hashes: bytes,
        root,
      })),
    )
    .execute();
}

function damaged(what: string): Refusal {
  return new Refusal("record_tampered", `${what}: nothing was rebuilt`);
}
