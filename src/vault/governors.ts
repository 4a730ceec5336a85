import { sql } from "kysely";
import { Refusal } from "../errors.ts";
import type { Role } from "../identity/token.ts";
import type { Tx } from "./vault.ts";

/** Without an export officer nobody is cleared or reinstated again; without an operator nobody gets another token. */
export type Indispensable = Extract<Role, "export-officer" | "operator">;

const indispensable: readonly Indispensable[] = ["export-officer", "operator"];

/** Any number of ours that no other lock of this database has. */
const governorsLock = 7_373_002n;

/**
 * Does what takes a person's or a token's powers away, and refuses it (`last_officer`) where it would take one of these roles from the last
 * who holds a live token with it: `recover` is for what time took away, not for this. One at a time, so that two officers who
 * suspend each other do not both succeed.
 */
export async function keepingGovernors(
  tx: Tx,
  { now, roles }: { readonly now: Date; readonly roles: readonly Indispensable[] },
  change: () => Promise<void>,
): Promise<void> {
  await lockGovernors(tx);
  const before = await held(tx, now);
  await change();
  const after = await held(tx, now);
  const lost = roles.filter((role) => before.has(role) && !after.has(role));
  if (lost.length === 0) return;
  throw new Refusal(
    "last_officer",
    `nobody else who stands holds a live token with the role ${lost.join(" or ")}`,
  );
}

/** Whether a token with these roles makes somebody govern. */
export function isGoverning(roles: readonly Role[]): boolean {
  return indispensable.some((role) => roles.includes(role));
}

/** Taken by whatever gives a governing role or takes one away, until its transaction ends. */
export async function lockGovernors(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${governorsLock})`.execute(tx);
}

/** The roles that nobody who stands holds a live token with; none of them comes back while the caller's transaction lasts. */
export async function lackingRoles(tx: Tx, now: Date): Promise<readonly Indispensable[]> {
  await lockGovernors(tx);
  const present = await held(tx, now);
  return indispensable.filter((role) => !present.has(role));
}

/** The roles for which a person who stands holds a live token. */
async function held(tx: Tx, now: Date): Promise<ReadonlySet<string>> {
  const tokens = await tx
    .selectFrom("token")
    .innerJoin("principal", "principal.id", "token.principal")
    .innerJoin("person", "person.id", "principal.person")
    .select("token.roles")
    .where("token.revoked_at", "is", null)
    .where("token.expires_at", ">", now)
    .where("person.state", "=", "active")
    .execute();
  return new Set(tokens.flatMap(({ roles }) => roles));
}
