import { randomUUID } from "node:crypto";
import { newSalt } from "../crypto/commitment.ts";
import { isUniqueViolation } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { recordAs } from "./caller.ts";
import { assertNotErased } from "./own.ts";
import { commitmentOf, submitRow } from "./row.ts";
import type { Vault } from "./vault.ts";

/** Records a job or service, the person who answers for it and the entity that operates it, and its principal. */
export async function recordWorkload(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  {
    name,
    accountable,
    entity,
  }: { readonly name: string; readonly accountable: string; readonly entity: string },
): Promise<{ readonly workload: string; readonly principal: string }> {
  const [id, principal, now] = [randomUUID(), randomUUID(), vault.now()];
  const row = {
    id,
    state: "active",
    version: 1,
    name,
    accountable,
    entity,
    salt: newSalt(),
  } as const;
  try {
    await recordAs(vault, caller, async (tx) => {
      const person = await tx
        .selectFrom("person")
        .select("id")
        .where("id", "=", accountable)
        .forShare()
        .executeTakeFirst();
      if (person === undefined) throw new Refusal("not_found", "there is no such person");
      await assertNotErased(tx, accountable);
      const operator = await tx
        .selectFrom("entity")
        .select("id")
        .where("id", "=", entity)
        .forShare()
        .executeTakeFirst();
      if (operator === undefined) throw new Refusal("not_found", "there is no such entity");
      const submission = await submitRow(tx, {
        kind: "workload.recorded",
        row: { ...row, commitment: commitmentOf("workload", row) },
        by: caller,
        time: now,
        more: { principal, accountable },
      });
      await tx
        .insertInto("workload")
        .values({ ...row, submission, created_at: now })
        .execute();
      await tx
        .insertInto("principal")
        .values({
          id: principal,
          issuer: "local",
          subject: id,
          person: null,
          workload: id,
          created_at: now,
        })
        .execute();
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Refusal("already_exists", "a workload of that name exists", { cause: error });
  }
  return { workload: id, principal };
}
