import { randomUUID } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isUniqueViolation } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { repositoryName } from "./name.ts";
import { actedBy } from "./row.ts";
import type { Vault } from "./vault.ts";

export type RepositoryName = { readonly namespace: string; readonly name: string };
export type Repository = Selectable<Schema["repository"]>;

/** Makes an empty repository, unclassified: nothing of it can be released before two officers classify it. */
export async function createRepository(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  { namespace, name }: RepositoryName,
): Promise<{ readonly repository: string }> {
  const [id, now] = [randomUUID(), vault.now()];
  const row = {
    id,
    namespace: repositoryName(namespace),
    name: repositoryName(name),
    head: null,
    created_by: caller.principal,
    created_at: now,
  };
  try {
    await recordAs(vault, caller, async (tx) => {
      await submit(tx, {
        kind: "repository.created",
        subject: id,
        time: now,
        body: { repository: id, namespace, name, ...actedBy(caller) },
      });
      await tx.insertInto("repository").values(row).execute();
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Refusal("already_exists", `the repository ${namespace}/${name} exists`, {
      cause: error,
    });
  }
  return { repository: id };
}

/** A repository by its name. Throws `not_found`. */
export async function findRepository(
  db: Kysely<Schema>,
  { namespace, name }: RepositoryName,
): Promise<Repository> {
  const row = await db
    .selectFrom("repository")
    .selectAll()
    .where("namespace", "=", namespace)
    .where("name", "=", name)
    .executeTakeFirst();
  if (row === undefined)
    throw new Refusal("not_found", "there is no such repository, or you may not know of it");
  return row;
}

/** As `findRepository`, for a caller: who only reads knows of the repositories that a grant in force now lets them fetch. */
export async function findVisibleRepository(
  { database, now }: Pick<Vault, "database" | "now">,
  caller: Caller,
  wanted: RepositoryName,
): Promise<Repository> {
  const row = await findRepository(database.db, wanted);
  if (seesEverything(caller)) return row;
  const grant = await grantsInForce(database.db, caller, now())
    .where("repository", "=", row.id)
    .executeTakeFirst();
  if (grant === undefined)
    throw new Refusal("not_found", "there is no such repository, or you may not know of it");
  return row;
}

/** The repositories that a caller may know of now, by name. */
export async function listRepositories(
  { database, now }: Pick<Vault, "database" | "now">,
  caller: Caller,
): Promise<readonly Repository[]> {
  const all = database.db
    .selectFrom("repository")
    .selectAll("repository")
    .orderBy("namespace")
    .orderBy("name")
    .limit(10_000);
  if (seesEverything(caller)) return await all.execute();
  return await all.where("id", "in", grantsInForce(database.db, caller, now())).execute();
}

/** Need to know as a decision takes it: a grant that was revoked, is over or has not begun shows nothing either. */
function grantsInForce(db: Kysely<Schema>, caller: Caller, now: Date) {
  return db
    .selectFrom("grant")
    .select("repository")
    .where("principal", "=", caller.principal)
    .where("state", "=", "active")
    .where("valid_from", "<=", now)
    .where("valid_until", ">", now);
}

function seesEverything(caller: Caller): boolean {
  return ["uploader", "export-officer", "auditor", "operator"].some((role) =>
    caller.roles.has(role),
  );
}
