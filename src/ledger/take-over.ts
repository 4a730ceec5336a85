import type { Database } from "../database/open.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import type { Cosigner } from "../merkle/cosignature.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type Head, readHead } from "./batch.ts";
import { cosignNewest } from "./cosign-newest.ts";
import { type Lease, renewLease } from "./lease.ts";
import { assertPublishedGrewOn } from "./published.ts";
import { assertGoesOn, openSigned, reignOf } from "./reigns.ts";
import { takeUp } from "./take-up.ts";
import { hashReader } from "./tiles.ts";
import { assertSubmitted } from "./uncovered.ts";

/** `lastSize` is the largest that the key may sign, infinite where no rotation of it is an entry. */
export type TakenOver = {
  readonly head: Head;
  readonly signedSize: number;
  readonly lastSize: number;
};

/**
 * Reads the stored edge under the lease. Refuses a key that does not rule (`signer_refused`), an edge that its newest checkpoint contradicts (`record_tampered`), or that is not what the
 * published checkpoint grew to (`ledger_diverged`); a store that cannot be asked is a refusal too. The ledger's own cosigners sign the newest checkpoint where they have not, and a key that
 * has signed nothing yet takes the ledger up with an entry.
 */
export async function takeOver(
  { database, store, key, ...cosigning }: TakeOverOptions,
  lease: Lease,
): Promise<TakenOver> {
  const taken = await transact(database.db, async (tx) => {
    const renew = async (): Promise<void> => {
      if (await renewLease(tx, lease)) return;
      throw new Refusal("ledger_unavailable", "the ledger's lease was lost while taking it over");
    };
    await renew();
    const lastSize = await reignOf(tx, key);
    const head = await readHead(tx);
    if (head.edge.size > lastSize)
      throw tampered(
        `entries stand after the rotation of the ledger's key (entry ${lastSize - 1}), and no checkpoint of that key covers it`,
      );
    const newest = await tx
      .selectFrom("ledger_checkpoint")
      .selectAll()
      .orderBy("size", "desc")
      .limit(1)
      .executeTakeFirst();
    const uncovered = { signedSize: Number(newest?.size ?? 0n), size: head.edge.size };
    // Its row is locked, but a lease that has expired by the commit is another node's, which would begin all this anew.
    await assertSubmitted(tx, uncovered, renew);
    if (newest === undefined) return { head, signedSize: 0, lastSize };
    const signedSize = Number(newest.size);
    if (signedSize > head.edge.size)
      throw tampered("the newest checkpoint covers more entries than there are");
    const root = await treeRoot(signedSize, hashReader(tx, signedSize));
    if (!root.equals(newest.root))
      throw tampered("the stored entries do not lead to the newest checkpoint's root");
    const opened = await openSigned(tx, newest.note, key);
    if (opened?.verdict !== "verified" || !opened.checkpoint.root.equals(root))
      throw tampered(
        "the newest checkpoint is not signed by this signer, nor by one that the ledger shows to have gone before it",
      );
    await assertGoesOn(tx, key);
    if (signedSize === head.edge.size)
      await takeUp(tx, { key, note: newest.note, now: cosigning.now() });
    await cosignNewest(tx, { size: signedSize, note: newest.note }, cosigning);
    return { head, signedSize, lastSize };
  });
  if (store !== null) await assertPublishedGrewOn({ db: database.db, store, key });
  return taken;
}

export type TakeOverOptions = {
  readonly database: Database;
  /** Where the ledger is published; null where it is not. */
  readonly store: BlobStore | null;
  readonly key: VerificationKey;
  readonly cosigners?: readonly Cosigner[];
  readonly now: () => Date;
};

function tampered(message: string): Refusal {
  return new Refusal("record_tampered", `${message}: the ledger is not continued`);
}
