import { createHash, randomUUID } from "node:crypto";
import { sql } from "kysely";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { restorableUntil } from "./backups.ts";
import { assertCallerStands } from "./caller.ts";
import { listDigest } from "./decide.ts";
import { holdHolds } from "./hold.ts";
import { holdsOnWeights } from "./involvement.ts";
import { lockRepository } from "./lock-repository.ts";
import { assertProposed } from "./proposal.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { actedBy } from "./row.ts";
import { assertNotShredded } from "./shredded.ts";
import { record, type Tx, type Vault } from "./vault.ts";

type Shredder = Pick<Vault, "database" | "ledger" | "now" | "limits">;

/** One object of a repository, or null for the whole of it. */
export type ShredTarget = RepositoryName & { readonly object: string | null };

export type Shredded = {
  readonly repository: string;
  readonly objects: number;
  readonly bytes: bigint;
  /** Of one object: every revision of the repository that has it, all of which lose it. Of a repository: none is listed. */
  readonly revisions: readonly string[];
  readonly restorableUntil: string;
};

/** What fits into one entry. */
const anEntry = 300;

/**
 * One officer proposes to shred an object or a repository; nothing is destroyed yet. The answer says how much it is, and which revisions share
 * an object. Throws `not_found`, `shredded`, `record_held` and `backup_retention_unstated`.
 */
export async function proposeShredding(
  vault: Shredder,
  caller: Caller,
  target: ShredTarget,
): Promise<Shredded & { readonly shredding: string }> {
  const shredding = randomUUID();
  const found = await findRepository(vault.database.db, target);
  return await record(vault, async (tx) => {
    const doomed = await assertShreddable(tx, vault, caller, { id: found.id, ...target });
    const { repository, restorableUntil: until } = doomed;
    await submit(tx, {
      kind: "shredding.proposed",
      subject: shredding,
      time: vault.now(),
      body: {
        shredding,
        repository,
        object: target.object,
        ...actedBy(caller),
        person: caller.person,
        restorableUntil: until,
      },
    });
    return { shredding, ...outline(doomed) };
  });
}

/**
 * Another officer approves, and in the same transaction the wrapped keys are gone from the database, with `shredding.approved` and what was
 * destroyed in the ledger: without its key no copy of an object opens. What is there by now is shredded, and all that the proposal was held to is looked at again.
 * The sweeper removes the bytes. Manifests, decisions and evidence stay (15 CFR 762.6). A shredded repository takes no more uploads. Throws as
 * `proposeShredding`, `two_person_rule` to the proposer, `conflict` for a proposal that is too old.
 */
export async function approveShredding(
  vault: Shredder,
  caller: Caller,
  { shredding, ...target }: ShredTarget & { readonly shredding: string },
): Promise<Shredded> {
  const found = await findRepository(vault.database.db, target);
  return await record(vault, async (tx) => {
    const doomed = await assertShreddable(tx, vault, caller, { id: found.id, ...target });
    const { repository, scope, objects } = doomed;
    const of = { repository, object: target.object };
    await assertProposed(tx, vault, caller, { what: "shredding", id: shredding, of });
    const now = vault.now();
    const common = {
      shredding,
      repository,
      ...actedBy(caller),
      person: caller.person,
      scope,
      restorableUntil: doomed.restorableUntil,
    };
    await submit(tx, {
      kind: "shredding.approved",
      subject: shredding,
      time: now,
      body: {
        ...common,
        object: target.object,
        count: objects.length,
        bytes: bytesOf(doomed).toString(),
        sha256: createHash("sha256")
          .update(canonicalJson([...objects]))
          .digest("hex"),
      },
    });
    for (const part of partsOf(doomed))
      await submit(tx, {
        kind: "repository.shredded",
        subject: repository,
        time: now,
        body: { ...common, ...part },
      });
    await destroy(tx, shredding, doomed);
    return outline(doomed);
  });
}

type Doomed = {
  readonly repository: string;
  readonly scope: "object" | "repository";
  /** By their ids; null digests and sizes are those of uploads that never came to an end. */
  readonly objects: readonly { readonly object: string; readonly sha256: string | null }[];
  readonly sizes: readonly bigint[];
  readonly revisions: readonly { readonly revision: string; readonly files: number }[];
  /** The digest that a release of the object alone has for its list, for each path that it was committed under. */
  readonly lists: readonly string[];
  readonly restorableUntil: string;
};

/**
 * The locks, in their order: holds, against being placed; the caller; open uploads, against a commit; the repository, against a commit and a new
 * classification; its classifications, which every decision and recheck of a release shares; the objects.
 */
