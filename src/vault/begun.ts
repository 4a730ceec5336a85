import type { Custodian } from "../custody/custodian.ts";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { assertPublishedFrom } from "../ledger/published.ts";
import { isSignedBy } from "../ledger/reigns.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { openPerson } from "./person.ts";

/** Whether the vault was started before: its identity is written at the end of the first start, after its keys were made. */
export async function hasBegun({ database }: { readonly database: Database }): Promise<boolean> {
  return (await database.db.selectFrom("vault").select("id").executeTakeFirst()) !== undefined;
}

/**
 * Refuses to start (`configuration_invalid`) on keys that are not this vault's: a custodian that does not open what was wrapped, a signer
 * that did not sign the ledger, or (`signer_refused`) whose key was replaced or whose time has not come. The first person on record and the newest checkpoint are the samples. Refuses (`ledger_diverged`) a database
 * that is not what was published from it.
 */
export async function assertKeysBelong({
  database,
  custodian,
  signer,
  store,
}: {
  readonly database: Database;
  readonly custodian: Custodian;
  readonly signer: Signer;
  readonly store: BlobStore;
}): Promise<void> {
  const first = await database.db
    .selectFrom("person")
    .select("id")
    .orderBy("created_at")
    .where("wrapped_key", "is not", null)
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  if (first !== undefined) await assertOpens({ database, custodian }, first.id);
  if (!(await isSignedBy(database.db, signer))) {
    throw foreign(
      "the signer is not the one that signed this ledger's newest checkpoint: restore its key, and the name WEIGHTVAULT_LEDGER_NAME that it signed under; a new key is brought in by `weightvault ledger rotate-key`, with the old one's settings",
    );
  }
  await assertPublishedFrom({ db: database.db, store, signer });
}

async function assertOpens(
  vault: { readonly database: Database; readonly custodian: Custodian },
  person: string,
): Promise<void> {
  try {
    const { key } = await openPerson(vault, person);
    key.wipe();
  } catch (cause) {
    if (isRefusal(cause, "wrapped_key_rejected"))
      throw foreign(
        "the custodian does not open the keys that this vault wrapped: restore its key",
        { cause },
      );
    // Also a key-encryption key of before a rotation that the settings do not name.
    if (!isRefusal(cause, "custodian_refused")) throw cause;
    throw foreign(
      `the custodian does not open the keys that this vault wrapped: ${cause.message}`,
      { cause },
    );
  }
}

function foreign(message: string, options: { readonly cause?: unknown } = {}): Refusal {
  return new Refusal("configuration_invalid", message, options);
}
