import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { nameKeys } from "../screening/names.ts";
import { indexRecords } from "./index-records.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { openTermKey, type Term, termOf } from "./terms.ts";
import type { Vault } from "./vault.ts";

/** What records are asked for by, 15 CFR 762.5(c): one of these. */
export type Criterion =
  | { readonly by: "party" | "country" | "document"; readonly text: string }
  | { readonly by: "repository"; readonly repository: RepositoryName }
  | { readonly by: "time" };

export type SelectionRequest = {
  readonly criterion: Criterion;
  /** Releases decided from the one instant to before the other. */
  readonly from: Date | null;
  readonly to: Date | null;
  /** The place after which the page begins; null for the first page. */
  readonly after: bigint | null;
  /** How many releases the page has at most. */
  readonly limit: number;
};

export const recordNouns = [
  "person",
  "entity",
  "workload",
  "license",
  "classification",
  "override",
  "grant",
  "hold",
  "movement",
  "release",
] as const;
export type RecordNoun = (typeof recordNouns)[number];
export type RecordReference = { readonly noun: RecordNoun; readonly id: string };

export type Selection = {
  /** The first page has all that are no releases; every page its releases and what became known of them. */
  readonly records: readonly RecordReference[];
  /** Where the next page begins; null after the last. */
  readonly next: bigint | null;
};

type Selector = Pick<Vault, "database" | "ledger" | "custodian" | "now">;

const batchesAtOnce = 20;
const mostApart = 50;

/** What a criterion leads to: records, and conditions on `release as r` under which a release belongs to it. */
type Lead = {
  readonly records: readonly RecordReference[];
  readonly releases: readonly RawBuilder<boolean>[];
};

/**
 * One page of the records that a party, a country, a document's number, a repository or a time figures in, with every release in the order of
 * its decision. Names are compared as the screening room does. Makes the index whole first, and throws `records_unready` where that would
 * take long: a search never passes over a release in silence. Throws `invalid_request` for a name that cannot be compared.
 */
export async function selectRecords(
  vault: Selector,
  request: SelectionRequest,
): Promise<Selection> {
  const { criterion, from, to, after, limit } = request;
  const isPersonal = criterion.by !== "repository" && criterion.by !== "time";
  if (isPersonal && !(await indexRecords(vault, batchesAtOnce)))
    throw new Refusal("records_unready", "the index of records is not whole yet");
  const { db } = vault.database;
  const lead = await leadOf(vault, request);
  const bounds = sql.join(
    [
      sql`r.submission > ${(after ?? 0n).toString()}::bigint`,
      ...(from === null ? [] : [sql`r.created_at >= ${from}`]),
      ...(to === null ? [] : [sql`r.created_at < ${to}`]),
    ],
    sql` and `,
  );
  const releases = await pageOf(db, lead.releases, bounds, limit);
  const moved = await movementsOf(
    db,
    releases.map(({ id }) => id),
  );
  const others = after === null ? lead.records : [];
  const last = releases.at(-1);
  return {
    records: distinct([...others, ...references("release", releases), ...moved]),
    next: releases.length === limit && last !== undefined ? BigInt(last.submission) : null,
  };
}

/** Each condition is answered by its own index, and pages are cut from what they find together. */
async function pageOf(
  db: Kysely<Schema>,
  conditions: readonly RawBuilder<boolean>[],
  bounds: RawBuilder<unknown>,
  limit: number,
): Promise<readonly { readonly id: string; readonly submission: bigint | string }[]> {
  if (conditions.length === 0) return [];
  const parts = conditions.map(
    (condition) =>
      sql`(select r.id, r.submission from release as r where ${condition} and ${bounds} order by r.submission limit ${limit})`,
  );
  const { rows } = await sql<{ id: string; submission: bigint | string }>`
    select id, submission from (${sql.join(parts, sql` union `)}) as found
    order by submission limit ${limit}`.execute(db);
  return rows;
}

async function movementsOf(
  db: Kysely<Schema>,
  releases: readonly string[],
): Promise<readonly RecordReference[]> {
  if (releases.length === 0) return [];
  const rows = await db
    .selectFrom("movement")
    .select("id")
    .where("release", "in", [...releases])
    .orderBy("submission")
    .execute();
  return references("movement", rows);
}

