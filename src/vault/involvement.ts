import { type RawBuilder, sql } from "kysely";
import type { RetentionEvent } from "../export-control/retention.ts";
import type { StandingHold } from "./hold.ts";
import type { Tx } from "./vault.ts";

/** What a person still takes part in, in words for an officer; the ids name it. */
export type Standing = { readonly noun: string; readonly id: string };

type Involved = {
  readonly noun: string;
  readonly id: string;
  /** What is still in use keeps the person; null for what is not. */
  readonly standing: boolean;
  readonly what: RetentionEvent["what"];
  readonly at: Date;
};

/**
 * The events that a person's retention is counted from (15 CFR 762.6), over every record that the person figures in: their own, releases to them and
 * to workloads that they answer for with what became known afterwards, the grants and licenses of those, and what they did as an officer. Times
 * of decisions and changes are those of the ledger's submissions, which nothing edits. `standing` is what has not ended.
 */
export async function involvementOf(
  tx: Tx,
  person: string,
  now: Date,
): Promise<{ readonly events: readonly RetentionEvent[]; readonly standing: readonly Standing[] }> {
  const { rows } = await sql<Involved>`
    with mine as (
      select principal.id from principal left join workload on workload.id = principal.workload
      where principal.person = ${person}::uuid or workload.accountable = ${person}::uuid
    ), released as (
      select id, submission, outcome from release where principal in (select id from mine)
      union
      select release.id, release.submission, release.outcome from evidence join release on release.id = evidence.release
      where evidence.person = ${person}::uuid
    ), relied as (
      select license.* from license where id in (select license from release_license where release in (select id from released))
        or ${isNamed(person)}
        or entered_by = ${person}::uuid or activated_by = ${person}::uuid
    )
    select 'release' as noun, null as id, false as standing, 'decision' as what, max(s.time) as at
      from released join ledger_submission as s on s.id = released.submission
    union all
    select 'release', null, false, 'release', max(s.time)
      from released join ledger_submission as s on s.id = released.outcome
    union all
    select 'movement', id::text, false, 'movement', greatest(noted_at, (moved_on || 'T00:00:00Z')::timestamptz)
      from movement where release in (select id from released) or noted_by = ${person}::uuid
    union all
    select 'token', token.id::text, revoked_at is null and expires_at > ${now}, 'change', least(expires_at, coalesce(revoked_at, expires_at))
      from token where principal in (select id from mine)
    union all
    select 'grant', g.id::text, g.state <> 'revoked' and g.valid_until > ${now}, 'termination',
      case when g.state = 'revoked' then greatest(s.time, g.created_at) else greatest(s.time, g.valid_until) end
      from "grant" as g join ledger_submission as s on s.id = g.submission
      where g.principal in (select id from mine) or g.made_by = ${person}::uuid
    union all
    select 'license', l.id::text, l.state <> 'revoked' and l.valid_until >= to_char(${now}::timestamptz at time zone 'UTC', 'YYYY-MM-DD'),
      'termination', case when l.state = 'revoked' then s.time
        else greatest(s.time, (l.valid_until || 'T00:00:00Z')::timestamptz + interval '1 day') end
      from relied as l join ledger_submission as s on s.id = l.submission
    union all
    select 'workload', w.id::text, w.state <> 'revoked', 'change', s.time
      from workload as w join ledger_submission as s on s.id = w.submission where w.accountable = ${person}::uuid
    union all
    select 'classification', c.id::text, c.state <> 'superseded', 'change', s.time
      from classification as c join ledger_submission as s on s.id = c.submission
      where c.proposed_by = ${person}::uuid or c.approved_by = ${person}::uuid
    union all
    select 'override', o.id::text, o.state <> 'withdrawn' and o.valid_until >= to_char(${now}::timestamptz at time zone 'UTC', 'YYYY-MM-DD'),
      'termination', case when o.state = 'withdrawn' then s.time
        else greatest(s.time, (o.valid_until || 'T00:00:00Z')::timestamptz + interval '1 day') end
      from override as o join ledger_submission as s on s.id = o.submission
      where ${person}::uuid in (o.proposed_by, o.approved_by, o.withdrawn_by)
    union all
    select 'hold', h.id::text, h.state = 'placed', 'change', s.time
      from hold as h join ledger_submission as s on s.id = h.submission
      where ${person}::uuid in (h.placed_by, h.lifted_by)
    union all
    select 'person', null, false, 'change', max(s.time) from ledger_submission as s where s.subject = ${person}::uuid`.execute(
    tx,
  );
  const happened = rows.filter((row) => row.at !== null);
  return {
    events: happened.map(({ what, at }) => ({ what, at: new Date(at).toISOString() })),
    standing: happened.filter((row) => row.standing).map(({ noun, id }) => ({ noun, id })),
  };
}

