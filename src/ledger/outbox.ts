import { type Kysely, type RawBuilder, sql } from "kysely";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { parseEntry } from "./entry.ts";
import type { EntryKind } from "./submit.ts";

/** What was submitted of a subject, and is on its way into the ledger or stands in it already. */
export type Submitted = {
  readonly id: bigint;
  readonly kind: string;
  readonly time: Date;
  readonly body: Readonly<Record<string, unknown>>;
};

type Row = {
  readonly id: bigint;
  readonly subject: string | null;
  readonly kind: string;
  readonly time: Date;
  readonly body: Buffer;
  readonly pending: bigint | null;
  readonly entry: Buffer | null;
};

/**
 * The newest submission of each subject that has any. Throws `record_tampered` for one that nobody will ever see: a submission that is
 * neither pending nor, in the same words, an entry was slipped in to make an edited row look recorded, or taken out of the ledger's way.
 */
export async function latestOf(
  db: Kysely<Schema>,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, Submitted>> {
  const rows = await read(
    db,
    sql`from unnest(${[...new Set(subjects)]}::uuid[]) as wanted cross join lateral (
      select * from ledger_submission where subject = wanted order by id desc limit 1) as newest`,
  );
  return new Map(rows.map((row) => [row.subject ?? "", believed(row)]));
}

/** Everything that was submitted of one subject, oldest first. Throws as `latestOf`. */
export async function historyOf(db: Kysely<Schema>, subject: string): Promise<Submitted[]> {
  const rows = await read(db, sql`from ledger_submission where subject = ${subject}::uuid`);
  return rows.map(believed);
}

/** The first submission of a subject, which recorded it; null where there is none. Throws as `latestOf`. */
export async function firstOf(db: Kysely<Schema>, subject: string): Promise<Submitted | null> {
  const [row] = await read(
    db,
    sql`from ledger_submission where subject = ${subject}::uuid order by id limit 1`,
  );
  return row === undefined ? null : believed(row);
}

/** The newest submission of a kind about a subject; null where there is none. Throws as `latestOf`. */
export async function newestOf(
  db: Kysely<Schema>,
  { subject, kind }: { readonly subject: string; readonly kind: EntryKind },
): Promise<Submitted | null> {
  // The kind is written out, so that the index on what is of it is taken.
  const [row] = await read(
    db,
    sql`from ledger_submission where subject = ${subject}::uuid and kind = ${sql.lit(kind)} order by id desc limit 1`,
  );
  return row === undefined ? null : believed(row);
}

/** One submission; null where there is none of that id about that subject. Throws as `latestOf`. */
export async function submittedAs(
  db: Kysely<Schema>,
  { id, subject }: { readonly id: bigint; readonly subject: string },
): Promise<Submitted | null> {
  const [row] = await read(
    db,
    sql`from ledger_submission where id = ${id} and subject = ${subject}::uuid`,
  );
  return row === undefined ? null : believed(row);
}

async function read(db: Kysely<Schema>, from: RawBuilder<unknown>): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select submission.*, ledger_pending.submission as pending, ledger_entry.bytes as entry
    from (select id, subject, kind, time, body ${from}) as submission
    left join ledger_pending on ledger_pending.submission = submission.id
    left join ledger_entry on ledger_entry.submission = submission.id
    order by submission.id`.execute(db);
  return rows;
}

function believed({ id, kind, time, body, pending, entry }: Row): Submitted {
  if (pending === null && !isEntered({ kind, body }, entry)) {
    throw new Refusal(
      "record_tampered",
      "a submission is neither pending nor in the ledger as it was submitted",
      { cause: new Error(`submission ${id}`) },
    );
  }
  return { id, kind, time, body: JSON.parse(body.toString("utf8")) as Submitted["body"] };
}

function isEntered({ kind, body }: Pick<Row, "kind" | "body">, bytes: Buffer | null): boolean {
  const entry = bytes === null ? null : parseEntry(bytes);
  return entry?.kind === kind && canonicalJson(entry.body as Canonical).equals(body);
}
