import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { assertNotErased, responsibleFor } from "./own.ts";
import { findRepository, type RepositoryName } from "./repository.ts";
import { commitmentOf, submitRow } from "./row.ts";
import type { Vault } from "./vault.ts";

export type GrantRecord = RepositoryName & {
  readonly principal: string;
  readonly purpose: string;
  readonly validFrom: Date;
  readonly validUntil: Date;
  /** How many plaintext bytes may be released under it in all; null for no budget. */
  readonly bytesAllowed: bigint | null;
};

/** Need to know: an officer lets a principal fetch a repository for a purpose, until a date. Nobody grants to themselves. */
export async function makeGrant(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  grant: GrantRecord,
): Promise<{ readonly grant: string }> {
  if (grant.validUntil <= grant.validFrom)
    throw new Refusal("invalid_request", "the grant would end before it begins");
  const repository = await findRepository(vault.database.db, grant);
  const [id, now] = [randomUUID(), vault.now()];
  await recordAs(vault, caller, async (tx) => {
    const responsible = await responsibleFor(tx, grant.principal);
    if (responsible === null) throw new Refusal("not_found", "there is no such principal");
    if (responsible === caller.person)
      throw new Refusal("two_person_rule", "nobody grants to themselves");
    await assertNotErased(tx, responsible);
    const row = {
      id,
      principal: grant.principal,
      repository: repository.id,
      purpose: grant.purpose,
      state: "active",
      version: 1,
      valid_from: grant.validFrom,
      valid_until: grant.validUntil,
      bytes_allowed: grant.bytesAllowed,
      made_by: caller.person,
      salt: newSalt(),
    } as const;
    const submission = await submitRow(tx, {
      kind: "grant.made",
      row: { id, state: "active", version: 1, commitment: commitmentOf("grant", row) },
      by: caller,
      time: now,
      more: {
        principal: grant.principal,
        repository: repository.id,
        person: caller.person,
        bytesAllowed: grant.bytesAllowed?.toString() ?? null,
      },
    });
    await tx
      .insertInto("grant")
      .values({ ...row, submission, created_at: now })
      .execute();
  });
  return { grant: id };
}
