import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { newSalt } from "../crypto/commitment.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import type { Datasheet } from "../export-control/datasheet/form.ts";
import type { ClassificationFacts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { assertJustified, type ClassifiedBase, classifiedBases } from "./bases.ts";
import { recordAs } from "./caller.ts";
import { assertStated, type NoDatasheet, proposalOf } from "./datasheet.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { assertAsRecorded, commitmentOf, recordedClassification, submitRow } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

export type ClassificationProposal = {
  readonly jurisdiction: "EAR" | "ITAR" | "other";
  readonly eccn: string;
  readonly paragraph: string | null;
  readonly basis: "self" | "CCATS" | "counsel";
  /** What the classification rests on; an empty object where nothing is stated. */
  readonly datasheet: Datasheet | NoDatasheet;
  /** SHA-256 of the datasheet that the officer looked at, hex; it is compared with the one that came. */
  readonly datasheetSha256?: string | null;
  /** Why the entry is another than the one that the datasheet leads to. */
  readonly justification?: string | null;
  /** What is stated of the item besides; null or absent where nothing is. */
  readonly attributes?: ClassificationAttributes | null;
};

export type ClassificationAttributes = Pick<
  ClassificationFacts,
  "form" | "published" | "statements" | "computer" | "determination" | "regimes"
>;

type Writer = Pick<Vault, "database" | "ledger" | "now">;

/**
 * One officer proposes. Nothing changes for releases until another approves. Throws `digest_mismatch` and `justification_required` as
 * `assertStated` does, and the latter too where the repository was made from one that is classified more strictly. The datasheet's digest stands in the entry, and in the commitment with everything else.
 */
export async function proposeClassification(
  vault: Writer & Pick<Vault, "rulebook">,
  caller: Caller,
  wanted: RepositoryName,
  { datasheetSha256 = null, justification = null, ...proposal }: ClassificationProposal,
): Promise<{
  readonly classification: string;
  readonly datasheetSha256: string | null;
  readonly bases: readonly ClassifiedBase[];
}> {
  const repository = await findRepository(vault.database.db, wanted);
  const stated = { ...proposal, datasheetSha256, justification };
  const digest = assertStated(vault.rulebook, proposal.datasheet, stated);
  const [id, now] = [randomUUID(), vault.now()];
  const row = {
    id,
    repository: repository.id,
    ...proposal,
    datasheet_sha256: digest,
    justification,
    attributes: proposal.attributes ?? null,
    proposed_by: caller.person,
    salt: newSalt(),
  };
  const commitment = commitmentOf("classification", row);
  const bases = await recordAs(vault, caller, async (tx) => {
    const { rulebook } = vault;
    const compared = await classifiedBases(tx, repository.id, { rulebook, proposed: proposal });
    assertJustified(compared, justification);
    const submission = await submitRow(tx, {
      kind: "classification.proposed",
      row: { id, state: "proposed", version: 1, commitment },
      by: caller,
      time: now,
      more: {
        repository: repository.id,
        eccn: proposal.eccn,
        person: caller.person,
        ...datasheetMember(digest),
      },
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
    return compared;
  });
  return { classification: id, datasheetSha256: digest, bases };
}

/** A classification without a datasheet has entries without this member. */
function datasheetMember(digest: string | null): { readonly datasheet?: string } {
  return digest === null ? {} : { datasheet: digest };
}

/**
 * Another officer approves; an earlier approved classification of the repository is superseded in the same transaction, under a
 * lock that every release shares. Throws `two_person_rule` to the proposer, known by person and not by token, and
 * `justification_required` where a stricter base came after a proposal that nobody justified.
 */
export async function approveClassification(
  vault: Writer & Pick<Vault, "rulebook">,
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
    const { rulebook } = vault;
    const bases = await classifiedBases(tx, repository.id, { rulebook, proposed: row });
    assertJustified(bases, row.justification);
    const submission = await submitRow(tx, {
      kind: "classification.approved",
      row: { id, state: "approved", version: 2, commitment: commitmentOf("classification", row) },
      by: caller,
      time: now,
      more: {
        repository: repository.id,
        eccn: row.eccn,
        person: caller.person,
        ...datasheetMember(row.datasheet_sha256),
      },
    });
    await supersede(tx, caller, { repository: repository.id, now });
    await tx
      .updateTable("classification")
      .set({ state: "approved", approved_by: caller.person, approved_at: now, submission })
      .where("id", "=", id)
      .execute();
  });
}

/** Ends the classification in force, with an entry of its own: else a rolled-back row would still be as its latest entry says. */
async function supersede(
  tx: Tx,
  caller: Caller,
  { repository, now }: { readonly repository: string; readonly now: Date },
): Promise<void> {
  const row = await tx
    .selectFrom("classification")
    .selectAll()
    .where("repository", "=", repository)
    .where("state", "=", "approved")
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined) return;
  await assertAsRecorded(tx, [recordedClassification(row)]);
  const superseded = { ...row, state: "superseded" } as const;
  const submission = await submitRow(tx, {
    kind: "classification.superseded",
    row: recordedClassification(superseded),
    by: caller,
    time: now,
    more: { repository, person: caller.person },
  });
  await tx
    .updateTable("classification")
    .set({ state: "superseded", submission })
    .where("id", "=", row.id)
    .execute();
}

/**
 * One classification with what its datasheet leads to under the rulebook in force, and how what its revisions were made from is classified now, for
 * whoever is to approve it. Throws `not_found`, and `record_tampered` where the row is not the one that its latest entry recorded.
 */
export async function readClassification(
  { database, rulebook }: Pick<Vault, "database" | "rulebook">,
  wanted: RepositoryName,
  id: string,
) {
  return await transact(database.db, async (tx) => {
    const repository = await findRepository(tx, wanted);
    const row = await tx
      .selectFrom("classification")
      .selectAll()
      .where("id", "=", id)
      .where("repository", "=", repository.id)
      .executeTakeFirst();
    if (row === undefined)
      throw new Refusal("not_found", "the repository has no such classification");
    await assertAsRecorded(tx, [recordedClassification(row)]);
    const bases = await classifiedBases(tx, repository.id, { rulebook, proposed: row });
    return { row, proposal: proposalOf(rulebook, row), bases };
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
