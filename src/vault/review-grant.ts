import { type Selectable, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import type { DestinationFacts } from "../export-control/facts.ts";
import { latestOf } from "../ledger/outbox.ts";
import { submit } from "../ledger/submit.ts";
import { redecided } from "../ledger/verify-flags.ts";
import {
  decideHypothetically,
  decideIn,
  type Hypothesis,
  partyOf,
  withPerson,
} from "./hypothetical.ts";
import { type Before, type Judgement, judge, verdictOf } from "./review.ts";
import { actedBy, recordedRow, submitRow } from "./row.ts";
import { keepRulebook, rulebookIn, shareRulebook } from "./rulebook.ts";
import { record, type Tx, type Vault } from "./vault.ts";

export type Reviewer = Pick<
  Vault,
  | "database"
  | "custodian"
  | "ledger"
  | "rulebook"
  | "overridden"
  | "screening"
  | "now"
  | "sites"
  | "storeCountry"
>;

type Grant = Selectable<Schema["grant"]> & { readonly namespace: string; readonly name: string };

/** What re-decision did to a grant, for the log. */
export type RiskEvent = {
  readonly event: "flagged" | "suspended" | "cleared";
  readonly grant: string;
  readonly verdict: "allow" | "deny" | "hold";
  readonly checks: readonly string[];
};

/**
 * Decides one grant again, from every site, and records what it finds: see `judge`. What flips from allow is flagged, what passes again is cleared,
 * and a grant that passed once and passes from no site any more is suspended in the same transaction. A grant about which nothing changed costs no
 * lock and no write but the mark that it was looked at. `called` is the call that this answers.
 */
export async function reviewGrant(
  vault: Reviewer,
  id: string,
  called: bigint,
): Promise<readonly RiskEvent[]> {
  const { db } = vault.database;
  const grant = await findGrant(vault, id);
  if (grant === null || !(await isReviewed(vault, grant))) {
    await answer(vault, id, called);
    return [];
  }
  const hypothesis = await hypothesisOf(vault, grant);
  const decisions = await decideHypothetically(vault, hypothesis);
  const found = decisions.map((each) => verdictOf(each.facts.destination.site ?? "", each));
  const judgement = judge(await readBefore(db, id), found);
  const isSettled = !judgement.isChanged && !(judgement.isLost && grant.state === "active");
  if (isSettled) {
    await answer(vault, id, called);
    return [];
  }
  return await withPerson(vault, hypothesis.party, async (person) =>
    record(vault, async (tx) => {
      await shareRulebook(tx);
      // What is flagged names its rulebook, so that one is kept too.
      await keepRulebook(tx, await rulebookIn(tx, vault), vault.now());
      const locked = await decideIn(tx, vault, { ...hypothesis, person, locks: true });
      return await settle(tx, vault, {
        id,
        called,
        found: locked.map((each) => verdictOf(each.facts.destination.site ?? "", each)),
      });
    }),
  );
}

/** Whether a grant would be suspended again if it was reinstated: it passed once, and passes from no site now. */
export async function wouldBeLost(vault: Reviewer, id: string): Promise<boolean> {
  const grant = await findGrant(vault, id);
  if (grant === null || grant.valid_until <= vault.now()) return false;
  const before = await readBefore(vault.database.db, id);
  const decisions = await decideHypothetically(vault, await hypothesisOf(vault, grant));
  const found = decisions.map((each) => verdictOf(each.facts.destination.site ?? "", each));
  return judge(before, found).isLost;
}

async function findGrant({ database }: Reviewer, id: string): Promise<Grant | null> {
  const row = await database.db
    .selectFrom("grant")
    .innerJoin("repository", "repository.id", "grant.repository")
    .selectAll("grant")
    .select(["repository.namespace", "repository.name"])
    .where("grant.id", "=", id)
    .executeTakeFirst();
  return row ?? null;
}

/** Active grants that are not over, and those that only this suspended: they may pass again. */
async function isReviewed({ database, now }: Reviewer, grant: Grant): Promise<boolean> {
  if (grant.valid_until <= now()) return false;
  if (grant.state !== "suspended") return grant.state === "active";
  const latest = (await latestOf(database.db, [grant.id])).get(grant.id);
  return latest?.body["cause"] === redecided;
}

async function hypothesisOf(vault: Reviewer, grant: Grant): Promise<Hypothesis> {
  const { principal, repository, namespace, name } = grant;
  return {
    party: await partyOf(vault, principal),
    repository: { id: repository, namespace, name },
    destinations: vault.sites.map(destinationOf),
    grant: grant.id,
  };
}

function destinationOf({ name, country }: Vault["sites"][number]): DestinationFacts {
  return { country, basis: "site", site: name };
}

/** What is known of a grant. One that was released under before the first look at it has passed. */
async function readBefore(db: Vault["database"]["db"] | Tx, id: string): Promise<Before> {
  const review = await db
    .selectFrom("grant_review")
    .selectAll()
    .where("grant", "=", id)
    .executeTakeFirst();
  const verdicts = await db
    .selectFrom("grant_verdict")
    .select(["site", "verdict", "checks", "was_allowed"])
    .where("grant", "=", id)
    .execute();
  return {
    wasAllowed: review?.was_allowed === true || (await wasReleased(db, id)),
    sitesAllowing: review?.sites_allowing ?? null,
    isFlagged: (review?.flagged_at ?? null) !== null,
    verdicts,
  };
}

async function wasReleased(db: Vault["database"]["db"] | Tx, id: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (
      select from release where principal = (select principal from "grant" where id = ${id})
        and "grant" = ${id} and verdict = 'allow') as found`.execute(db);
  return rows[0]?.found === true;
}

async function answer({ database, now }: Reviewer, id: string, called: bigint): Promise<void> {
  await database.db
    .updateTable("grant_review")
    .set((row) => ({
      answered: sql<bigint>`greatest(${row.ref("answered")}, ${called})`,
      decided_at: now(),
      retry_at: null,
    }))
    .where("grant", "=", id)
    .execute();
}

/** Writes what was found under the locks of a decision; the rows of a review are locked last. */
async function settle(
  tx: Tx,
  vault: Reviewer,
  {
    id,
    called,
    found,
  }: { readonly id: string; readonly called: bigint; readonly found: Parameters<typeof judge>[1] },
): Promise<readonly RiskEvent[]> {
  const now = vault.now();
  const grant = await tx
    .selectFrom("grant")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  await tx
    .insertInto("grant_review")
    .values({ grant: id, retry_at: null, sites_allowing: null, flagged_at: null, decided_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await sql`select from grant_review where "grant" = ${id} for update`.execute(tx);
  const before = await readBefore(tx, id);
  const judgement = judge(before, found);
  await keepVerdicts(tx, id, judgement, now);
  const events = await tell(tx, { id, judgement, before, now });
  if (judgement.isLost && grant.state === "active") {
    await suspend(tx, grant, now);
    events.push(eventOf("suspended", id, judgement));
  }
  await tx
    .updateTable("grant_review")
    .set((row) => ({
      answered: sql<bigint>`greatest(${row.ref("answered")}, ${called})`,
      decided_at: now,
      retry_at: null,
      was_allowed: judgement.wasAllowed,
      sites_allowing: judgement.sitesAllowing,
      flagged_at: judgement.isFlagged
        ? sql<Date>`coalesce(${row.ref("flagged_at")}, ${now})`
        : null,
    }))
    .where("grant", "=", id)
    .execute();
  return events;
}

async function keepVerdicts(
  tx: Tx,
  grant: string,
  { verdicts }: Judgement,
  now: Date,
): Promise<void> {
  for (const { site, verdict, checks, rulebook, wasAllowed } of verdicts) {
    await tx
      .insertInto("grant_verdict")
      .values({
        grant,
        site,
        verdict,
        checks: JSON.stringify(checks),
        rulebook,
        was_allowed: wasAllowed,
        since: now,
        decided_at: now,
      })
      .onConflict((conflict) =>
        conflict.columns(["grant", "site"]).doUpdateSet({
          verdict,
          checks: JSON.stringify(checks),
          rulebook,
          was_allowed: wasAllowed,
          since: sql<Date>`case when grant_verdict.verdict = ${verdict} then grant_verdict.since else ${now} end`,
          decided_at: now,
        }),
      )
      .execute();
  }
}

/** Entries without a subject: they say nothing of the grant's row, whose latest entry has to stay the latest. */
async function tell(
  tx: Tx,
  {
    id,
    judgement,
    before,
    now,
  }: {
    readonly id: string;
    readonly judgement: Judgement;
    readonly before: Before;
    readonly now: Date;
  },
): Promise<RiskEvent[]> {
  const { verdict, checks, sitesAllowing, isNewlyFlagged, isFlagged, verdicts } = judgement;
  const rulebook = verdicts[0]?.rulebook ?? null;
  if (isNewlyFlagged) {
    const body = {
      grant: id,
      ...actedBy(null),
      verdict,
      checks: [...checks],
      allowing: sitesAllowing,
      rulebook,
    };
    await submit(tx, { kind: "grant.flagged", time: now, body });
    return [eventOf("flagged", id, judgement)];
  }
  if (isFlagged || !before.isFlagged) return [];
  const body = { grant: id, ...actedBy(null), allowing: sitesAllowing, rulebook };
  await submit(tx, { kind: "grant.cleared", time: now, body });
  return [{ event: "cleared", grant: id, verdict: "allow", checks: [] }];
}

function eventOf(
  event: RiskEvent["event"],
  grant: string,
  { verdict, checks }: Judgement,
): RiskEvent {
  return { event, grant, verdict, checks };
}

async function suspend(tx: Tx, grant: Selectable<Schema["grant"]>, now: Date): Promise<void> {
  const row = { ...recordedRow("grant", grant), state: "suspended", version: grant.version + 1 };
  const submission = await submitRow(tx, {
    kind: "grant.suspended",
    row,
    by: null,
    time: now,
    more: { cause: redecided },
  });
  await tx
    .updateTable("grant")
    .set({ state: "suspended", version: row.version, submission })
    .where("id", "=", grant.id)
    .execute();
}
