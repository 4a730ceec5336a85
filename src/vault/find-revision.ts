import { createHash } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { submittedAs } from "../ledger/outbox.ts";
import type { Lineage } from "../lineage/form.ts";

export type ManifestFile = {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly object: string;
};

/** The immutable content of a revision. Its canonical bytes are stored, and the revision's id is made of them. */
export type Manifest = {
  readonly repository: string;
  readonly parent: string | null;
  readonly message: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly files: readonly ManifestFile[];
  /** Absent where none was stated, so that what was committed before keeps its bytes and its id. */
  readonly lineage?: Lineage;
};

export type Revision = Selectable<Schema["revision"]>;

/** A revision by its id, or the head by `main`. Throws `not_found`. */
export async function findRevision(
  db: Kysely<Schema>,
  repository: { readonly id: string; readonly head: string | null },
  name: string,
): Promise<Revision> {
  const id = name === "main" ? repository.head : name;
  const row =
    id === null
      ? undefined
      : await db
          .selectFrom("revision")
          .selectAll()
          .where("repository", "=", repository.id)
          .where("id", "=", id)
          .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such revision");
  await assertCommitted(db, row);
  return row;
}

/** A revision stands by the entry of its commit, in this repository and with these bytes: a row that was slipped in has none. */
async function assertCommitted(db: Kysely<Schema>, row: Revision): Promise<void> {
  const entry = await submittedAs(db, { id: row.submission, subject: row.repository });
  const body = entry?.kind === "revision.committed" ? entry.body : null;
  const digest = createHash("sha256").update(row.manifest).digest("hex");
  if (body?.["revision"] === row.id && body["manifest"] === digest) return;
  throw new Refusal("record_tampered", "the revision differs from its ledger entry");
}

/** The manifest as it was committed. Throws `record_tampered` where its bytes are not those that the revision's id is made of. */
export function manifestOf({ id, manifest }: Pick<Revision, "id" | "manifest">): Manifest {
  const digest = createHash("sha256").update(manifest).digest("hex");
  if (!digest.startsWith(id))
    throw new Refusal("record_tampered", "a revision's manifest is not the one that was committed");
  return JSON.parse(manifest.toString("utf8")) as Manifest;
}
