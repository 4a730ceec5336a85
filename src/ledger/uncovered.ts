import { type Kysely, sql } from "kysely";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { leafHash } from "../merkle/tree.ts";
import { parseEntry } from "./entry.ts";

type Row = {
  readonly index: bigint;
  readonly bytes: Buffer;
  readonly leaf: Buffer;
  readonly kind: string | null;
  readonly body: Buffer | null;
};

/** What a signer's outage leaves uncovered may be many, so that no more are held in memory at once. */
const rowsAtOnce = 1_024;

/**
 * Refuses (`record_tampered`) entries that no checkpoint covers yet and that are not what was submitted, each in its place and following the one
 * before: whoever writes to the table could otherwise have the next checkpoint sign what the vault never recorded. They are the batches that a
 * crash or a signer's outage left without a signature. `onPart` is called after each part of them, so that a lease need not expire meanwhile.
 */
export async function assertSubmitted(
  db: Kysely<Schema>,
  { signedSize, size }: { readonly signedSize: number; readonly size: number },
  onPart: () => Promise<void>,
): Promise<void> {
  let previous = signedSize === 0 || size === signedSize ? "" : await leafAt(db, signedSize - 1);
  for (let from = signedSize; from < size; from += rowsAtOnce) {
    const to = Math.min(size, from + rowsAtOnce);
    const rows = await rowsBetween(db, from, to);
    for (let index = from; index < to; index += 1) {
      const row = rows[index - from];
      if (row?.index !== BigInt(index) || !isAsSubmitted(row, previous))
        throw new Refusal(
          "record_tampered",
          `entry ${index}, which no checkpoint covers yet, is not what was submitted: somebody appended or changed it behind the vault, and the ledger is not continued`,
        );
      previous = row.leaf.toString("hex");
    }
    await onPart();
  }
}

async function leafAt(db: Kysely<Schema>, index: number): Promise<string> {
  const query = db.selectFrom("ledger_entry").select("leaf").where("index", "=", BigInt(index));
  return (await query.executeTakeFirst())?.leaf.toString("hex") ?? "";
}

async function rowsBetween(db: Kysely<Schema>, from: number, to: number): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select entry.index, entry.bytes, entry.leaf, submission.kind, submission.body
    from ledger_entry as entry left join ledger_submission as submission on submission.id = entry.submission
    where entry.index >= ${BigInt(from)} and entry.index < ${BigInt(to)} order by entry.index`.execute(
    db,
  );
  return rows;
}

function isAsSubmitted({ index, bytes, leaf, kind, body }: Row, previous: string): boolean {
  const entry = parseEntry(bytes);
  return (
    entry !== null &&
    entry.index === Number(index) &&
    entry.previous === previous &&
    entry.kind === kind &&
    body !== null &&
    canonicalJson(entry.body as Canonical).equals(body) &&
    leafHash(bytes).equals(leaf)
  );
}
