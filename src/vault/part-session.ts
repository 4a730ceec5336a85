import { Refusal } from "../errors.ts";
import { partsOf } from "../floe/layout.ts";
import type { MultipartBlob } from "../storage/blob-store.ts";
import { objectKey } from "./object.ts";
import type { PartedRow } from "./parted.ts";
import type { Vault } from "./vault.ts";

/** The store's session of a file, begun where there is none: the process that should have begun it died, or the store lost it. */
export async function sessionOf(
  { database, store }: Pick<Vault, "database" | "store">,
  row: Pick<PartedRow, "id" | "size_bytes" | "session">,
): Promise<MultipartBlob> {
  const [key, cut] = [objectKey(row.id), partsOf(Number(row.size_bytes))];
  if (row.session !== null) return await store.resume(key, row.session, cut);
  const begun = await store.begin(key, cut);
  const kept = await database.db
    .updateTable("parted_object")
    .set({ session: begun.session })
    .where("object", "=", row.id)
    .where("session", "is", null)
    .where("assembled_at", "is", null)
    .returning("object")
    .executeTakeFirst();
  if (kept !== undefined) return begun;
  await begun.abort();
  const { session } = await database.db
    .selectFrom("parted_object")
    .select("session")
    .where("object", "=", row.id)
    .executeTakeFirstOrThrow();
  if (session === null) throw new Refusal("conflict", "the file's session is just being replaced");
  return await store.resume(key, session, cut);
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
