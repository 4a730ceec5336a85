import { randomUUID } from "node:crypto";
import { Refusal } from "../errors.ts";
import { hasRun, retentionOf } from "../export-control/retention.ts";
import type { Caller } from "../identity/authenticate.ts";
import { submit } from "../ledger/submit.ts";
import { assertCallerStands } from "./caller.ts";
import { holdHolds } from "./hold.ts";
import { holdsOn, involvementOf } from "./involvement.ts";
import { assertProposed } from "./proposal.ts";
import { actedBy, assertAsRecorded, recordedRow, submitRow } from "./row.ts";
import { record, type Tx, type Vault } from "./vault.ts";

type Eraser = Pick<Vault, "database" | "ledger" | "now" | "limits">;

/** The ids of so many releases fit into one entry. */
const releasesAnEntry = 1_000;

/**
 * One officer proposes to erase a person; nothing is destroyed yet. Throws `retention_running`, `record_held`, `still_in_use`, `erased`,
 * `two_person_rule` for oneself, and `not_found`.
 */
export async function proposeErasure(
  vault: Eraser,
  caller: Caller,
  person: string,
): Promise<{ readonly erasure: string; readonly retainedUntil: string }> {
  const erasure = randomUUID();
  return await record(vault, async (tx) => {
    const { retainedUntil } = await assertErasable(tx, vault, caller, person);
    await submit(tx, {
      kind: "erasure.proposed",
      subject: erasure,
      time: vault.now(),
      body: { erasure, person, ...actedBy(caller), retainedUntil },
    });
    return { erasure, retainedUntil };
  });
}

/**
 * Another officer approves, and in the same transaction the person's wrapped data key, their facts, the ciphertext of their evidence and the terms
 * that they were found by are gone, with `person.erased` and `evidence.erased` in the ledger: without the key no copy of the ciphertext opens.
 * All that the proposal was held to is looked at again. Throws as `proposeErasure`, `two_person_rule` to the proposer, `conflict` for a proposal
 * that is too old.
 */
export async function approveErasure(
  vault: Eraser,
  caller: Caller,
  { person, erasure }: { readonly person: string; readonly erasure: string },
): Promise<{ readonly evidence: number }> {
  return await record(vault, async (tx) => {
    const { row, retainedUntil } = await assertErasable(tx, vault, caller, person);
    await assertProposed(tx, vault, caller, { what: "erasure", id: erasure, of: { person } });
    const now = vault.now();
    const version = row.version + 1;
    const submission = await submitRow(tx, {
      kind: "person.erased",
      row: { id: person, state: "erased", version, commitment: row.commitment },
      by: caller,
      time: now,
      more: { erasure, retainedUntil, retentionYears: vault.limits.retentionYears },
    });
    await tx
      .updateTable("person")
      .set({ state: "erased", version, facts: null, wrapped_key: null, submission })
      .where("id", "=", person)
      .execute();
    await tx.deleteFrom("record_term").where("person", "=", person).execute();
    const erased = await tx
      .updateTable("evidence")
      .set({ sealed: null })
      .where("person", "=", person)
      .where("sealed", "is not", null)
      .returning("release")
      .execute();
    const releases = erased.map(({ release }) => release).sort();
    for (let at = 0; at < releases.length; at += releasesAnEntry)
      await submit(tx, {
        kind: "evidence.erased",
        time: now,
        body: {
          erasure,
          person,
          ...actedBy(caller),
          retainedUntil,
          releases: releases.slice(at, at + releasesAnEntry),
        },
      });
    return { evidence: releases.length };
  });
}

/** Locks the person against every decision and the holds against every change, and holds the person to all that forbids destruction. */
async function assertErasable(tx: Tx, vault: Eraser, caller: Caller, person: string) {
  const now = vault.now();
  const holds = await holdHolds(tx);
  await assertCallerStands(tx, caller, now);
  const row = await tx
    .selectFrom("person")
    .selectAll()
    .where("id", "=", person)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such person");
  if (row.state === "erased") throw new Refusal("erased", "the person was erased already");
  await assertAsRecorded(tx, [recordedRow("person", row)]);
  if (person === caller.person)
    throw new Refusal("two_person_rule", "nobody erases what is recorded of themselves");
  const holding = await holdsOn(tx, person, holds);
  if (holding.length > 0)
    throw new Refusal("record_held", "holds forbid to destroy these records", {
      members: { holds: holding },
    });
  const { events, standing } = await involvementOf(tx, person, now);
  if (standing.length > 0)
    throw new Refusal("still_in_use", "the person figures in what has not ended", {
      members: { standing },
    });
  const retention = retentionOf(events, vault.limits.retentionYears);
  if (retention === null || !hasRun(retention, now.toISOString()))
    throw new Refusal("retention_running", "the retention of these records has not run", {
      members: { retainedUntil: retention?.until ?? null, latest: retention?.latest ?? null },
    });
  return { row, retainedUntil: retention.until };
}
