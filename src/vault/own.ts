import { Refusal } from "../errors.ts";
import type { LicenseScope } from "../export-control/facts.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Tx } from "./vault.ts";

/** The natural person behind a principal: the person, or who answers for the workload. Null for no such principal. */
export async function responsibleFor(tx: Tx, principal: string): Promise<string | null> {
  const row = await tx
    .selectFrom("principal")
    .leftJoin("workload", "workload.id", "principal.workload")
    .select(["principal.person", "workload.accountable"])
    .where("principal.id", "=", principal)
    .executeTakeFirst();
  return row === undefined ? null : (row.person ?? row.accountable);
}

/**
 * Holds a person against erasure until the transaction ends, for what will rest on them. Throws `erased`.
 */
export async function assertNotErased(tx: Tx, person: string): Promise<void> {
  const row = await tx
    .selectFrom("person")
    .select("state")
    .where("id", "=", person)
    .forShare()
    .executeTakeFirst();
  if (row?.state === "erased")
    throw new Refusal("erased", "the person was erased: record them anew first");
}

/** Holds persons against erasure until the transaction ends, for what tells of their facts. Throws `erased`. */
export async function assertNoneErased(tx: Tx, persons: readonly string[]): Promise<void> {
  if (persons.length === 0) return;
  const rows = await tx
    .selectFrom("person")
    .select("state")
    .where("id", "in", [...persons])
    .orderBy("id")
    .forShare()
    .execute();
  if (rows.some(({ state }) => state === "erased"))
    throw new Refusal("erased", "a person's facts were erased meanwhile");
}

/** Whether a license is the caller's own affair: entered by them, or naming them, a workload that they answer for or the entity that operates one. */
export async function mayNotActivate(
  tx: Tx,
  caller: Caller,
  license: { readonly entered_by: string; readonly scope: unknown },
): Promise<boolean> {
  return license.entered_by === caller.person || (await isNamedOn(tx, caller, license));
}

/** Whether a license names the caller or a workload that they answer for. */
export async function isNamedOn(
  tx: Tx,
  caller: Caller,
  license: { readonly scope: unknown },
): Promise<boolean> {
  const { parties } = license.scope as LicenseScope;
  if (parties === null) return false;
  if (parties.persons.includes(caller.person)) return true;
  const theirs = await workloadsOf(tx, caller.person);
  return theirs.some(
    ({ id, entity }) => parties.workloads.includes(id) || parties.entities.includes(entity),
  );
}

/** Whether a person answers for a workload that the entity operates. */
export async function actsFor(tx: Tx, person: string, entity: string): Promise<boolean> {
  return (await workloadsOf(tx, person)).some((workload) => workload.entity === entity);
}

async function workloadsOf(tx: Tx, accountable: string) {
  return await tx
    .selectFrom("workload")
    .select(["id", "entity"])
    .where("accountable", "=", accountable)
    .execute();
}
