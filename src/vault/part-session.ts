import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { partsOf } from "../floe/layout.ts";
import type { MultipartBlob } from "../storage/blob-store.ts";
import { objectKey } from "./object.ts";
import type { PartedRow } from "./parted.ts";
import { discard } from "./upload.ts";
import type { Vault } from "./vault.ts";

/**
 * The store's session of a file, begun where there is none: the process that should have begun it died, or the store lost it. Of a file that was given up or swept
 * meanwhile none is left at the store, at the latest after the next sweep. Throws `upload_closed` then.
 */
export async function sessionOf(
  vault: Pick<Vault, "database" | "store">,
  row: Pick<PartedRow, "id" | "size_bytes" | "session">,
): Promise<MultipartBlob> {
  const [key, cut] = [objectKey(row.id), partsOf(Number(row.size_bytes))];
  if (row.session !== null) return await vault.store.resume(key, row.session, cut);
  try {
    const begun = await vault.store.begin(key, cut);
    if (await keepSession(vault, row.id, begun.session)) return begun;
    await begun.abort();
  } catch (error) {
    // Whoever removed the object may have looked for sessions before this one began.
    await discard(vault, row.id, ["removed"]);
    throw error;
  }
  const { session, state } = await vault.database.db
    .selectFrom("parted_object")
    .innerJoin("object", "object.id", "parted_object.object")
    .select(["parted_object.session", "object.state"])
    .where("object.id", "=", row.id)
    .executeTakeFirstOrThrow();
  if (state === "removing" || state === "removed")
    throw new Refusal("upload_closed", "the file was given up while its session began");
  if (session === null) throw new Refusal("conflict", "the file's session is just being replaced");
  return await vault.store.resume(key, session, cut);
}

/** Names the session as the file's, if none is and the object still comes: whoever takes it away waits for this, and ends the sessions of its key afterwards. */
async function keepSession(
  { database }: Pick<Vault, "database">,
  object: string,
  session: string,
): Promise<boolean> {
  return await transact(database.db, async (tx) => {
    const coming = await tx
      .selectFrom("object")
      .select("id")
      .where("id", "=", object)
      .where("state", "=", "opening")
      .forShare()
      .executeTakeFirst();
    if (coming === undefined) return false;
    const kept = await tx
      .updateTable("parted_object")
      .set({ session })
      .where("object", "=", object)
      .where("session", "is", null)
      .where("assembled_at", "is", null)
      .returning("object")
      .executeTakeFirst();
    return kept !== undefined;
  });
}

/** The store does not know the session any more: nothing of the file is held, and the next part begins another. */
export async function forgetSession(
  { database, uploads }: Pick<Vault, "database" | "uploads">,
  { id, session }: Pick<PartedRow, "id" | "session">,
): Promise<void> {
  uploads.forget(id);
  const lost = await database.db
    .updateTable("parted_object")
    .set({ session: null })
    .where("object", "=", id)
    .where("session", "=", session)
    .where("assembled_at", "is", null)
    .returning("object")
    .executeTakeFirst();
  if (lost !== undefined)
    await database.db.deleteFrom("object_part").where("object", "=", id).execute();
}
