import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { type Cosigner, cosign, verifyCosignature } from "../merkle/cosignature.ts";
import { parseNote } from "../merkle/note.ts";
import { keepCosignature, withCosignatures } from "./cosigned.ts";

/**
 * Has the ledger's own cosigners sign a checkpoint that they have not signed, of before they were configured, so that it is not published
 * without them; the caller has verified the checkpoint. Throws `record_tampered` for a signature under such a key that the key did not make.
 */
export async function cosignNewest(
  db: Kysely<Schema>,
  { size, note: signed }: { readonly size: number; readonly note: string },
  { cosigners = [], now }: { readonly cosigners?: readonly Cosigner[]; readonly now: () => Date },
): Promise<void> {
  if (cosigners.length === 0) return;
  const note = parseNote(await withCosignatures(db, { size, note: signed }));
  for (const cosigner of cosigners) {
    const { verdict } = verifyCosignature(note ?? { text: "", signatures: [] }, cosigner.key);
    if (verdict === "verified" || note === null) continue;
    if (verdict === "forged")
      throw new Refusal(
        "record_tampered",
        "the newest checkpoint has a signature under the ledger's ML-DSA-44 key that the key did not make: the ledger is not continued",
      );
    const made = await cosign(note.text, cosigner, 0);
    await keepCosignature(db, size, { ...made, cosignedAt: now() });
  }
}
