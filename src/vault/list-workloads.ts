import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Vault } from "./vault.ts";

/** A workload and the principal that its tokens belong to. */
export type WorkloadRow = Selectable<Schema["workload"]> & { readonly principal: string };

/** All workloads, oldest first. */
export async function listWorkloads({
  database,
}: Pick<Vault, "database">): Promise<readonly WorkloadRow[]> {
  return await rows(database.db).orderBy("workload.created_at").orderBy("workload.id").execute();
}

/** One workload. Throws `not_found`. */
export async function readWorkload(
  { database }: Pick<Vault, "database">,
  id: string,
): Promise<WorkloadRow> {
  const row = await rows(database.db).where("workload.id", "=", id).executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such workload");
  return row;
}

function rows(db: Kysely<Schema>) {
  return db
    .selectFrom("workload")
    .innerJoin("principal", "principal.workload", "workload.id")
    .selectAll("workload")
    .select("principal.id as principal");
}