async function leadOf(vault: Selector, request: SelectionRequest): Promise<Lead> {
  const { criterion } = request;
  const { db } = vault.database;
  switch (criterion.by) {
    case "party":
      return await leadOfParty(vault, criterion.text);
    case "country":
      return await leadOfCountry(vault, criterion.text, request);
    case "document":
      return await leadOfDocument(vault, criterion.text, request);
    case "repository": {
      const { id, namespace, name } = await findRepository(db, criterion.repository);
      const named = sql<boolean>`coalesce(jsonb_exists(scope->'repositories', ${`${namespace}/${name}`}), false)`;
      return {
        records: [
          ...(await where(db, "classification", sql`repository = ${id}::uuid`)),
          ...(await where(db, "license", named)),
          ...(await where(db, "grant", sql`repository = ${id}::uuid`)),
          ...(await where(db, "hold", sql`target = ${id}::uuid`)),
        ],
        releases: [sql`r.repository = ${id}::uuid`],
      };
    }
    case "time":
      return { records: [], releases: [sql`true`] };
  }
}

async function leadOfParty(vault: Selector, name: string): Promise<Lead> {
  const { db } = vault.database;
  const keys = nameKeys(name);
  if (keys.length === 0)
    throw new Refusal("invalid_request", "the name has no letter or digit to compare");
  const persons = await personsOf(
    vault,
    keys.map((text): Term => ({ kind: "name", text })),
  );
  const isNamed = (text: string) => nameKeys(text).some((key) => keys.includes(key));
  const entities = await db.selectFrom("entity").select(["id", "name"]).execute();
  const overrides = await db.selectFrom("override").select(["id", "counsel"]).execute();
  const lead = await leadOfParties(
    db,
    persons,
    entities.filter((entity) => isNamed(entity.name)).map(({ id }) => id),
  );
  const advised = overrides.filter(({ counsel }) => isNamed(counsel));
  return { ...lead, records: [...lead.records, ...references("override", advised)] };
}

