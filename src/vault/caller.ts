import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Role } from "../identity/token.ts";
import { firstOf, latestOf, type Submitted } from "../ledger/outbox.ts";
import { assertAsRecorded, recordedRow } from "./row.ts";
import { record, type Tx, type Vault } from "./vault.ts";

/**
 * A business transaction of a caller's. Who was authenticated when the request began may have been suspended, and their token revoked,
 * by the time its body has come; and a token row may have been forged. Both are looked at again here, under locks that whoever suspends or revokes takes too.
 */
export async function recordAs<Result>(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  return await record(vault, async (tx) => {
    await assertCallerStands(tx, caller, vault.now());
    return await work(tx);
  });
}

/** Throws `not_authenticated`, `token_expired`, `principal_suspended` or `record_tampered`. */
export async function assertCallerStands(tx: Tx, caller: Caller, now: Date): Promise<void> {
  await assertTokenStands(tx, caller, now);
  await assertPrincipalStands(tx, caller);
  const person = await tx
    .selectFrom("person")
    .selectAll()
    .where("id", "=", caller.person)
    .forShare()
    .executeTakeFirstOrThrow();
  const rows = [recordedRow("person", person)];
  if (caller.workload !== null) {
    const workload = await tx
      .selectFrom("workload")
      .selectAll()
      .where("id", "=", caller.workload)
      .forShare()
      .executeTakeFirstOrThrow();
    const entity = await tx
      .selectFrom("entity")
      .selectAll()
      .where("id", "=", workload.entity)
      .forShare()
      .executeTakeFirstOrThrow();
    if (workload.accountable !== caller.person)
      throw new Refusal("record_tampered", "the workload has another accountable person");
    rows.push(recordedRow("workload", workload), recordedRow("entity", entity));
  }
  await assertAsRecorded(tx, rows);
  if (rows.every(({ state }) => state === "active")) return;
  throw new Refusal(
    "principal_suspended",
    "the principal behind this token is suspended or revoked",
  );
}

/**
 * Locks a caller's token for a decision and compares it with its entry, so that a forged role, another secret behind the token or a token
 * moved to another principal is seen.
 */
export async function assertTokenStands(tx: Tx, caller: Caller, now: Date): Promise<void> {
  const row = await tx
    .selectFrom("token")
    .selectAll()
    .where("id", "=", caller.token)
    .forShare()
    .executeTakeFirstOrThrow();
  if (row.revoked_at !== null) throw new Refusal("not_authenticated", "the token was revoked");
  if (row.expires_at <= now) throw new Refusal("token_expired", "the token has expired");
  const issued = (await latestOf(tx, [caller.token])).get(caller.token);
  if (isAsIssued(row, issued) && row.principal === caller.principal) return;
  throw new Refusal("record_tampered", "the token differs from its latest ledger entry");
}

/** Whether a token's row says what the entry of its issue says, and no entry revoked it. */
export function isAsIssued(row: Selectable<Schema["token"]>, latest: Submitted | undefined) {
  const { principal, expires_at: expiresAt, hash } = row;
  const present = tokenBody({ principal, roles: row.roles as Role[], expiresAt, hash });
  return (
    (latest?.kind === "token.issued" || latest?.kind === "token.recovered") &&
    Object.entries(present).every(
      ([name, value]) => JSON.stringify(latest.body[name]) === JSON.stringify(value),
    )
  );
}

/** Compares whom the caller's principal belongs to with the entry that recorded that person or workload. Throws `record_tampered`. */
export async function assertPrincipalStands(
  tx: Tx,
  caller: Pick<Caller, "principal" | "person" | "workload">,
): Promise<void> {
  const kind = caller.workload === null ? "person.recorded" : "workload.recorded";
  const recorded = await firstOf(tx, caller.workload ?? caller.person);
  if (recorded?.kind === kind && recorded.body["principal"] === caller.principal) return;
  throw new Refusal(
    "record_tampered",
    "the principal does not belong to whom its ledger entry names",
  );
}

/** What the entry of a token says of it. */
export function tokenBody({
  principal,
  roles,
  expiresAt,
  hash,
}: {
  readonly principal: string;
  readonly roles: readonly Role[];
  readonly expiresAt: Date;
  /** SHA-256 of the token's text, as the row keeps it. */
  readonly hash: Buffer;
}) {
  // Hashed once more: who reads the ledger learns nothing that a row's hash could be found by.
  const hashSha256 = createHash("sha256").update(hash).digest("hex");
  return { principal, roles: [...roles], expiresAt: expiresAt.toISOString(), hashSha256 };
}
