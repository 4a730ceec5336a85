import { type Kysely, sql } from "kysely";
import type { Wrap, WrapContext } from "../custody/custodian.ts";
import type { Schema } from "../database/schema.ts";
import { objectContext } from "./object.ts";
import { personContext } from "./person.ts";
import { termKeyContext } from "./terms.ts";
import type { Tx } from "./vault.ts";

/** What has a key that the custodian wraps. Whoever adds another one adds it here, or a rotation passes it over. */
export const wrappedNouns = ["object", "person", "term"] as const;

export type WrappedNoun = (typeof wrappedNouns)[number];

/** A wrapped key as its row has it, with what it is bound to. */
export type WrappedKey = Wrap & {
  readonly noun: WrappedNoun;
  readonly record: string;
  readonly context: WrapContext;
};

/** The one key of the index of records; its row has no id. */
const termRecord = "terms";

/** An object on its way out of the store needs its key no more. */
const heldObject = sql<boolean>`wrapped_key is not null and state in ('opening', 'sealed')`;

/** The next keys of a noun that are wrapped under another key-encryption key than `kek`, by their record, after `after`. */
export async function findOlder(
  db: Kysely<Schema>,
  {
    noun,
    kek,
    after,
    limit,
  }: {
    readonly noun: WrappedNoun;
    readonly kek: string;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<readonly WrappedKey[]> {
  if (noun === "term") {
    const row = await db
      .selectFrom("term_key")
      .select(["wrapped_key", "custodian_key"])
      .where("custodian_key", "<>", kek)
      .executeTakeFirst();
    return row === undefined || after !== null
      ? []
      : [{ noun, record: termRecord, ...wrapOf(row), context: termKeyContext }];
  }
  if (noun === "person") {
    let persons = db
      .selectFrom("person")
      .select(["id", "wrapped_key", "custodian_key"])
      .where("wrapped_key", "is not", null)
      .where("custodian_key", "<>", kek)
      .orderBy("id")
      .limit(limit);
    if (after !== null) persons = persons.where("id", ">", after);
    return (await persons.execute()).map((row) => ({
      noun,
      record: row.id,
      ...wrapOf(row),
      context: personContext(row.id),
    }));
  }
  let objects = db
    .selectFrom("object")
    .select(["id", "repository", "wrapped_key", "custodian_key"])
    .where(heldObject)
    .where("custodian_key", "<>", kek)
    .orderBy("id")
    .limit(limit);
  if (after !== null) objects = objects.where("id", ">", after);
  return (await objects.execute()).map((row) => ({
    noun,
    record: row.id,
    ...wrapOf(row),
    context: objectContext(row.id, row.repository),
  }));
}

/** A new wrap, and the key that it was made from. */
export type Replacement = { readonly key: WrappedKey; readonly wrap: Wrap };

const tables = { object: "object", person: "person", term: "term_key" } as const;

/**
 * Puts new wraps of one noun in the places of those that they were made from, in one statement, which locks the rows in the order of their ids. Gives
 * the records of those that were: not of one whose old wrap is not there any more, since it was erased, shredded or replaced.
 */
export async function replaceWraps(
  tx: Tx,
  noun: WrappedNoun,
  replacements: readonly Replacement[],
): Promise<ReadonlySet<string>> {
  if (replacements.length === 0) return new Set();
  const table = sql.table(tables[noun]);
  const of = (target: string) =>
    noun === "term" ? sql`true` : sql`${sql.ref(target)}.id = given.record::uuid`;
  const records = replacements.map(({ key }) => key.record);
  const column = (text: (each: Replacement) => string) => replacements.map(text);
  const { rows } = await sql<{ record: string }>`
    with asked as (
      select * from unnest(${records}::text[],
        ${column(({ key }) => key.wrapped.toString("hex"))}::text[], ${column(({ key }) => key.keyId)}::text[],
        ${column(({ wrap }) => wrap.wrapped.toString("hex"))}::text[], ${column(({ wrap }) => wrap.keyId)}::text[]
      ) as given (record, old_hex, old_kek, new_hex, new_kek)),
    given as (
      select given.* from ${table} as held join asked as given on ${of("held")}
      order by given.record collate "C" for update of held)
    update ${table} as held set wrapped_key = decode(given.new_hex, 'hex'), custodian_key = given.new_kek
    from given where ${of("held")} and held.wrapped_key = decode(given.old_hex, 'hex')
      and held.custodian_key = given.old_kek
    returning given.record as record`.execute(tx);
  return new Set(rows.map(({ record }) => record));
}

export type KekUse = { readonly kek: string } & Readonly<Record<WrappedNoun, number>>;

/** How many keys of each noun are wrapped under each key-encryption key, by its id. */
export async function countByKek(db: Kysely<Schema>): Promise<readonly KekUse[]> {
  const { rows } = await sql<{ kek: string; noun: WrappedNoun; count: string | bigint | number }>`
    select custodian_key as kek, 'object' as noun, count(*) as count from object where ${heldObject} group by custodian_key
    union all select custodian_key, 'person', count(*) from person where wrapped_key is not null group by custodian_key
    union all select custodian_key, 'term', count(*) from term_key group by custodian_key
    order by kek, noun`.execute(db);
  const uses = new Map<string, KekUse>();
  for (const { kek, noun, count } of rows) {
    const use = uses.get(kek) ?? { kek, object: 0, person: 0, term: 0 };
    uses.set(kek, { ...use, [noun]: Number(count) });
  }
  return [...uses.values()];
}

/** How many keys are wrapped under others than `kek`. */
export function olderThan(kek: string, uses: readonly KekUse[]): Omit<KekUse, "kek"> {
  const left = { object: 0, person: 0, term: 0 };
  for (const use of uses)
    if (use.kek !== kek) for (const noun of wrappedNouns) left[noun] += use[noun];
  return left;
}

function wrapOf(row: {
  readonly wrapped_key: Buffer | null;
  readonly custodian_key: string;
}): Wrap {
  if (row.wrapped_key === null) throw new Error("a row without its wrapped key was chosen");
  return { wrapped: row.wrapped_key, keyId: row.custodian_key };
}
