import { type Kysely, sql } from "kysely";
import { arrayText } from "../database/array-text.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { FullTile, TileEdge } from "../merkle/tile-edge.ts";
import { leafHash } from "../merkle/tree.ts";
import { batchLimit } from "./batch-limit.ts";
import { spliceEntry } from "./entry.ts";
import { type Lease, standing } from "./lease.ts";
import type { RecentEntries } from "./recent-entries.ts";
import { edgeAt, ledgerSize } from "./tiles.ts";

/** The ledger's right edge, as the sequencer carries it from batch to batch. */
export type Head = { readonly edge: TileEdge; previous: string };

/** A submission that has no place yet. */
export type Pending = {
  readonly id: bigint;
  readonly kind: string;
  readonly time: Date;
  readonly body: Buffer;
};

/** Reads the right edge from the stored entries and tiles. */
export async function readHead(db: Kysely<Schema>): Promise<Head> {
  const size = await ledgerSize(db);
  const last = await db
    .selectFrom("ledger_entry")
    .select("leaf")
    .where("index", "=", BigInt(size - 1))
    .executeTakeFirst();
  return { edge: await edgeAt(db, size), previous: last?.leaf.toString("hex") ?? "" };
}

/**
 * The oldest pending submissions, at most a batch. Only the lease's holder takes pending rows away, so they may be read before the
 * transaction that does. Submissions of conflicting transactions keep the order of their locks, since an id is drawn while the lock is held;
 * no clock has a say in it.
 *
 * Each row is looked up by its id, and the statement is not prepared: a join that was planned while the tables were small would read the whole
 * outbox for every batch later on. Throws `record_tampered` for a pending row without its submission: one statement writes both, and none
 * takes the submission away.
 */
export async function readPending(db: Kysely<Schema>): Promise<readonly Pending[]> {
  const { rows } = await sql<Pending | Lost>`/* ledger-pending */
    select oldest.id, submission.* from (
      select submission as id from ledger_pending order by submission limit ${batchLimit}) as oldest
    left join lateral (
      select kind, time, body from ledger_submission where ledger_submission.id = oldest.id limit 1) as submission on true
    order by oldest.id`.execute(db);
  return rows.map((row) => {
    if (row.kind !== null) return row;
    throw new Refusal(
      "record_tampered",
      "a submission that waits for its place was taken away: the ledger is not continued",
      { cause: new Error(`submission ${row.id}`) },
    );
  });
}

type Lost = { readonly id: bigint; readonly kind: null };

/**
 * Gives pending submissions their places: entries, the tiles that they fill, and the pending rows deleted, in one statement and so in one
 * transaction. False, and nothing written, where the lease is lost or the last stored entry is not the head's, as in a database that was put
 * back behind the sequencer. Moves `head` along; the caller throws it away on false and on a failure. `recent` takes what was committed.
 */
export async function sequenceBatch(
  db: Kysely<Schema>,
  {
    lease,
    head,
    pending,
    recent,
  }: {
    readonly lease: Lease;
    readonly head: Head;
    readonly pending: readonly Pending[];
    readonly recent: RecentEntries;
  },
): Promise<boolean> {
  const first = head.edge.size;
  const previous = Buffer.from(head.previous, "hex");
  const { entries, leaves, tiles } = encodeBatch(head, pending);
  const { rows } = await sql<{ count: bigint }>`/* ledger.sequence */
    with standing as materialized (${standing(lease)}),
    edge as materialized (
      select from standing where ${first}::bigint = 0 or exists (
        select from ledger_entry where index = ${first}::bigint - 1 and leaf = ${previous}::bytea)),
    entered as (
      insert into ledger_entry (index, submission, bytes, leaf)
      select ${first}::bigint + placed.position - 1, placed.submission,
        substring(${Buffer.concat(entries)}::bytea from placed.start + 1 for placed.length),
        substring(${Buffer.concat(leaves)}::bytea from 32 * placed.position::int - 31 for 32)
      from edge, unnest(${arrayText(pending.map(({ id }) => id))}::bigint[], ${arrayText(startsOf(entries))}::int[],
        ${arrayText(entries.map(({ length }) => length))}::int[]) with ordinality as placed (submission, start, length, position)
      returning submission),
    filled as (
      insert into ledger_tile (level, number, hashes, root)
      select placed.level, placed.number,
        substring(${Buffer.concat(tiles.map(({ bytes }) => bytes))}::bytea from 8192 * placed.position::int - 8191 for 8192),
        substring(${Buffer.concat(tiles.map(({ root }) => root))}::bytea from 32 * placed.position::int - 31 for 32)
      from edge, unnest(${arrayText(tiles.map(({ tile }) => Number(tile.level)))}::int[],
        ${arrayText(tiles.map(({ tile }) => tile.number))}::bigint[]) with ordinality as placed (level, number, position)),
    taken as (
      delete from ledger_pending using entered where ledger_pending.submission = entered.submission returning 1)
    select count(*) as count from taken`.execute(db);
  const count = Number(rows[0]?.count ?? 0n);
  if (count === 0) return false;
  if (count !== pending.length)
    throw new Error(`${count} pending rows were taken for ${pending.length} entries`);
  recent.add({ first, entries, leaves });
  return true;
}

function encodeBatch(head: Head, pending: readonly Pending[]) {
  const tiles: FullTile[] = [];
  const leaves: Buffer[] = [];
  const entries = pending.map(({ id, kind, time, body }) => {
    const place = {
      index: head.edge.size,
      previous: head.previous,
      time: time.toISOString(),
      kind,
    };
    const bytes = spliceEntry(place, body);
    if (bytes === null)
      throw new Refusal(
        "record_tampered",
        "a submission was not made by the vault: its body or kind is not one that an entry can carry, and the ledger is not continued",
        { cause: new Error(`submission ${id}`) },
      );
    const leaf = leafHash(bytes);
    tiles.push(...head.edge.append(leaf));
    head.previous = leaf.toString("hex");
    leaves.push(leaf);
    return bytes;
  });
  return { entries, leaves, tiles };
}

function startsOf(entries: readonly Buffer[]): readonly number[] {
  let start = 0;
  return entries.map(({ length }) => {
    start += length;
    return start - length;
  });
}
