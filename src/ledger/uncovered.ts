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

/**
 * Refuses (`record_tampered`) entries that no checkpoint covers yet and that are not what was submitted, each in its place and following the one
 * before: whoever writes to the table could otherwise have the next checkpoint sign what the vault never recorded. They are the batches that a
 * crash left without a signature, so they are few.
 */
export async function assertSubmitted(
  db: Kysely<Schema>,
  signedSize: number,
  size: number,
): Promise<void> {
  if (size === signedSize) return;
  const { rows } = await sql<Row>`
    select entry.index, entry.bytes, entry.leaf, submission.kind, submission.body
    from ledger_entry as entry left join ledger_submission as submission on submission.id = entry.submission
    where entry.index >= ${BigInt(Math.max(0, signedSize - 1))} order by entry.index`.execute(db);
  let previous = "";
  for (const [at, row] of rows.entries()) {
    const isCovered = row.index < BigInt(signedSize);
    const expected = BigInt(Math.max(0, signedSize - 1) + at);
    if (!isCovered && (row.index !== expected || !isAsSubmitted(row, previous)))
      throw new Refusal(
        "record_tampered",
        `entry ${expected}, which no checkpoint covers yet, is not what was submitted: somebody appended or changed it behind the vault, and the ledger is not continued`,
      );
    previous = row.leaf.toString("hex");
  }
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
