import { type Selectable, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { submit } from "../ledger/submit.ts";
import type { Tx } from "./vault.ts";

export type ReleaseRow = Selectable<Schema["release"]>;
export type Outcome = "delivered" | "failed" | "abandoned" | "unknown";

/**
 * Locks a release together with what its ending may give back, in the order of every release transaction: grant, licenses, release.
 * Null when there is no such release.
 */
export async function lockRelease(tx: Tx, id: string): Promise<ReleaseRow | null> {
  const named = await tx
    .selectFrom("release")
    .select("grant")
    .where("id", "=", id)
    .executeTakeFirst();
  if (named === undefined) return null;
  if (named.grant !== null)
    await tx.selectFrom("grant").select("id").where("id", "=", named.grant).forUpdate().execute();
  await tx
    .selectFrom("license")
    .select("id")
    .where("id", "in", (from) =>
      from.selectFrom("release_license").select("license").where("release", "=", id),
    )
    .orderBy("id")
    .forUpdate()
    .execute();
  return (
    (await tx
      .selectFrom("release")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst()) ?? null
  );
}

/** Whether a release still awaits its outcome. */
export function isUnended(row: ReleaseRow): boolean {
  return row.state === "allowed" || row.state === "opening";
}

/**
 * Ends a locked release: its one outcome entry and its last state. Where no key and no byte left the vault, the license uses and the
 * byte budget are given back.
 */
export async function endRelease(
  tx: Tx,
  row: ReleaseRow,
  {
    outcome,
    reason,
    now,
  }: { readonly outcome: Outcome; readonly reason?: string; readonly now: Date },
): Promise<void> {
  const bytes = row.bytes_delivered.toString();
  const bodies = {
    delivered: { release: row.id, bytes },
    failed: { release: row.id, bytes, reason: reason ?? "failed" },
    abandoned: { release: row.id },
    unknown: { release: row.id, bytes: row.bytes_charged.toString() },
  } as const;
  const submission = await submit(tx, {
    kind: `release.${outcome}`,
    subject: row.id,
    time: now,
    body: bodies[outcome],
  });
  await tx
    .updateTable("release")
    .set({ state: outcome, outcome: submission, streams: 0 })
    .where("id", "=", row.id)
    .execute();
  const isUnused = outcome === "abandoned" || (outcome === "failed" && row.bytes_delivered === 0n);
  if (isUnused) await giveBack(tx, row);
}

async function giveBack(tx: Tx, row: ReleaseRow): Promise<void> {
  await tx
    .updateTable("license")
    .set({ releases_used: sql<number>`greatest(releases_used - 1, 0)` })
    .where("id", "in", (from) =>
      from.selectFrom("release_license").select("license").where("release", "=", row.id),
    )
    .execute();
  if (row.grant === null || row.bytes_charged === 0n) return;
  await tx
    .updateTable("grant")
    .set({ bytes_used: sql<bigint>`greatest(bytes_used - ${row.bytes_charged}, 0)` })
    .where("id", "=", row.grant)
    .execute();
}
