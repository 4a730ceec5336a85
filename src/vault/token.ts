import { randomUUID } from "node:crypto";
import type { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { newToken, type Role, tokenHash } from "../identity/token.ts";
import { submit } from "../ledger/submit.ts";
import { recordAs, tokenBody } from "./caller.ts";
import { isGoverning, keepingGovernors, lockGovernors } from "./governors.ts";
import { assertNotErased, responsibleFor } from "./own.ts";
import { actedBy } from "./row.ts";
import type { Tx, Vault } from "./vault.ts";

export type TokenRequest = {
  readonly principal: string;
  readonly roles: readonly Role[];
  readonly expiresAt: Date;
};
export type IssuedToken = { readonly id: string; readonly text: Secret; readonly expiresAt: Date };

/** Who has one of these governs others or learns of them; who uploads or reads does so only as others decide. */
const governing: readonly Role[] = [
  "export-officer",
  "auditor",
  "operator",
  "personal-data-reader",
];

/** Issues a token: its text is in the answer and nowhere else. Operators issue themselves no governing role that they lack. */
export async function issueToken(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  request: TokenRequest,
): Promise<IssuedToken> {
  if (request.expiresAt <= vault.now())
    throw new Refusal("invalid_request", "the token would be expired from the start");
  return await recordAs(vault, caller, async (tx) => {
    const responsible = await responsibleFor(tx, request.principal);
    if (responsible === null) throw new Refusal("not_found", "there is no such principal");
    const raised = request.roles.filter(
      (role) => governing.includes(role) && !caller.roles.has(role),
    );
    if (responsible === caller.person && raised.length > 0) {
      throw new Refusal(
        "two_person_rule",
        "nobody issues a governing role that they lack to themselves or to their workloads",
      );
    }
    await assertNotErased(tx, responsible);
    if (isGoverning(request.roles)) await lockGovernors(tx);
    return await insertToken(tx, request, caller, vault.now());
  });
}

/** Writes a token and its entry, `token.issued` or `token.recovered`. */
export async function insertToken(
  tx: Tx,
  request: TokenRequest,
  by: Caller | null,
  now: Date,
  how: "issued" | "recovered" = "issued",
): Promise<IssuedToken & { readonly submission: bigint }> {
  const id = randomUUID();
  const text = newToken();
  const hash = tokenHash(text.expose().toString("ascii"));
  if (hash === null) throw new Error("a fresh token does not parse");
  const roles = [...new Set(request.roles)].sort();
  const submission = await submit(tx, {
    kind: `token.${how}`,
    subject: id,
    time: now,
    body: { token: id, ...actedBy(by), ...tokenBody({ ...request, roles, hash }) },
  });
  await tx
    .insertInto("token")
    .values({
      id,
      hash,
      principal: request.principal,
      roles,
      issued_by: by?.principal ?? null,
      created_at: now,
      expires_at: request.expiresAt,
      revoked_at: null,
    })
    .execute();
  return { id, text, expiresAt: request.expiresAt, submission };
}

/** Revokes a token at once. Its holder may do so too. */
export async function revokeToken(
  vault: Pick<Vault, "database" | "ledger" | "now">,
  caller: Caller,
  id: string,
): Promise<void> {
  await recordAs(vault, caller, async (tx) => {
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
    await keepingGovernors(tx, { now, roles: ["export-officer", "operator"] }, async () => {
      await submit(tx, {
        kind: "token.revoked",
        subject: id,
        time: now,
        body: { token: id, ...actedBy(caller) },
      });
      await tx.updateTable("token").set({ revoked_at: now }).where("id", "=", id).execute();
    });
  });
}
