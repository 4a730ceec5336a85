import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { latestOf } from "../ledger/outbox.ts";
import { policyOf } from "./policy.ts";
import type { Tx, Vault } from "./vault.ts";

/** Objects by their ids, or all that a release is about. */
export type Objects = { readonly ids: readonly string[] } | { readonly release: string };

/**
 * Refuses to release an object that does not hold what was declared of it (`digest_refuted`), and one of which that is not known yet
 * (`digest_declared`), unless the operator admits those and the repository's policy does not demand
 * that they be proved. What was found is read from the entries of the objects whose keys were handed out and not from their rows:
 * whoever writes the database proves nothing. Objects that the vault sealed itself have no such entries. Throws as `policyOf` too. Gives how many of them go on the word of
 * who uploaded them.
 */
export async function assertDigests(
  db: Kysely<Schema>,
  { limits }: { readonly limits: Pick<Vault["limits"], "releaseDeclared"> },
  { repository, objects }: { readonly repository: string; readonly objects: Objects },
): Promise<number> {
  const handed = await handedOut(db, objects);
  if (handed.length === 0) return 0;
  const { requireProved } = await policyOf(db, repository);
  const latest = await latestOf(db, handed);
  const of = (isIt: (kind: string | undefined) => boolean) =>
    handed.filter((object) => isIt(latest.get(object)?.kind));
  refuse(
    "digest_refuted",
    of((kind) => kind === "object.refuted"),
  );
  const declared = of((kind) => kind !== "object.proved");
  if (requireProved || limits.releaseDeclared === "refuse") refuse("digest_declared", declared);
  return declared.length;
}

/** One is enough for a verifier, and what is named has to fit into an entry. */
const mostNamed = 500;

/** Those of a new revision's objects that hold what they do on their uploader's word yet, the first of many. */
export async function declaredOf(tx: Tx, ids: readonly string[]): Promise<readonly string[]> {
  const handed = await handedOut(tx, { ids });
  if (handed.length === 0) return [];
  const latest = await latestOf(tx, handed);
  return handed
    .filter((object) => latest.get(object)?.kind !== "object.proved")
    .toSorted()
    .slice(0, mostNamed);
}

function refuse(code: "digest_refuted" | "digest_declared", objects: readonly string[]): void {
  if (objects.length === 0) return;
  const many = objects.length === 1 ? "one file" : `${objects.length} files`;
  const message =
    code === "digest_refuted"
      ? `${many} of those asked for were found to hold other bytes than declared`
      : `the vault has not read yet what ${many} of those asked for hold`;
  throw new Refusal(code, message, { members: { objects: objects.slice(0, 100) } });
}

async function handedOut(db: Kysely<Schema>, objects: Objects): Promise<readonly string[]> {
  const wanted: RawBuilder<unknown> =
    "ids" in objects
      ? sql`select unnest(${[...new Set(objects.ids)]}::uuid[])`
      : sql`select object from release_object where release = ${objects.release}::uuid`;
  const { rows } = await sql<{ object: string }>`
    select distinct subject as object from ledger_submission where subject in (${wanted})
    and kind in ('upload.key-released', 'object.declared', 'object.proved', 'object.refuted')`.execute(
    db,
  );
  return rows.map(({ object }) => object);
}
