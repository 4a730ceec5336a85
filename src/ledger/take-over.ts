import type { Database } from "../database/open.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { openCheckpoint } from "../merkle/checkpoint.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type Head, readHead } from "./batch.ts";
import { type Lease, renewLease } from "./lease.ts";
import { assertContinues, readPublished } from "./published.ts";
import { hashReader } from "./tiles.ts";

export type TakenOver = { readonly head: Head; readonly signedSize: number };

/**
 * Reads the stored edge under the lease. Refuses one that its newest checkpoint contradicts (`record_tampered`), or that is not what the
 * published checkpoint grew to (`ledger_diverged`); a store that cannot be asked is a refusal too.
 */
export async function takeOver(
  { database, store, key }: TakeOverOptions,
  lease: Lease,
): Promise<TakenOver> {
  const taken = await transact(database.db, async (tx) => {
    if (!(await renewLease(tx, lease)))
      throw new Refusal("ledger_unavailable", "the ledger's lease was lost while taking it over");
    const head = await readHead(tx);
    const newest = await tx
      .selectFrom("ledger_checkpoint")
      .selectAll()
      .orderBy("size", "desc")
      .limit(1)
      .executeTakeFirst();
    if (newest === undefined) return { head, signedSize: 0 };
    const signedSize = Number(newest.size);
    if (signedSize > head.edge.size)
      throw tampered("the newest checkpoint covers more entries than there are");
    const root = await treeRoot(signedSize, hashReader(tx, signedSize));
    if (!root.equals(newest.root))
      throw tampered("the stored entries do not lead to the newest checkpoint's root");
    const opened = openCheckpoint(newest.note, key);
    if (opened?.verdict !== "verified" || !opened.checkpoint.root.equals(root))
      throw tampered("the newest checkpoint is not signed by this signer");
    return { head, signedSize };
  });
  if (store !== null) await assertContinues(database.db, key, await readPublished(store, key));
  return taken;
}

export type TakeOverOptions = {
  readonly database: Database;
  /** Where the ledger is published; null where it is not. */
  readonly store: BlobStore | null;
  readonly key: VerificationKey;
};

function tampered(message: string): Refusal {
  return new Refusal("record_tampered", `${message}: the ledger is not continued`);
}
