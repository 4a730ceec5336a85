import type { Selectable } from "kysely";
import type { Secret } from "../crypto/secret.ts";
import type { WrapContext } from "../custody/custodian.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { objectAad } from "../floe/aad.ts";
import { openRange } from "../floe/open-range.ts";
import type { BlobKey } from "../storage/blob-store.ts";
import { lend } from "./memory.ts";
import type { Vault } from "./vault.ts";

export type SealedObject = Pick<
  Selectable<Schema["object"]>,
  | "id"
  | "repository"
  | "wrapped_key"
  | "custodian_key"
  | "header"
  | "size_bytes"
  | "object_bytes"
  | "sha256"
>;

/** Where an object lies in the store. */
export function objectKey(id: string): BlobKey {
  return `objects/${id.slice(0, 2)}/${id}`;
}

/** What an object's data key is bound to. */
export function objectContext(id: string, repository: string): WrapContext {
  return { "weightvault:object": id, "weightvault:repository": repository };
}

/** The associated data of an object's container: its id as 16 bytes. */
export function aadOf(id: string): Buffer {
  return objectAad(Buffer.from(id.replaceAll("-", ""), "hex"));
}

/**
 * The data key of an object, outside any transaction; the caller wipes it. The repository is the one that was decided on, never the one
 * that the object's row names: a row that was moved into another repository does not open there. Throws `shredded` where the key is gone.
 */
export async function unwrapKey(
  { custodian }: Pick<Vault, "custodian">,
  {
    id,
    wrapped_key: wrapped,
    custodian_key: kek,
  }: Pick<SealedObject, "id" | "wrapped_key" | "custodian_key">,
  repository: string,
): Promise<Secret> {
  if (wrapped === null) throw new Refusal("shredded", "the object was shredded");
  return await custodian.unwrap(wrapped, objectContext(id, repository), kek);
}

/** Verified plaintext bytes `start` to `end` (exclusive) of a sealed object. */
export function readPlaintext(
  { store }: Pick<Vault, "store">,
  object: SealedObject,
  { key, start, end }: { readonly key: Secret; readonly start: number; readonly end: number },
): AsyncIterable<Buffer> {
  if (object.object_bytes === null)
    throw new Refusal("object_corrupt", "the object was never sealed");
  return openRange((from, to) => lend(store.read(objectKey(object.id), { start: from, end: to })), {
    key,
    aad: aadOf(object.id),
    objectBytes: Number(object.object_bytes),
    header: object.header,
    start,
    end,
  });
}

/** Removes the bytes of an object that is `removing`; a failure leaves it so, for the next sweep. */
export async function removeObject(
  { database, store }: Pick<Vault, "database" | "store">,
  id: string,
): Promise<void> {
  const parted = await database.db
    .selectFrom("parted_object")
    .select("object")
    .where("object", "=", id)
    .executeTakeFirst();
  if (parted !== undefined) {
    await store.abandon(objectKey(id));
    await database.db.deleteFrom("object_part").where("object", "=", id).execute();
    await database.db.deleteFrom("direct_part").where("object", "=", id).execute();
  }
  await store.remove(objectKey(id));
  await database.db
    .updateTable("object")
    .set({ state: "removed" })
    .where("id", "=", id)
    .where("state", "=", "removing")
    .execute();
}
