import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import type { Role } from "../identity/token.ts";
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

/** Locks a caller's token for a decision and compares it with its entry, so that a forged role or a token moved to another principal is seen. */
export async function assertTokenStands(tx: Tx, caller: Caller, now: Date): Promise<void> {
  const row = await tx
    .selectFrom("token")
    .selectAll()
    .where("id", "=", caller.token)
    .forShare()
    .executeTakeFirstOrThrow();
  if (row.revoked_at !== null) throw new Refusal("not_authenticated", "the token was revoked");
  if (row.expires_at <= now) throw new Refusal("token_expired", "the token has expired");
  const issued = await tx
    .selectFrom("ledger_submission")
    .select(["kind", "body"])
    .where("subject", "=", caller.token)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  const body =
    issued === undefined
      ? {}
      : (JSON.parse(issued.body.toString("utf8")) as Record<string, unknown>);
  const present = tokenBody({
    principal: row.principal,
    roles: row.roles as Role[],
    expiresAt: row.expires_at,
  });
  const isSame =
    issued?.kind === "token.issued" &&
    Object.entries(present).every(
      ([name, value]) => JSON.stringify(body[name]) === JSON.stringify(value),
    );
  if (!isSame || row.principal !== caller.principal) {
    throw new Refusal("record_tampered", "the token differs from its latest ledger entry");
  }
}

/** Compares whom the caller's principal belongs to with the entry that recorded that person or workload. Throws `record_tampered`. */
export async function assertPrincipalStands(
  tx: Tx,
  caller: Pick<Caller, "principal" | "person" | "workload">,
): Promise<void> {
  const recorded = await tx
    .selectFrom("ledger_submission")
    .select("body")
    .where("subject", "=", caller.workload ?? caller.person)
    .where("kind", "=", caller.workload === null ? "person.recorded" : "workload.recorded")
    .execute();
  const [body] = recorded.map(
    (row) => JSON.parse(row.body.toString("utf8")) as Record<string, unknown>,
  );
  if (body?.["principal"] === caller.principal) return;
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
}: {
  readonly principal: string;
  readonly roles: readonly Role[];
  readonly expiresAt: Date;
}) {
  return { principal, roles: [...roles], expiresAt: expiresAt.toISOString() };
}
