import { Refusal } from "../errors.ts";
import type { RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

/** Throws `not_found` unless the upload belongs to the repository that the caller named beside it. */
export async function assertUploadIn(
  { database }: Pick<Vault, "database">,
  { namespace, name }: RepositoryName,
  upload: string,
): Promise<void> {
  const row = await database.db
    .selectFrom("upload")
    .innerJoin("repository", "repository.id", "upload.repository")
    .select("upload.id")
    .where("upload.id", "=", upload)
    .where("repository.namespace", "=", namespace)
    .where("repository.name", "=", name)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "the repository has no such upload");
}