/** The holds among those that stand whose scope the person falls under, now or by any release to them. */
export async function holdsOn(
  tx: Tx,
  person: string,
  holds: readonly StandingHold[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { id, scope, target } of holds) {
    if (scope === "everything" || target === null || target === person) found.push(id);
    else if (scope !== "person" && (await figures(tx, person, scope, target))) found.push(id);
  }
  return found;
}

/**
 * The holds among those that stand which keep a repository's weights: on everything, on the repository, and on a license, a person or an entity that
 * any of its allowed releases rested on, was made to, or to a workload of.
 */
export async function holdsOnWeights(
  tx: Tx,
  repository: string,
  holds: readonly StandingHold[],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { id, scope, target } of holds) {
    if (scope === "everything" || target === null || target === repository) found.push(id);
    else if (scope !== "repository" && (await wasReleasedTo(tx, repository, scope, target)))
      found.push(id);
  }
  return found;
}

async function wasReleasedTo(
  tx: Tx,
  repository: string,
  scope: "person" | "entity" | "license",
  target: string,
): Promise<boolean> {
  const rested = {
    person: sql`${target}::uuid in (principal.person, workload.accountable)`,
    entity: sql`workload.entity = ${target}::uuid`,
    license: sql`exists (select from release_license where release_license.release = release.id and license = ${target}::uuid)`,
  };
  const { rows } = await sql<{ does: boolean }>`select exists (
    select from release join principal on principal.id = release.principal left join workload on workload.id = principal.workload
    where release.repository = ${repository}::uuid and release.verdict = 'allow' and ${rested[scope]}) as does`.execute(
    tx,
  );
  return rows[0]?.does !== false;
}

async function figures(
  tx: Tx,
  person: string,
  scope: "entity" | "repository" | "license",
  target: string,
): Promise<boolean> {
  const mine = sql`select principal.id from principal left join workload on workload.id = principal.workload
    where principal.person = ${person}::uuid or workload.accountable = ${person}::uuid`;
  const released = sql`select release.id from release where principal in (${mine})`;
  const claims = {
    entity: sql`exists (select from workload where accountable = ${person}::uuid and entity = ${target}::uuid)`,
    repository: sql`exists (select from release where repository = ${target}::uuid and principal in (${mine}))
      or exists (select from "grant" where repository = ${target}::uuid and (principal in (${mine}) or made_by = ${person}::uuid))
      or exists (select from classification where repository = ${target}::uuid and ${person}::uuid in (proposed_by, approved_by))
      or exists (select from repository where id = ${target}::uuid and created_by in (${mine}))
      or exists (select from revision where repository = ${target}::uuid and created_by in (${mine}))`,
    license: sql`exists (select from release_license where license = ${target}::uuid and release in (${released}))
      or exists (select from license where id = ${target}::uuid and (${person}::uuid in (entered_by, activated_by)
        or ${isNamed(person)}))`,
  };
  const { rows } = await sql<{ does: boolean }>`select (${claims[scope]}) as does`.execute(tx);
  return rows[0]?.does !== false;
}

/** Whether a row of `license` names the person, or a workload that they answer for. */
function isNamed(person: string): RawBuilder<boolean> {
  return sql<boolean>`(coalesce(jsonb_exists(scope->'parties'->'persons', ${person}), false) or exists (
    select from workload where accountable = ${person}::uuid and coalesce(jsonb_exists(scope->'parties'->'workloads', workload.id::text), false)))`;
}
