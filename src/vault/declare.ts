import { objectBytes } from "../floe/layout.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Submitted } from "../ledger/outbox.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { listDigest } from "./decide.ts";
import type { SealedObject } from "./object.ts";
import type { PartedRow } from "./parted.ts";
import { actedBy } from "./row.ts";
import { keepFile } from "./upload.ts";
import { assertNoneSince } from "./upload-key.ts";
import type { Tx, Vault } from "./vault.ts";

type Declaring = {
  readonly row: PartedRow;
  readonly sealed: SealedObject;
  /** The newest hand-out of the object's key. */
  readonly handOut: Submitted;
  readonly handOuts: readonly Submitted[];
};

/**
 * Takes the digest of a file that its uploader sealed on their word, on record: the entry names the hand-out of the key. A verifying read finds
 * out afterwards whether it holds. Nothing that ran along while parts came says anything of those that went past the vault.
 */
export async function declare(
  vault: Vault,
  caller: Caller,
  { row, sealed, handOut, handOuts }: Declaring,
) {
  await recordAs(vault, caller, async (tx) => {
    const now = vault.now();
    const sha256 = row.sha256.toString("hex");
    const alone = { path: row.path, size: Number(row.size_bytes), sha256, object: row.id };
    const object_bytes = BigInt(objectBytes(Number(row.size_bytes)));
    await keepFile(tx, {
      caller,
      request: { upload: row.upload },
      path: row.path,
      sealed: { id: row.id, size_bytes: row.size_bytes, object_bytes, sha256: row.sha256 },
      now,
    });
    await assertNoneSince(tx, { object: row.id, principal: caller.principal }, handOuts);
    await submit(tx, {
      kind: "object.declared",
      subject: row.id,
      time: now,
      body: {
        object: row.id,
        upload: row.upload,
        repository: sealed.repository,
        key: String(handOut.body["key"]),
        bytes: row.size_bytes.toString(),
        sha256,
        // By which a verifier tells a release of it alone.
        list: listDigest([alone]).toString("hex"),
        ...actedBy(caller),
      },
    });
    await tx
      .updateTable("parted_object")
      .set({ declared_at: now, completing_until: null, proved_bytes: 0n })
      .where("object", "=", row.id)
      .execute();
    await dropParts(tx, row.id);
  });
  vault.uploads.forget(row.id);
}

/** What was held of a file that is sealed now. */
export async function dropParts(tx: Tx, object: string): Promise<void> {
  await tx.deleteFrom("object_part").where("object", "=", object).execute();
  await tx.deleteFrom("direct_part").where("object", "=", object).execute();
}
