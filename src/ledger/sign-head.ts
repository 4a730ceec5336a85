import { sql } from "kysely";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import { signCheckpoint } from "../merkle/checkpoint.ts";
import { type Cosigner, cosignOwn } from "../merkle/cosignature.ts";
import type { TileEdge } from "../merkle/tile-edge.ts";
import { type Lease, standing } from "./lease.ts";

/**
 * Signs the head as it is at the call, outside any transaction, and stores the checkpoint if the lease still stands then; those who wait on
 * other nodes hear of it in the same statement. Gives the size that it covers. Throws `ledger_unavailable` where the lease was lost. Where the
 * ledger has cosigners of its own, nothing is stored without the signature of each of them.
 */
export async function signHead(
  {
    database,
    signer,
    cosigners = [],
    now,
  }: {
    readonly database: Database;
    readonly signer: Signer;
    readonly cosigners?: readonly Cosigner[];
    readonly now: () => Date;
  },
  lease: Lease,
  edge: TileEdge,
): Promise<number> {
  const size = edge.size;
  const root = edge.root();
  const signed = await signCheckpoint({ origin: signer.name, size, root }, signer);
  const note = await cosignOwn(signed, cosigners);
  const { rows } = await sql`/* ledger.checkpoint */
    with standing as materialized (${standing(lease)}),
    stored as (
      insert into ledger_checkpoint (size, root, note, fence, signed_at)
      select ${size}::bigint, ${root}::bytea, ${note}::text, standing.fence, ${now()}::timestamptz
      from standing returning size)
    select size, pg_notify('ledger_checkpoint', '') from stored`.execute(database.db);
  if (rows.length === 1) return size;
  throw new Refusal(
    "ledger_unavailable",
    "the ledger's lease was lost before the checkpoint was stored",
  );
}
