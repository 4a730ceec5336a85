import { type Selectable, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type {
  ClassificationFacts,
  DestinationFacts,
  EntityFacts,
  Facts,
  GrantFacts,
  License,
  LicenseScope,
  SubjectFacts,
} from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { firstOf } from "../ledger/outbox.ts";
import { assertPrincipalStands, assertTokenStands } from "./caller.ts";
import type { ClassificationAttributes } from "./classification.ts";
import { factsForDecision, type OpenedPerson } from "./person.ts";
import type { Repository } from "./repository.ts";
import { assertAsRecorded, type RecordedRow, recordedClassification, recordedRow } from "./row.ts";
import type { Screening, Tx } from "./vault.ts";

/** Whom a decision is about: a principal, and the natural person who acts or answers for the workload that does. */
export type Party = Pick<Caller, "principal" | "person" | "workload">;

export type FactsRequest = {
  readonly party: Party;
  readonly repository: Pick<Repository, "id" | "namespace" | "name">;
  readonly destination: DestinationFacts;
  /** The country in which the vault's nodes and store stand. */
  readonly storeCountry: string;
  /** The party's person, opened before the transaction. */
  readonly person: OpenedPerson;
  readonly screening: Screening | null;
  readonly now: Date;
  /** Decides on this grant, taken as active, and on licenses as if each had a use left; null for the grant that speaks for the party. */
  readonly grant: string | null;
  /** False only in a transaction that reads one snapshot and writes nothing. */
  readonly locks: boolean;
};

export type GatheredFacts = {
  readonly facts: Facts;
  readonly grant: Selectable<Schema["grant"]> | null;
};

/** The person's facts were changed between opening them and locking the row: the caller opens them again. */
export class PersonMoved extends Error {
  override readonly name = "PersonMoved";
}

/**
 * Locks what a release decision rests on and reads it, in the one order that every transaction keeps: the rulebook (`shareRulebook`, before this is
 * called); repository, grants and licenses for update; classification, person, workload, entity and token for share. Each row is compared with its
 * latest ledger entry. Whoever revokes or changes one of them takes the same lock, so no release commits on what no longer stands.
 */
export async function gatherFacts(
  tx: Tx,
  {
    caller,
    ...request
  }: Omit<FactsRequest, "party" | "grant" | "locks"> & { readonly caller: Caller },
): Promise<GatheredFacts> {
  const gathered = await readFacts(tx, { ...request, party: caller, grant: null, locks: true });
  await assertTokenStands(tx, caller, request.now);
  return gathered;
}

/** The same for a party that asked for nothing, so that no token has to stand. A decision on these facts releases nothing. */
export async function readFacts(tx: Tx, request: FactsRequest): Promise<GatheredFacts> {
  const { party, repository, destination, screening, now, locks } = request;
  if (locks) await sql`select from repository where id = ${repository.id} for share`.execute(tx);
  await assertNamed(tx, repository);
  const grants = await tx
    .selectFrom("grant")
    .selectAll()
    .where("principal", "=", party.principal)
    .where("repository", "=", repository.id)
    .orderBy("id")
    .$if(locks, (query) => query.forUpdate())
    .execute();
  const workload = party.workload === null ? null : await readWorkload(tx, party.workload);
  const licenses = await lockLicenses(tx, request, {
    person: party.person,
    workload: party.workload,
    entity: workload?.entity.id ?? null,
  });
  for (const license of licenses) await assertCounted(tx, license);
  const classification = await lockClassification(tx, request);
  const { subject, parties, rows } = await lockSubject(tx, request);
  await assertPrincipalStands(tx, party);
  const grant =
    request.grant === null
      ? pickGrant(grants, now)
      : (grants.find(({ id }) => id === request.grant) ?? null);
  await assertAsRecorded(tx, [
    ...rows,
    ...(grant === null ? [] : [recordedRow("grant", grant)]),
    ...licenses.map((license) => recordedRow("license", license)),
    ...(classification === null ? [] : [recordedClassification(classification)]),
  ]);
  const facts: Facts = {
    at: now.toISOString(),
    item: {
      repository: `${repository.namespace}/${repository.name}`,
      classification: classification === null ? null : classificationFacts(classification),
    },
    subject,
    grant:
      grant === null
        ? null
        : grantFacts(request.grant === null ? grant : { ...grant, state: "active" }),
    destination,
    departure: { country: request.storeCountry },
    licenses: licenses
      .map(licenseFacts)
      .map((license) => (request.grant === null ? license : withUse(license))),
    screening:
      screening === null
        ? null
        : {
            list: screening.list,
            maxAgeDays: screening.maxAgeDays,
            isTrial: screening.isTrial,
            parties: parties.length,
            screened: parties.filter((names) => screening.isComparable(names)).length,
            matches: screening
              .match(parties.flat())
              .map((match) => ({ ...match, clearedBy: null })),
          },
  };
  return { facts, grant };
}

/** The grant that speaks for the caller: of those in force the one with most bytes left, else the newest, so that the decision can say why not. */
function pickGrant(
  grants: readonly Selectable<Schema["grant"]>[],
  now: Date,
): Selectable<Schema["grant"]> | null {
  const bytesLeft = ({ bytes_allowed, bytes_used }: Selectable<Schema["grant"]>) =>
    bytes_allowed === null ? Number.POSITIVE_INFINITY : Number(bytes_allowed - bytes_used);
  const [inForce] = grants
    .filter(
      (grant) => grant.state === "active" && grant.valid_from <= now && now < grant.valid_until,
    )
    .sort((one, other) =>
      bytesLeft(one) === bytesLeft(other) ? 0 : bytesLeft(other) - bytesLeft(one),
    );
  const [newest] = [...grants].sort(
    (one, other) => other.created_at.getTime() - one.created_at.getTime(),
  );
  return inForce ?? newest ?? null;
}

/** Licenses are scoped by a repository's name, so a repository that was renamed behind the vault must not take another's. Throws `record_tampered`. */
async function assertNamed(
  tx: Tx,
  { id, namespace, name }: FactsRequest["repository"],
): Promise<void> {
  const created = await firstOf(tx, id);
  if (
    created?.kind === "repository.created" &&
    created.body["namespace"] === namespace &&
    created.body["name"] === name
  )
    return;
  throw new Refusal("record_tampered", "the repository's name differs from its ledger entry");
}

/** The counter of a counted license must be what the entries of its releases add up to. Throws `record_tampered`. */
async function assertCounted(tx: Tx, license: Selectable<Schema["license"]>): Promise<void> {
  if (license.releases_allowed === null) return;
  const { rows } = await sql<{ used: number }>`
    select count(*)::int as used from ledger_submission as allowed
    where allowed.kind = 'release.allowed' and allowed_licenses(allowed.body) @> to_jsonb(array[${license.id}::text])
    and not exists (
      select 1 from ledger_submission as ended where ended.subject = allowed.subject and (
        ended.kind = 'release.abandoned' or
        (ended.kind = 'release.failed' and convert_from(ended.body, 'UTF8')::jsonb ->> 'bytes' = '0')))`.execute(
    tx,
  );
  if (rows[0]?.used === license.releases_used) return;
  throw new Refusal("record_tampered", "a license's count of releases differs from the ledger's");
}

async function readWorkload(tx: Tx, id: string) {
  const workload = await tx
    .selectFrom("workload")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirstOrThrow();
  const entity = await tx
    .selectFrom("entity")
    .selectAll()
    .where("id", "=", workload.entity)
    .executeTakeFirstOrThrow();
  return { workload, entity };
}

type Parties = {
  readonly person: string;
  readonly workload: string | null;
  readonly entity: string | null;
};

/** Every license that may speak of this repository and this party, whatever its state. */
async function lockLicenses(
  tx: Tx,
  { repository: { namespace, name }, locks }: FactsRequest,
  { person, workload, entity }: Parties,
) {
  const named = (kind: string, id: string | null) =>
    sql<boolean>`coalesce(jsonb_exists(scope->'parties'->${sql.lit(kind)}, ${id}::text), false)`;
  return await tx
    .selectFrom("license")
    .selectAll()
    .where(
      sql<boolean>`(scope->'repositories' = 'null'::jsonb or jsonb_exists(scope->'repositories', ${`${namespace}/${name}`}::text))`,
    )
    .where((where) =>
      where.or([
        sql<boolean>`scope->'parties' = 'null'::jsonb`,
        named("persons", person),
        named("workloads", workload),
        named("entities", entity),
      ]),
    )
    .orderBy("id")
    .$if(locks, (query) => query.forUpdate())
    .execute();
}

/** The approved classification, else the newest proposal. */
async function lockClassification(tx: Tx, { repository, locks }: FactsRequest) {
  const rows = await tx
    .selectFrom("classification")
    .selectAll()
    .where("repository", "=", repository.id)
    .where("state", "in", ["approved", "proposed"])
    .orderBy("proposed_at", "desc")
    .$if(locks, (query) => query.forShare())
    .execute();
  return rows.find((row) => row.state === "approved") ?? rows[0] ?? null;
}

async function lockSubject(
  tx: Tx,
  { party, person, locks }: FactsRequest,
): Promise<{
  readonly subject: SubjectFacts;
  /** The names of each party behind the subject. */
  readonly parties: readonly (readonly string[])[];
  readonly rows: readonly RecordedRow[];
}> {
  const row = await tx
    .selectFrom("person")
    .selectAll()
    .where("id", "=", party.person)
    .$if(locks, (query) => query.forShare())
    .executeTakeFirstOrThrow();
  if (row.version !== person.version || !row.commitment.equals(person.commitment))
    throw new PersonMoved("the person was changed meanwhile");
  const facts = factsForDecision(person, row.state);
  const names = [person.facts.name, ...person.facts.otherNames];
  if (party.workload === null)
    return {
      subject: { kind: "person", person: facts },
      parties: [names],
      rows: [recordedRow("person", row)],
    };
  const { workload, entity } = await readWorkload(tx, party.workload);
  if (locks) {
    await sql`select from workload where id = ${workload.id} for share`.execute(tx);
    await sql`select from entity where id = ${entity.id} for share`.execute(tx);
  }
  const locked = await readWorkload(tx, party.workload);
  if (locked.workload.accountable !== party.person)
    throw new Refusal("record_tampered", "the workload has another accountable person");
  return {
    subject: {
      kind: "workload",
      workload: {
        id: workload.id,
        state: locked.workload.state,
        accountable: facts,
        entity: entityFacts(locked.entity),
      },
    },
    parties: [names, [locked.entity.name]],
    rows: [
      recordedRow("person", row),
      recordedRow("workload", locked.workload),
      recordedRow("entity", locked.entity),
    ],
  };
}

function classificationFacts(row: Selectable<Schema["classification"]>): ClassificationFacts {
  const stated = row.attributes as unknown as ClassificationAttributes | null;
  return {
    id: row.id,
    state: row.state,
    jurisdiction: row.jurisdiction as ClassificationFacts["jurisdiction"],
    eccn: row.eccn,
    paragraph: row.paragraph,
    basis: row.basis,
    form: stated?.form ?? null,
    published: stated?.published ?? null,
    statements: stated?.statements ?? null,
    computer: stated?.computer ?? null,
    determination: stated?.determination ?? null,
    regimes: stated?.regimes ?? null,
    proposedBy: row.proposed_by,
    approvedBy: row.approved_by,
  };
}

function grantFacts(row: Selectable<Schema["grant"]>): GrantFacts {
  return {
    id: row.id,
    state: row.state,
    purpose: row.purpose,
    validFrom: row.valid_from.toISOString(),
    validUntil: row.valid_until.toISOString(),
  };
}

function entityFacts(row: Selectable<Schema["entity"]>): EntityFacts {
  const { id, state, country, headquarters, ownership } = row;
  return {
    id,
    state,
    country,
    headquarters,
    ultimateParentHeadquarters: row.ultimate_parent_headquarters,
    ownership,
    acknowledgements: row.acknowledgements as EntityFacts["acknowledgements"],
  };
}

/** A grant that is decided again keeps its standing when its license is used up: the release that took the last use is in order, and no law changed. */
function withUse(license: License): License {
  return license.releasesLeft === 0 ? { ...license, releasesLeft: 1 } : license;
}

function licenseFacts(row: Selectable<Schema["license"]>): License {
  return {
    id: row.id,
    number: row.number,
    kind: row.kind as License["kind"],
    state: row.state,
    scope: row.scope as unknown as LicenseScope,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    releasesLeft: row.releases_allowed === null ? null : row.releases_allowed - row.releases_used,
    riders: (row.riders ?? []) as License["riders"],
  };
}
