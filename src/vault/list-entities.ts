import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Vault } from "./vault.ts";

export type Entity = Selectable<Schema["entity"]>;

/** All entities, oldest first. */
export async function listEntities({
  database,
}: Pick<Vault, "database">): Promise<readonly Entity[]> {
  return await database.db
    .selectFrom("entity")
    .selectAll()
    .orderBy("created_at")
    .orderBy("id")
    .execute();
}

/** One entity. Throws `not_found`. */
export async function readEntity(
  { database }: Pick<Vault, "database">,
  id: string,
): Promise<Entity> {
  const row = await database.db
    .selectFrom("entity")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such entity");
  return row;
}
