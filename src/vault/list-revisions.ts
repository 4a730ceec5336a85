import type { Caller } from "../identity/authenticate.ts";
import { findVisibleRepository, type RepositoryName } from "./repository.ts";
import { findRevision, type Manifest, manifestOf, type Revision } from "./revision.ts";
import type { Vault } from "./vault.ts";

export type ReadRevision = { readonly revision: string; readonly manifest: Manifest };

const listLimit = 1_000;

/** The newest thousand revisions of a repository that the caller may know of, newest first. Throws `not_found`. */
export async function listRevisions(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  wanted: RepositoryName,
): Promise<readonly ReadRevision[]> {
  const repository = await findVisibleRepository(vault, caller, wanted);
  const rows = await vault.database.db
    .selectFrom("revision")
    .selectAll()
    .where("repository", "=", repository.id)
    .orderBy("submission", "desc")
    .limit(listLimit)
    .execute();
  return rows.map(opened);
}

/** One revision, by id or `main`, of a repository that the caller may know of. Throws `not_found`. */
export async function readRevision(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  { revision, ...wanted }: RepositoryName & { readonly revision: string },
): Promise<ReadRevision> {
  const repository = await findVisibleRepository(vault, caller, wanted);
  return opened(await findRevision(vault.database.db, repository, revision));
}

function opened(row: Revision): ReadRevision {
  return { revision: row.id, manifest: manifestOf(row) };
}
