import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { Requirement } from "../export-control/rulebook/rule.ts";
import { requirementDigest } from "../export-control/rulebook.ts";
import type { Caller } from "../identity/authenticate.ts";
import { assertCallerStands, recordAs } from "./caller.ts";
import { assertAsRecorded, commitmentOf, recordedOverride, submitRow } from "./row.ts";
import { holdRulebook } from "./rulebook.ts";
import { record, type Tx, type Vault } from "./vault.ts";

export type OverrideProposal = {
  /** The id of a requirement of the shipped rulebook. */
  readonly requirement: string;
  readonly action: "set-aside" | "enforce";
  readonly reason: string;
  /** Who advised it, by name or reference. Neither it nor the reason stands in the ledger. */
  readonly counsel: string;
  /** The first and the last day of its effect. */
  readonly validFrom: string;
  readonly validUntil: string;
};

type Writer = Pick<Vault, "database" | "ledger" | "now" | "rulebook">;

/** One officer proposes to read a requirement otherwise. Nothing changes for releases until another approves. */
export async function proposeOverride(
  vault: Writer,
  caller: Caller,
  proposal: OverrideProposal,
): Promise<{ readonly override: string }> {
  const requirement = vault.rulebook.requirements.find(({ id }) => id === proposal.requirement);
  if (requirement === undefined)
    throw new Refusal(
      "invalid_request",
      `the rulebook has no requirement ${proposal.requirement}; embargoes, lists and principles cannot be overridden`,
    );
  assertSensible(requirement, proposal);
  const [id, now] = [randomUUID(), vault.now()];
  const row = {
    id,
    requirement: requirement.id,
    requirement_sha256: Buffer.from(requirementDigest(requirement), "hex"),
    action: proposal.action,
    reason: proposal.reason,
    counsel: proposal.counsel,
    valid_from: proposal.validFrom,
    valid_until: proposal.validUntil,
    proposed_by: caller.person,
    salt: newSalt(),
  };
  await recordAs(vault, caller, async (tx) => {
    const submission = await submitRow(tx, {
      kind: "override.proposed",
      row: { id, state: "proposed", version: 1, commitment: commitmentOf("override", row) },
      by: caller,
      time: now,
      more: entryMembers(row, caller),
    });
    await tx
      .insertInto("override")
      .values({ ...row, state: "proposed", version: 1, proposed_at: now, submission })
      .execute();
  });
  return { override: id };
}

function assertSensible(
  { id, status }: Requirement,
  { action, reason, counsel, validFrom, validUntil }: OverrideProposal,
): void {
  const refuse = (why: string): never => {
    throw new Refusal("invalid_request", why);
  };
  if (reason.trim() === "" || counsel.trim() === "")
    refuse("an override needs a reason and who advised it");
  if (validUntil < validFrom) refuse("the override would end before it begins");
  if (action === "enforce" && status.kind === "in-force")
    refuse(`${id} is in force: it is applied without an override`);
}

/**
 * Another officer approves; every decision that commits afterwards is made with the override. Throws `two_person_rule` to the proposer, known by
 * person and not by token.
 */
export async function approveOverride(vault: Writer, caller: Caller, id: string): Promise<void> {
  await changeOverrides(vault, caller, async (tx) => {
    const row = await lockOverride(tx, id);
    if (row.state !== "proposed")
      throw new Refusal("conflict", `the override is ${row.state} already`);
    if (row.proposed_by === caller.person)
      throw new Refusal(
        "two_person_rule",
        "an override is approved by somebody else than its proposer",
      );
    const [version, now] = [row.version + 1, vault.now()];
    const submission = await submitRow(tx, {
      kind: "override.approved",
      row: { id, state: "approved", version, commitment: commitmentOf("override", row) },
      by: caller,
      time: now,
      more: entryMembers(row, caller),
    });
    await tx
      .updateTable("override")
      .set({ state: "approved", version, approved_by: caller.person, approved_at: now, submission })
      .where("id", "=", id)
      .execute();
  });
}

/** Any officer takes an override back at once, their own too: no release commits on it afterwards. */
export async function withdrawOverride(vault: Writer, caller: Caller, id: string): Promise<void> {
  await changeOverrides(vault, caller, async (tx) => {
    const row = await lockOverride(tx, id);
    if (row.state === "withdrawn")
      throw new Refusal("conflict", "the override is withdrawn already");
    const [version, now] = [row.version + 1, vault.now()];
    const submission = await submitRow(tx, {
      kind: "override.withdrawn",
      row: { id, state: "withdrawn", version, commitment: commitmentOf("override", row) },
      by: caller,
      time: now,
      more: { person: caller.person },
    });
    await tx
      .updateTable("override")
      .set({
        state: "withdrawn",
        version,
        withdrawn_by: caller.person,
        withdrawn_at: now,
        submission,
      })
      .where("id", "=", id)
      .execute();
  });
}

/** The rulebook's lock comes before those on the caller, as it does in a decision. */
async function changeOverrides(
  vault: Writer,
  caller: Caller,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  await record(vault, async (tx) => {
    await holdRulebook(tx);
    await assertCallerStands(tx, caller, vault.now());
    await work(tx);
  });
}

async function lockOverride(tx: Tx, id: string) {
  const row = await tx
    .selectFrom("override")
    .selectAll()
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such override");
  await assertAsRecorded(tx, [recordedOverride(row)]);
  return row;
}

/** What the ledger says of an override in clear: enough to know, from the ledger alone, how the rulebook was read on a day. */
function entryMembers(
  row: {
    readonly requirement: string;
    readonly requirement_sha256: Buffer;
    readonly action: string;
    readonly valid_from: string;
    readonly valid_until: string;
  },
  caller: Caller,
) {
  return {
    person: caller.person,
    requirement: row.requirement,
    requirementSha256: row.requirement_sha256.toString("hex"),
    action: row.action,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
  };
}