async function leadOfCountry(
  vault: Selector,
  country: string,
  request: SelectionRequest,
): Promise<Lead> {
  const { db } = vault.database;
  const term: Term = { kind: "country", text: country };
  const entities = await where(
    db,
    "entity",
    sql`${country} in (country, headquarters, ultimate_parent_headquarters)`,
  );
  const scoped = sql<boolean>`coalesce(jsonb_exists(scope->'destinations', ${country}), false) or coalesce(jsonb_exists(scope->'nationalities', ${country}), false)`;
  const lead = await leadOfParties(
    db,
    await personsOf(vault, [term]),
    entities.map(({ id }) => id),
  );
  return {
    records: [...lead.records, ...(await where(db, "license", scoped))],
    releases: [...lead.releases, await foundBy(vault, term, request)],
  };
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A number of a license, a hold's reference, what a datasheet or justification says of a CCATS, or the id of any record. */
async function leadOfDocument(
  vault: Selector,
  given: string,
  request: SelectionRequest,
): Promise<Lead> {
  const { db } = vault.database;
  const text = given.trim();
  if (text === "") throw new Refusal("invalid_request", "a document's number is not empty");
  const id = uuidPattern.test(text) ? text.toLowerCase() : null;
  const licenses = await where(
    db,
    "license",
    sql`upper(number) = upper(${text}) or id::text = ${id}`,
  );
  const mentioned = sql<boolean>`position(lower(${text}) in lower(concat_ws(' ', datasheet::text, attributes::text, justification))) > 0`;
  const classifications = await where(
    db,
    "classification",
    sql`id::text = ${id} or (${mentioned})`,
  );
  const others: RecordReference[] = [];
  for (const noun of ["person", "entity", "workload", "override", "grant", "movement"] as const)
    if (id !== null) others.push(...(await where(db, noun, sql`id = ${id}::uuid`)));
  const holds = await where(
    db,
    "hold",
    sql`upper(reference) = upper(${text}) or upper("authorization") = upper(${text}) or id::text = ${id}`,
  );
  const releases = [
    sql<boolean>`r.id in (select release from release_license where license = any(${ids(licenses)}::uuid[]))`,
  ];
  for (const classification of classifications)
    releases.push(
      await foundBy(vault, { kind: "classification", text: classification.id }, request),
    );
  if (id !== null)
    releases.push(
      sql`r.id = ${id}::uuid`,
      sql`r."grant" = ${id}::uuid`,
      sql`r.id in (select release from movement where id = ${id}::uuid)`,
    );
  return { records: [...licenses, ...classifications, ...holds, ...others], releases };
}

/** Everything that persons and entities figure in, by their own name or by that of a workload. */
async function leadOfParties(
  db: Kysely<Schema>,
  persons: readonly string[],
  entities: readonly string[],
): Promise<Lead> {
  const whose = sql`${[...persons]}::uuid[]`;
  const which = sql`${[...entities]}::uuid[]`;
  const workloads = await where(
    db,
    "workload",
    sql`accountable = any(${whose}) or entity = any(${which})`,
  );
  const { rows: principals } = await sql<{ id: string }>`
    select id from principal where person = any(${whose}) or workload = any(${ids(workloads)}::uuid[])`.execute(
    db,
  );
  const theirs = sql`${principals.map(({ id }) => id)}::uuid[]`;
  const isParty = (kind: string, all: readonly string[]) =>
    sql`coalesce(scope->'parties'->${sql.lit(kind)} ?| ${[...all]}::text[], false)`;
  return {
    records: [
      ...persons.map((id): RecordReference => ({ noun: "person", id })),
      ...entities.map((id): RecordReference => ({ noun: "entity", id })),
      ...workloads,
      ...(await where(
        db,
        "license",
        sql`${isParty("persons", persons)} or ${isParty("entities", entities)} or ${isParty("workloads", ids(workloads))}
          or entered_by = any(${whose}) or activated_by = any(${whose})`,
      )),
      ...(await where(
        db,
        "classification",
        sql`proposed_by = any(${whose}) or approved_by = any(${whose})`,
      )),
      ...(await where(
        db,
        "override",
        sql`proposed_by = any(${whose}) or approved_by = any(${whose}) or withdrawn_by = any(${whose})`,
      )),
      ...(await where(db, "grant", sql`principal = any(${theirs}) or made_by = any(${whose})`)),
      ...(await where(
        db,
        "hold",
        sql`target = any(${whose}) or target = any(${which}) or placed_by = any(${whose}) or lifted_by = any(${whose})`,
      )),
      ...(await where(db, "movement", sql`noted_by = any(${whose})`)),
    ],
    // Each alone is read in the order of its index; together they would be sorted, for every page again.
    releases:
      principals.length <= mostApart
        ? principals.map(({ id }) => sql<boolean>`r.principal = ${id}::uuid`)
        : [sql`r.principal = any(${theirs})`],
  };
}

async function personsOf(vault: Selector, terms: readonly Term[]): Promise<readonly string[]> {
  using key = await openTermKey(vault);
  const rows = await vault.database.db
    .selectFrom("record_term")
    .select("record")
    .distinct()
    .where(
      "term",
      "in",
      terms.map((term) => termOf(key, term)),
    )
    .where("noun", "=", "person")
    .orderBy("record")
    .execute();
  return rows.map(({ record }) => record);
}

/** The releases that a term was indexed under; the index is in the order of pages, so that a page of no bounds in time reads no more than itself. */
async function foundBy(
  vault: Selector,
  term: Term,
  { after, from, to, limit }: SelectionRequest,
): Promise<RawBuilder<boolean>> {
  using key = await openTermKey(vault);
  const cut = from === null && to === null ? sql`order by t.place limit ${limit}` : sql``;
  return sql`r.id in (select t.record from record_term as t where t.term = ${termOf(key, term)} and t.noun = 'release'
    and t.place > ${(after ?? 0n).toString()}::bigint ${cut})`;
}

async function where(
  db: Kysely<Schema>,
  noun: Exclude<RecordNoun, "release">,
  condition: RawBuilder<unknown>,
): Promise<readonly RecordReference[]> {
  const { rows } = await sql<{ id: string }>`
    select id from ${sql.table(noun)} where ${condition} order by id`.execute(db);
  return references(noun, rows);
}

function references(noun: RecordNoun, rows: readonly { readonly id: string }[]): RecordReference[] {
  return rows.map(({ id }) => ({ noun, id }));
}

function ids(found: readonly RecordReference[]): readonly string[] {
  return found.map(({ id }) => id);
}

function distinct(found: readonly RecordReference[]): readonly RecordReference[] {
  return [...new Map(found.map((each) => [`${each.noun} ${each.id}`, each])).values()];
}
