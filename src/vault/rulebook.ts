import { createHash } from "node:crypto";
import { sql } from "kysely";
import { type Canonical, canonicalJson } from "../crypto/canonical-json.ts";
import { Refusal } from "../errors.ts";
import type { Override } from "../export-control/rulebook/rule.ts";
import {
  fits,
  type Rulebook,
  type RulebookContent,
  withOverrides,
} from "../export-control/rulebook.ts";
import { latestOf } from "../ledger/outbox.ts";
import { assertAsRecorded, recordedOverride } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

/** Any number will do as long as nothing else in this database locks it: "wv" and a two. */
const rulebookLock = 0x7776_0002;

/**
 * Keeps the overrides as they are until the transaction ends. It is the first lock of whoever decides, before the repository's: whoever approves
 * or withdraws an override waits for it, and whoever comes after them reads the overrides anew.
 */
export async function shareRulebook(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${rulebookLock})`.execute(tx);
}

/** Waits until no decision is under way, and keeps new ones waiting until the transaction ends. The first lock of whoever changes the overrides. */
export async function holdRulebook(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${rulebookLock})`.execute(tx);
}

/**
 * The shipped rulebook with the overrides that two officers recorded and nobody withdrew. Which ones stand is read from their ledger entries,
 * and each row must be as its entry says: one that was edited, forged, hidden or deleted is `record_tampered`. Under `shareRulebook` it stays
 * true until the transaction ends.
 */
export async function rulebookIn(
  tx: Tx,
  { rulebook, overridden }: Pick<Vault, "rulebook" | "overridden">,
): Promise<Rulebook> {
  const approved = await approvals(tx);
  const rows = await tx
    .selectFrom("override")
    .selectAll()
    .where((where) =>
      where.or([
        where("state", "=", "approved"),
        sql<boolean>`id = any(${[...approved.keys()]}::uuid[])`,
      ]),
    )
    .orderBy("id")
    .execute();
  if (approved.size === 0 && rows.length === 0) return rulebook;
  await assertAsRecorded(tx, rows.map(recordedOverride));
  if (rows.length !== approved.size)
    throw new Refusal("record_tampered", "an override that was approved has no row any more");
  const overrides = rows.map(
    (row): Override => ({
      id: row.id,
      row: row.requirement,
      rowSha256: row.requirement_sha256.toString("hex"),
      action: row.action,
      from: row.valid_from,
      until: row.valid_until,
      proposedBy: row.proposed_by,
      approvedBy: approved.get(row.id) ?? "",
      commitment: recordedOverride(row).commitment.toString("hex"),
    }),
  );
  return overridden(overrides.filter((override) => fits(rulebook, override)));
}

/** The overrides whose latest submission is their approval, each with the person who approved it. Throws `record_tampered` (see `latestOf`). */
async function approvals(tx: Tx): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ subject: string }>`
    select distinct subject from ledger_submission
    where kind in ('override.proposed', 'override.approved', 'override.withdrawn')`.execute(tx);
  if (rows.length === 0) return new Map();
  const latest = await latestOf(
    tx,
    rows.map(({ subject }) => subject),
  );
  const standing = [...latest].filter(([, { kind }]) => kind === "override.approved");
  return new Map(standing.map(([subject, { body }]) => [subject, String(body["person"])]));
}

/** Keeps a rulebook under its digest, once, so that decisions that name it can be made again. */
export async function keepRulebook(tx: Tx, rulebook: Rulebook, now: Date): Promise<void> {
  const { digest, ...content } = rulebook;
  const kept = await tx
    .selectFrom("rulebook")
    .select("digest")
    .where("digest", "=", digest)
    .executeTakeFirst();
  if (kept !== undefined) return;
  await tx
    .insertInto("rulebook")
    .values({
      digest,
      content: canonicalJson(content as unknown as Canonical).toString("utf8"),
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The rulebook of a digest. Throws `not_found`, and `record_tampered` where what was kept is not what the digest is of. */
export async function readRulebook(
  { database, rulebook }: Pick<Vault, "database" | "rulebook">,
  digest: string,
): Promise<RulebookContent> {
  if (digest === rulebook.digest) {
    const { digest: _, ...content } = rulebook;
    return content;
  }
  const row = await database.db
    .selectFrom("rulebook")
    .select("content")
    .where("digest", "=", digest)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "no decision was made on such a rulebook");
  if (createHash("sha256").update(row.content, "utf8").digest("hex") !== digest)
    throw new Refusal("record_tampered", "a kept rulebook differs from its digest");
  return JSON.parse(row.content) as RulebookContent;
}

const remembered = 8;

/** Makes rulebooks with overrides and remembers the last few: to digest one takes longer than to decide on it. */
export function rememberOverridden(base: Rulebook): Vault["overridden"] {
  const made = new Map<string, Rulebook>();
  return (overrides) => {
    if (overrides.length === 0) return base;
    const key = JSON.stringify(overrides);
    const present = made.get(key);
    if (present !== undefined) return present;
    const rulebook = withOverrides(base, overrides);
    made.set(key, rulebook);
    const [oldest] = made.keys();
    if (made.size > remembered && oldest !== undefined) made.delete(oldest);
    return rulebook;
  };
}
