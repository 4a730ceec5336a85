import { Refusal } from "../errors.ts";
import { objectBytes } from "../floe/layout.ts";
import type { Caller } from "../identity/authenticate.ts";
import { objectKey } from "./object.ts";
import type { Vault } from "./vault.ts";

/** An object of a delivered release, as it lies in the store. */
export type SealedBytes = {
  readonly sizeBytes: number;
  /** The ciphertext from `start` to `end` (exclusive). */
  readonly read: (range: { readonly start: number; readonly end: number }) => AsyncIterable<Buffer>;
};

/** The size of the object that a file of this size is sealed in. */
export function sealedBytes(fileBytes: number): number {
  return objectBytes(fileBytes);
}

/**
 * The ciphertext that belongs to enclosed keys. It says nothing without them, and yet only the principal whose release was delivered
 * gets it, for the objects of that release and for as long as it lasts. Throws `not_found`, and `release_stopped` when its time is over.
 */
export async function readSealed(
  vault: Pick<Vault, "database" | "store" | "now">,
  caller: Caller,
  wanted: DeliveredObject,
): Promise<SealedBytes> {
  const { sizeBytes } = await findDelivered(vault, caller, wanted);
  const key = objectKey(wanted.object);
  return { sizeBytes, read: ({ start, end }) => vault.store.read(key, { start, end }) };
}

export type DeliveredObject = { readonly release: string; readonly object: string };

/** An object of a release whose keys were delivered to the caller. Throws as `readSealed`. */
export async function findDelivered(
  { database, now }: Pick<Vault, "database" | "now">,
  caller: Caller,
  { release, object }: DeliveredObject,
): Promise<{ readonly sizeBytes: number; readonly expiresAt: Date }> {
  const row = await database.db
    .selectFrom("release")
    .innerJoin("release_object", "release_object.release", "release.id")
    .innerJoin("object", "object.id", "release_object.object")
    .select(["object.object_bytes", "object.shredding", "release.expires_at"])
    .where("release.id", "=", release)
    .where("release.principal", "=", caller.principal)
    .where("release.way", "=", "enclosed")
    .where("release.state", "=", "delivered")
    .where("release_object.object", "=", object)
    .executeTakeFirst();
  if (row === undefined)
    throw new Refusal("not_found", "there is no such object in a release delivered to you");
  if (row.shredding !== null) throw new Refusal("shredded", "the object was shredded");
  if (row.expires_at <= now())
    throw new Refusal("release_stopped", "the time of the release is over");
  return { sizeBytes: Number(row.object_bytes), expiresAt: row.expires_at };
}
