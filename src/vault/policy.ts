import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { isRefusal, Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { newestOf } from "../ledger/outbox.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs } from "./caller.ts";
import { lockRepository } from "./lock-repository.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { actedBy } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

/** What a repository demands of its releases beyond what the vault demands of all. */
export type RepositoryPolicy = {
  /** No file is released before the vault has read it and proved its digest, whatever the vault's own setting admits. */
  readonly requireProved: boolean;
  /** Counts the changes; 0 where nobody set one. */
  readonly version: number;
  /** The officer behind the newest change. */
  readonly setBy: string | null;
  readonly setAt: Date | null;
};

const unset: RepositoryPolicy = { requireProved: false, version: 0, setBy: null, setAt: null };

/**
 * Sets a repository's policy. One officer makes it stricter at once, and every decision and recheck from its commit on is held to it; another officer than the
 * one who did makes it less strict. What is so already leaves no entry. Throws `not_found`, `two_person_rule` and `record_tampered`.
 */
export async function setPolicy(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  { requireProved, ...named }: RepositoryName & Pick<RepositoryPolicy, "requireProved">,
): Promise<RepositoryPolicy> {
  const { id } = await findRepository(vault.database.db, named);
  return await recordAs(vault, caller, async (tx) => {
    // Every decision and recheck shares these locks, and reads the policy after it has them.
    await lockRepository(tx, id);
    const present = await policyOf(tx, id);
    if (present.requireProved === requireProved) return present;
    if (!requireProved && present.setBy === caller.person)
      throw new Refusal(
        "two_person_rule",
        "a policy is made less strict by another officer than the one who made it strict",
      );
    const { person } = caller;
    const next = { requireProved, version: present.version + 1, setBy: person, setAt: vault.now() };
    await insert(tx, caller, { repository: id, next });
    return next;
  });
}

/**
 * The policy in force of a repository; the least strict one where nobody set any. Throws `record_tampered` where its rows differ from its newest
 * entry: whoever edits, removes or adds a row makes nothing of declared origin releasable. Who calls it holds a lock that `setPolicy` takes.
 */
export async function policyOf(db: Kysely<Schema>, repository: string): Promise<RepositoryPolicy> {
  const row = await db
    .selectFrom("repository_policy")
    .selectAll()
    .where("repository", "=", repository)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  const recorded = await newestOf(db, { subject: repository, kind: "repository.policy-set" });
  if (row === undefined && recorded === null) return unset;
  const isAsRecorded =
    recorded !== null &&
    row?.submission === recorded.id &&
    recorded.body["repository"] === repository &&
    recorded.body["requireProved"] === row.require_proved &&
    recorded.body["version"] === row.version &&
    recorded.body["person"] === row.set_by &&
    recorded.time.getTime() === row.set_at.getTime();
  if (!isAsRecorded)
    throw new Refusal(
      "record_tampered",
      "the repository's policy differs from its latest ledger entry",
      { cause: new Error(`policy of repository ${repository}`) },
    );
  const { require_proved: requireProved, version, set_by: setBy, set_at: setAt } = row;
  return { requireProved, version, setBy, setAt };
}

/** The same for whoever only looks and has no lock: where the row and its entry differ because somebody set it between the two, they are read again. */
export async function readPolicy(
  { database }: Pick<Vault, "database">,
  repository: string,
): Promise<RepositoryPolicy> {
  try {
    return await policyOf(database.db, repository);
  } catch (error) {
    if (!isRefusal(error, "record_tampered")) throw error;
    return await policyOf(database.db, repository);
  }
}

async function insert(
  tx: Tx,
  caller: Caller,
  { repository, next }: { readonly repository: string; readonly next: SetPolicy },
): Promise<void> {
  const { requireProved, version, setBy, setAt } = next;
  const submission = await submit(tx, {
    kind: "repository.policy-set",
    subject: repository,
    time: setAt,
    body: { repository, requireProved, version, person: setBy, ...actedBy(caller) },
  });
  await tx
    .insertInto("repository_policy")
    .values({
      repository,
      version,
      require_proved: requireProved,
      set_by: setBy,
      set_at: setAt,
      submission,
    })
    .execute();
}

type SetPolicy = RepositoryPolicy & { readonly setBy: string; readonly setAt: Date };
