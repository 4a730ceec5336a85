import { sql, type Transaction } from "kysely";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import type { Schema } from "../database/schema.ts";
import { assertNamesNoPlace } from "./names-no-place.ts";

/** Every kind of entry; `<noun>.<verb>`, and the body carries the noun's id under the noun's name. */
export type EntryKind =
  | "vault.initialized"
  | `ledger.${"key-rotated" | "key-taken-up"}`
  | `token.${"issued" | "recovered" | "revoked"}`
  | `person.${"recorded" | "updated" | Standing | "read" | "erased"}`
  | `entity.${"recorded" | "updated" | Standing}`
  | `workload.${"recorded" | "updated" | Standing}`
  | `repository.${"created" | "policy-set" | "shredded"}`
  | `shredding.${"proposed" | "approved"}`
  | `rotation.${"begun" | "finished" | "superseded"}`
  | `revision.${"committed" | "signed"}`
  | "upload.key-released"
  | `object.${"declared" | "proved" | "refuted"}`
  | `classification.${"proposed" | "approved" | "superseded"}`
  | `license.${"entered" | "activated" | "updated" | Standing}`
  | `grant.${"made" | Standing | "flagged" | "cleared"}`
  | "decision.simulated"
  | `evidence.${"read" | "erased"}`
  | `hold.${"placed" | "lifted"}`
  | "erasure.proposed"
  | "movement.noted"
  | `records.${"searched" | "exported"}`
  | `override.${"proposed" | "approved" | "withdrawn"}`
  | `release.${"allowed" | "denied" | "held" | "delivered" | "failed" | "abandoned" | "unknown"}`;

type Standing = "suspended" | "reinstated" | "revoked";

export type Submission = {
  readonly kind: EntryKind;
  /** The row that the entry speaks of, so that a decision can compare it with its latest entry. */
  readonly subject?: string;
  readonly time: Date;
  /** No personal fact, no country, no secret: ids, verdicts, digests and commitments. */
  readonly body: { readonly [name: string]: Canonical };
};

/** An entry's canonical form adds about 250 bytes to its body; the format ends at 65,535. */
const bodyLimitBytes = 65_000;

/**
 * Puts a record into the ledger's outbox in the caller's transaction: both commit or neither does. Throws a TypeError for a body that could tell a country.
 * The sequencer gives it its place afterwards. Resolves to the submission's id.
 */
export async function submit(
  tx: Transaction<Schema>,
  { kind, subject, time, body }: Submission,
): Promise<bigint> {
  assertNamesNoPlace(kind, body);
  const bytes = canonicalJson(body);
  if (bytes.length > bodyLimitBytes)
    throw new RangeError(`the body of ${kind} has ${bytes.length} bytes`);
  // One statement: where nothing else is written, it is a whole transaction in one round trip.
  const { rows } = await sql<{ submission: bigint }>`/* ledger.submit */
    with made as (
      insert into ledger_submission (kind, subject, time, body)
      values (${kind}, ${subject ?? null}, ${time}, ${bytes}) returning id)
    insert into ledger_pending (submission) select id from made returning submission`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error("the database gave the submission no id");
  return row.submission;
}
