import { createHash } from "node:crypto";
import { sql } from "kysely";
import { transact } from "../database/transact.ts";
import type { EntryKind } from "../ledger/submit.ts";
import type { Reviewer } from "./review-grant.ts";
import { secondsAfter, type Tx } from "./vault.ts";

/** Which grants an entry calls for, by the noun of its kind and what it is about. */
const reaches = {
  grant: sql<boolean>`g.id = any(${sql.id("changed", "subjects")})`,
  person: sql<boolean>`p.person = any(${sql.id("changed", "subjects")}) or w.accountable = any(${sql.id("changed", "subjects")})`,
  workload: sql<boolean>`w.id = any(${sql.id("changed", "subjects")})`,
  entity: sql<boolean>`w.entity = any(${sql.id("changed", "subjects")})`,
  classification: sql<boolean>`g.repository in (select repository from classification where id = any(${sql.id("changed", "subjects")}))`,
} as const;

type Scoped = keyof typeof reaches;

const standing = ["suspended", "reinstated", "revoked"] as const;
const changes = ["updated", ...standing] as const;

/** The entries that can change a decision about a grant, besides those of releases. */
const callingKinds: readonly EntryKind[] = [
  "grant.made",
  "grant.reinstated",
  "classification.proposed",
  "classification.approved",
  ...changes.map((verb): EntryKind => `person.${verb}`),
  ...changes.map((verb): EntryKind => `workload.${verb}`),
  ...changes.map((verb): EntryKind => `entity.${verb}`),
  "license.activated",
  "license.updated",
  ...standing.map((verb): EntryKind => `license.${verb}`),
  "override.approved",
  "override.withdrawn",
];

const entriesAtOnce = 5_000;
const sweepSeconds = 86_400;
const rememberSeconds = 3_600;
const refreshSeconds = 600;

/**
 * Looks at what changed since the last look and calls for the grants that it can reach: the ledger's new entries, another shipped rulebook, list
 * or set of sites than any node had within the hour, and a day gone by, since dates pass without an entry. Entries are taken by their index,
 * which only grows, and never by the submission's id, which a late committer can undercut. Every step is one transaction: a node that dies
 * between two leaves nothing out.
 */
export async function callForGrants(vault: Reviewer): Promise<void> {
  await transact(vault.database.db, async (tx) => {
    const now = vault.now();
    await sql`select from redecision for update`.execute(tx);
    const { swept_at } = await tx
      .selectFrom("redecision")
      .select("swept_at")
      .executeTakeFirstOrThrow();
    const isNew = await noticeSettings(tx, vault, now);
    const isDue = swept_at === null || swept_at <= secondsAfter(now, -sweepSeconds);
    if (!isNew && !isDue) return;
    await callForAll(tx);
    await tx.updateTable("redecision").set({ swept_at: now }).execute();
  });
  while (await noticeEntries(vault));
}

/** Whether the rulebook, the list or the sites with the store's country are others than any node had of late; values in use are refreshed now and then. */
async function noticeSettings(
  tx: Tx,
  { rulebook, screening, sites, storeCountry }: Reviewer,
  now: Date,
): Promise<boolean> {
  const values = {
    rulebook: rulebook.digest,
    list: screening()?.list.digest ?? "none",
    sites: createHash("sha256")
      .update(
        JSON.stringify([
          storeCountry,
          ...sites.map(({ name, country }) => `${name} ${country}`).sort(),
        ]),
      )
      .digest("hex"),
  } as const;
  let isNew = false;
  for (const what of ["rulebook", "list", "sites"] as const) {
    const value = values[what];
    const seen = await tx
      .selectFrom("redecision_seen")
      .select("seen_at")
      .where("what", "=", what)
      .where("value", "=", value)
      .executeTakeFirst();
    const isKnown = seen !== undefined && seen.seen_at > secondsAfter(now, -rememberSeconds);
    isNew ||= !isKnown;
    if (isKnown && seen.seen_at > secondsAfter(now, -refreshSeconds)) continue;
    await tx
      .insertInto("redecision_seen")
      .values({ what, value, seen_at: now })
      .onConflict((conflict) => conflict.columns(["what", "value"]).doUpdateSet({ seen_at: now }))
      .execute();
  }
  return isNew;
}

/** Takes the next entries; false when there are no more. */
async function noticeEntries({ database }: Reviewer): Promise<boolean> {
  return await transact(database.db, async (tx) => {
    await sql`select from redecision for update`.execute(tx);
    const { next_index: from } = await tx
      .selectFrom("redecision")
      .select("next_index")
      .executeTakeFirstOrThrow();
    const { rows } = await sql<{ end: bigint | null }>`
      select max(index) + 1 as end from (select index from ledger_entry where index >= ${from} order by index limit ${entriesAtOnce}) as next`.execute(
      tx,
    );
    const end = rows[0]?.end ?? null;
    if (end === null) return false;
    const entries = await tx
      .selectFrom("ledger_entry")
      .innerJoin("ledger_submission", "ledger_submission.id", "ledger_entry.submission")
      .select(["ledger_submission.kind", "ledger_submission.subject"])
      .where("ledger_entry.index", ">=", from)
      .where("ledger_entry.index", "<", end)
      .where("ledger_submission.kind", "in", [...callingKinds])
      .execute();
    await callFor(tx, entries);
    await tx.updateTable("redecision").set({ next_index: end }).execute();
    return end - from >= BigInt(entriesAtOnce);
  });
}

async function callFor(
  tx: Tx,
  entries: readonly { readonly kind: string; readonly subject: string | null }[],
): Promise<void> {
  const byNoun = new Map<string, Set<string>>();
  for (const { kind, subject } of entries) {
    const [noun = ""] = kind.split(".");
    const subjects = byNoun.get(noun) ?? new Set();
    byNoun.set(noun, subjects.add(subject ?? ""));
  }
  // A license may be open to anybody, and an override reaches every item of its entry.
  if (byNoun.has("license") || byNoun.has("override")) return await callForAll(tx);
  for (const [noun, subjects] of byNoun) {
    if (isScoped(noun)) await callForReached(tx, noun, [...subjects]);
  }
}

function isScoped(noun: string): noun is Scoped {
  return Object.hasOwn(reaches, noun);
}

/** Only the review's own rows are written and locked here, however many grants there are. */
async function callForReached(tx: Tx, noun: Scoped, subjects: readonly string[]): Promise<void> {
  await sql`
    insert into grant_review ("grant", called)
    select g.id, 1 from (select ${subjects}::uuid[] as subjects) as changed
      cross join "grant" as g join principal as p on p.id = g.principal left join workload as w on w.id = p.workload
    where g.state in ('active', 'suspended') and (${reaches[noun]})
    order by g.id
    on conflict ("grant") do update set called = grant_review.called + 1, retry_at = null`.execute(
    tx,
  );
}

async function callForAll(tx: Tx): Promise<void> {
  await sql`
    insert into grant_review ("grant", called)
    select id, 1 from "grant" where state in ('active', 'suspended') order by id
    on conflict ("grant") do update set called = grant_review.called + 1, retry_at = null`.execute(
    tx,
  );
}
