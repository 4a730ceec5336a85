import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

/** A grant with its repository's name beside the id. */
export type GrantRow = Selectable<Schema["grant"]> & {
  readonly namespace: string;
  readonly name: string;
};

export type GrantFilter = {
  readonly principal: string | null;
  readonly repository: RepositoryName | null;
};

/** The grants of a principal, of a repository, of both or all of them, newest first. Throws `not_found` for an unknown repository. */
export async function listGrants(
  { database }: Pick<Vault, "database">,
  { principal, repository }: GrantFilter,
): Promise<readonly GrantRow[]> {
  let rows = database.db
    .selectFrom("grant")
    .innerJoin("repository", "repository.id", "grant.repository")
    .selectAll("grant")
    .select(["repository.namespace", "repository.name"])
    .orderBy("grant.created_at", "desc")
    .orderBy("grant.id");
  if (principal !== null) rows = rows.where("grant.principal", "=", principal);
  if (repository !== null) {
    const { id } = await findRepository(database.db, repository);
    rows = rows.where("grant.repository", "=", id);
  }
  return await rows.execute();
}
