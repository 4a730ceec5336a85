import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import type { EntityFacts } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { commitmentOf, submitRow } from "./row.ts";
import type { Vault } from "./vault.ts";

/** A company as an officer recorded it: a public record, not a person's. */
export type EntityRecord = Pick<
  EntityFacts,
  "country" | "headquarters" | "ultimateParentHeadquarters" | "ownership"
> &
  Partial<Pick<EntityFacts, "acknowledgements">> & {
    readonly name: string;
  };

/** Records an entity; a changed company is a new one, so that what a decision rested on stays readable. */
export async function recordEntity(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  facts: EntityRecord,
): Promise<{ readonly entity: string }> {
  const id = randomUUID();
  const now = vault.now();
  const row = {
    id,
    state: "active",
    version: 1,
    name: facts.name,
    country: facts.country,
    headquarters: facts.headquarters,
    ultimate_parent_headquarters: facts.ultimateParentHeadquarters,
    ownership: facts.ownership,
    acknowledgements: facts.acknowledgements ?? null,
    salt: newSalt(),
  } as const;
  await recordAs(vault, caller, async (tx) => {
    const submission = await submitRow(tx, {
      kind: "entity.recorded",
      row: { ...row, commitment: commitmentOf("entity", row) },
      by: caller,
      time: now,
    });
    await tx
      .insertInto("entity")
      .values({
        ...row,
        acknowledgements:
          row.acknowledgements === null ? null : JSON.stringify(row.acknowledgements),
        submission,
        created_at: now,
      })
      .execute();
  });
  return { entity: id };
}
