import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Vault } from "./vault.ts";

export type LicenseRow = Selectable<Schema["license"]>;

/** All licenses in whatever state, newest first. */
export async function listLicenses({
  database,
}: Pick<Vault, "database">): Promise<readonly LicenseRow[]> {
  return await database.db
    .selectFrom("license")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
}

/** One license. Throws `not_found`. */
export async function readLicense(
  { database }: Pick<Vault, "database">,
  id: string,
): Promise<LicenseRow> {
  const row = await database.db
    .selectFrom("license")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such license");
  return row;
}