async function assertShreddable(
  tx: Tx,
  vault: Shredder,
  caller: Caller,
  { id, object }: { readonly id: string; readonly object: string | null },
): Promise<Doomed> {
  const now = vault.now();
  const holds = await holdHolds(tx);
  await assertCallerStands(tx, caller, now);
  const until = restorableUntil(now, vault.limits.backupRetentionDays);
  if (until === null)
    throw new Refusal(
      "backup_retention_unstated",
      "nobody stated until when a backup of the database could restore the keys",
    );
  await lockRepository(tx, id);
  await assertNotShredded(tx, id, () => (object === null ? [] : [object]));
  const holding = await holdsOnWeights(tx, id, holds);
  if (holding.length > 0)
    throw new Refusal("record_held", "holds forbid to destroy these weights", {
      members: { holds: holding },
    });
  let chosen = tx
    .selectFrom("object")
    .select(["id", "sha256", "size_bytes"])
    .where("repository", "=", id)
    .where("wrapped_key", "is not", null)
    .orderBy("id")
    .forUpdate();
  if (object !== null) chosen = chosen.where("id", "=", object);
  const rows = await chosen.execute();
  if (object !== null && rows.length === 0)
    throw new Refusal("not_found", "the repository has no such object");
  return {
    repository: id,
    scope: object === null ? "repository" : "object",
    objects: rows.map((row) => ({ object: row.id, sha256: row.sha256?.toString("hex") ?? null })),
    sizes: rows.map(({ size_bytes }) => BigInt(size_bytes ?? 0n)),
    ...(await sharedBy(tx, id, object)),
    restorableUntil: until,
  };
}

/** The revisions that have an object, and the lists that a release of it alone has. */
async function sharedBy(
  tx: Tx,
  repository: string,
  object: string | null,
): Promise<Pick<Doomed, "revisions" | "lists">> {
  if (object === null) return { revisions: [], lists: [] };
  const files = await tx
    .selectFrom("revision_file")
    .select(["path", "size_bytes", "sha256"])
    .distinct()
    .where("repository", "=", repository)
    .where("object", "=", object)
    .orderBy("path")
    .execute();
  const { rows } = await sql<{ revision: string; files: string | bigint | number }>`
    select revision, count(*) as files from revision_file where repository = ${repository}::uuid and revision in (
      select revision from revision_file where repository = ${repository}::uuid and object = ${object}::uuid)
    group by revision order by revision`.execute(tx);
  return {
    revisions: rows.map((row) => ({ revision: row.revision, files: Number(row.files) })),
    lists: files.map(({ path, size_bytes, sha256 }) =>
      listDigest([
        { path, size: Number(size_bytes), sha256: sha256.toString("hex"), object },
      ]).toString("hex"),
    ),
  };
}

/** The lists, cut so that each part fits into an entry; one part at least, since a repository may be empty. */
function partsOf({ objects, revisions, lists }: Doomed) {
  const longest = Math.max(objects.length, revisions.length, lists.length);
  const count = Math.max(1, Math.ceil(longest / anEntry));
  return Array.from({ length: count }, (_, part) => {
    const cut = <Item>(list: readonly Item[]) => list.slice(part * anEntry, (part + 1) * anEntry);
    return { objects: cut(objects), revisions: cut(revisions), lists: cut(lists) };
  });
}

/** What is in the store goes with the next sweep; an upload that is under way finds its object gone. */
async function destroy(tx: Tx, shredding: string, { repository, scope, objects }: Doomed) {
  if (scope === "repository")
    await tx
      .updateTable("upload")
      .set({ state: "aborted" })
      .where("repository", "=", repository)
      .where("state", "=", "open")
      .execute();
  for (let at = 0; at < objects.length; at += 1_000)
    await tx
      .updateTable("object")
      .set({
        wrapped_key: null,
        shredding,
        state: sql`case when state = 'removed' then 'removed' else 'removing' end`,
      })
      .where(
        "id",
        "in",
        objects.slice(at, at + 1_000).map(({ object }) => object),
      )
      .execute();
}

function outline(doomed: Doomed): Shredded {
  const { repository, objects, revisions, restorableUntil: until } = doomed;
  return {
    repository,
    objects: objects.length,
    bytes: bytesOf(doomed),
    revisions: revisions.map(({ revision }) => revision),
    restorableUntil: until,
  };
}

function bytesOf({ sizes }: Pick<Doomed, "sizes">): bigint {
  return sizes.reduce((sum, size) => sum + size, 0n);
}
