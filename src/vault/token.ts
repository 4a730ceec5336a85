import { randomUUID } from "node:crypto";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { newToken, type Role, tokenHash } from "../identity/token.ts";
import { submit } from "../ledger/submit.ts";
import { record, type Tx, type Vault } from "./vault.ts";

export type TokenRequest = {
  readonly principal: string;
  readonly roles: readonly Role[];
  readonly expiresAt: Date;
};
export type IssuedToken = { readonly id: string; readonly text: Secret; readonly expiresAt: Date };

/** Issues a token: its text is in the answer and nowhere else. Operators issue none to themselves with roles that they lack. */
export async function issueToken(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  request: TokenRequest,
): Promise<IssuedToken> {
  const isRaise =
    request.principal === caller.principal && request.roles.some((role) => !caller.roles.has(role));
  if (isRaise)
    throw new Refusal("two_person_rule", "nobody issues themselves a role that they lack");
  if (request.expiresAt <= vault.now())
    throw new Refusal("invalid_request", "the token would be expired from the start");
  return await record(vault, async (tx) => {
    const principal = await tx
      .selectFrom("principal")
      .select("id")
      .where("id", "=", request.principal)
      .executeTakeFirst();
    if (principal === undefined) throw new Refusal("not_found", "there is no such principal");
    return await insertToken(tx, request, caller.principal, vault.now());
  });
}

/** Writes a token and its entry. */
export async function insertToken(
  tx: Tx,
  request: TokenRequest,
  by: string | null,
  now: Date,
): Promise<IssuedToken> {
  const id = randomUUID();
  const text = newToken();
  const hash = tokenHash(text.expose().toString("ascii"));
  if (hash === null) throw new Error("a fresh token does not parse");
  const roles = [...new Set(request.roles)].sort();
  await submit(tx, {
    kind: "token.issued",
    subject: id,
    time: now,
    body: { token: id, by, ...tokenBody({ ...request, roles }) },
  });
  await tx
    .insertInto("token")
    .values({
      id,
      hash,
      principal: request.principal,
      roles,
      issued_by: by,
      created_at: now,
      expires_at: request.expiresAt,
      revoked_at: null,
    })
    .execute();
  return { id, text, expiresAt: request.expiresAt };
}

/** Revokes a token at once. Its holder may do so too. */
export async function revokeToken(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  id: string,
): Promise<void> {
  await record(vault, async (tx) => {
    const row = await tx
      .selectFrom("token")
      .select(["principal", "revoked_at"])
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    const isTheirs = row?.principal === caller.principal || caller.roles.has("operator");
    if (row === undefined || !isTheirs) throw new Refusal("not_found", "there is no such token");
    if (row.revoked_at !== null) return;
    const now = vault.now();
    await submit(tx, {
      kind: "token.revoked",
      subject: id,
      time: now,
      body: { token: id, by: caller.principal },
    });
    await tx.updateTable("token").set({ revoked_at: now }).where("id", "=", id).execute();
  });
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
export async function assertPrincipalStands(tx: Tx, caller: Caller): Promise<void> {
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

function tokenBody({ principal, roles, expiresAt }: TokenRequest) {
  return { principal, roles: [...roles], expiresAt: expiresAt.toISOString() };
}
