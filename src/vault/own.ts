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

/** Whether a license is the caller's own affair: entered by them, or naming them or a workload that they answer for. */
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
  if (parties.workloads.length === 0) return false;
  const workload = await tx
    .selectFrom("workload")
    .select("id")
    .where("id", "in", [...parties.workloads])
    .where("accountable", "=", caller.person)
    .executeTakeFirst();
  return workload !== undefined;
}
