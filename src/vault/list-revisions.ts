import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { findRevision, type Manifest, manifestOf } from "./find-revision.ts";
import { findVisibleRepository, type RepositoryName } from "./repository.ts";
import type { Vault } from "./vault.ts";

export type ReadRevision = { readonly revision: string; readonly manifest: Manifest };

/** A revision without its files. */
export type RevisionOutline = Pick<Manifest, "parent" | "message" | "createdAt"> & {
  readonly revision: string;
};

export type RevisionPage = RepositoryName & {
  readonly limit: number;
  /** The revision that the page goes on after, back in time; null for the newest. */
  readonly before: string | null;
};

/**
 * A page of the revisions of a repository that the caller may know of, newest first. Each manifest is checked against its revision's
 * id, and none is held beside another: one of ten thousand files has megabytes. Throws `not_found`.
 */
export async function listRevisions(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  { limit, before, ...wanted }: RevisionPage,
): Promise<readonly RevisionOutline[]> {
  const { db } = vault.database;
  const repository = await findVisibleRepository(vault, caller, wanted);
  let rows = db
    .selectFrom("revision")
    .select("id")
    .where("repository", "=", repository.id)
    .orderBy("submission", "desc")
    .limit(limit);
  if (before !== null)
    rows = rows.where("submission", "<", await placeOf(db, repository.id, before));
  const outlines: RevisionOutline[] = [];
  for (const { id } of await rows.execute())
    outlines.push(outlineOf(await openRevision(db, repository, id)));
  return outlines;
}

/** One revision, by id or `main`, of a repository that the caller may know of. Throws `not_found`. */
export async function readRevision(
  vault: Pick<Vault, "database" | "now">,
  caller: Caller,
  { revision, ...wanted }: RepositoryName & { readonly revision: string },
): Promise<ReadRevision> {
  const repository = await findVisibleRepository(vault, caller, wanted);
  return await openRevision(vault.database.db, repository, revision);
}

async function openRevision(
  db: Kysely<Schema>,
  repository: { readonly id: string; readonly head: string | null },
  name: string,
): Promise<ReadRevision> {
  const row = await findRevision(db, repository, name);
  return { revision: row.id, manifest: manifestOf(row) };
}

function outlineOf({ revision, manifest }: ReadRevision): RevisionOutline {
  const { parent, message, createdAt } = manifest;
  return { revision, parent, message, createdAt };
}

/** Revisions have the order of their ledger submissions. */
async function placeOf(db: Kysely<Schema>, repository: string, revision: string) {
  const row = await db
    .selectFrom("revision")
    .select("submission")
    .where("repository", "=", repository)
    .where("id", "=", revision)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such revision to go on from");
  return row.submission;
}
