import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { ClassificationFacts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { assertAsRecorded, commitmentOf, recordedClassification, submitRow } from "./row.ts";
import type { Vault } from "./vault.ts";

export type ClassificationProposal = {
  readonly jurisdiction: "EAR" | "ITAR" | "other";
  readonly eccn: string;
  readonly paragraph: string | null;
  readonly basis: "self" | "CCATS" | "counsel";
  /** What the classification rests on, in the proposer's words and numbers. */
  readonly datasheet: Readonly<Record<string, string | number | boolean>>;
  /** What is stated of the item besides; null or absent where nothing is. */
  readonly attributes?: ClassificationAttributes | null;
};

export type ClassificationAttributes = Pick<
  ClassificationFacts,
  "form" | "published" | "statements" | "computer" | "determination"
>;

type Writer = Pick<Vault, "database" | "ledger" | "now">;

/** One officer proposes. Nothing changes for releases until another approves. */
export async function proposeClassification(
  vault: Writer,
  caller: Caller,
  wanted: RepositoryName,
  proposal: ClassificationProposal,
): Promise<{ readonly classification: string }> {
  const repository = await findRepository(vault.database.db, wanted);
  const [id, now] = [randomUUID(), vault.now()];
  const row = {
    id,
    repository: repository.id,
    ...proposal,
    attributes: proposal.attributes ?? null,
    proposed_by: caller.person,
    salt: newSalt(),
  };
  const commitment = commitmentOf("classification", row);
  await recordAs(vault, caller, async (tx) => {
    const submission = await submitRow(tx, {
      kind: "classification.proposed",
      row: { id, state: "proposed", version: 1, commitment },
      by: caller,
      time: now,
      more: { repository: repository.id, eccn: proposal.eccn, person: caller.person },
    });
    await tx
      .insertInto("classification")
      .values({
        ...row,
        datasheet: JSON.stringify(proposal.datasheet),
        attributes: row.attributes === null ? null : JSON.stringify(row.attributes),
        state: "proposed",
        proposed_at: now,
        approved_by: null,
        approved_at: null,
        submission,
      })
      .execute();
  });
  return { classification: id };
}

/**
 * Another officer approves; an earlier approved classification of the repository is superseded in the same transaction, under a
 * lock that every release shares. Throws `two_person_rule` to the proposer, known by person and not by token.
 */
export async function approveClassification(
  vault: Writer,
  caller: Caller,
  wanted: RepositoryName,
  id: string,
): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
    const now = vault.now();
    const repository = await findRepository(tx, wanted);
    await sql`select from repository where id = ${repository.id} for update`.execute(tx);
    const row = await tx
      .selectFrom("classification")
      .selectAll()
      .where("id", "=", id)
      .where("repository", "=", repository.id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined)
      throw new Refusal("not_found", "the repository has no such classification");
    if (row.state !== "proposed")
      throw new Refusal("conflict", `the classification is ${row.state} already`);
    if (row.proposed_by === caller.person)
      throw new Refusal(
        "two_person_rule",
        "a classification is approved by somebody else than its proposer",
      );
    await assertAsRecorded(tx, [recordedClassification(row)]);
    const submission = await submitRow(tx, {
      kind: "classification.approved",
      row: { id, state: "approved", version: 2, commitment: commitmentOf("classification", row) },
      by: caller,
      time: now,
      more: { repository: repository.id, eccn: row.eccn, person: caller.person },
    });
    await tx
      .updateTable("classification")
      .set({ state: "superseded" })
      .where("repository", "=", repository.id)
      .where("state", "=", "approved")
      .execute();
    await tx
      .updateTable("classification")
      .set({ state: "approved", approved_by: caller.person, approved_at: now, submission })
      .where("id", "=", id)
      .execute();
  });
}

/** A repository's classifications, newest first. */
export async function listClassifications(
  { database }: Pick<Vault, "database">,
  wanted: RepositoryName,
) {
  const repository = await findRepository(database.db, wanted);
  return await database.db
    .selectFrom("classification")
    .selectAll()
    .where("repository", "=", repository.id)
    .orderBy("proposed_at", "desc")
    .execute();
}
