import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../database/schema.ts";

/** One holder in the whole cluster sequences, signs and publishes; the fence number rises with each new holder. */
export type Lease = { readonly holder: string; readonly fence: bigint };

const leaseSeconds = 5;

/**
 * Takes the lease where it is free, expired or already the holder's, by the database's clock; null where another holds it.
 * A holder that takes it again keeps its fence number. Where it stands and is another's, nothing is locked or written, so that those who stand
 * by never hold up the holder, whose every batch asks for the same row.
 */
export async function takeLease(db: Kysely<Schema>, holder: string): Promise<Lease | null> {
  const taken = await sql<{ fence: bigint }>`
    insert into ledger_lease as lease (singleton, holder, fence, expires_at)
    select true, ${holder}, 1, clock_timestamp() + make_interval(secs => ${leaseSeconds})
    where not exists (select from ledger_lease where holder <> ${holder} and expires_at >= clock_timestamp())
    on conflict (singleton) do update set
      holder = excluded.holder,
      fence = case when lease.holder = excluded.holder then lease.fence else lease.fence + 1 end,
      expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at < clock_timestamp()
    returning fence`.execute(db);
  const [row] = taken.rows;
  return row === undefined ? null : { holder, fence: row.fence };
}

/** Ends a lease early, so that another node need not wait for it to expire. */
export async function releaseLease(db: Kysely<Schema>, lease: Lease): Promise<void> {
  await sql`
    update ledger_lease set expires_at = clock_timestamp() - interval '1 second'
    where holder = ${lease.holder} and fence = ${lease.fence}`.execute(db);
}

/** Whether the lease still stands, and renews it; its row stays locked until the transaction ends. */
export async function renewLease(tx: Kysely<Schema>, lease: Lease): Promise<boolean> {
  const renewed = await sql`
    update ledger_lease set expires_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    where holder = ${lease.holder} and fence = ${lease.fence} returning fence`.execute(tx);
  return renewed.rows.length === 1;
}

/** Whether the lease stands at this moment. */
export async function isHeld(db: Kysely<Schema>, lease: Lease): Promise<boolean> {
  const { rows } = await standing(lease).execute(db);
  return rows.length === 1;
}

/**
 * The lease's row if it still stands, for a statement that must do nothing otherwise. The row is share-locked until the statement's
 * transaction ends: nobody takes the lease over in between, so that a fenced holder can neither sequence nor sign after another took
 * over, while two statements of one holder need not wait for each other.
 */
export function standing(lease: Lease): RawBuilder<{ fence: bigint }> {
  return sql`select fence from ledger_lease
    where holder = ${lease.holder} and fence = ${lease.fence} for share`;
}
