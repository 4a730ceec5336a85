import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Role } from "../identity/token.ts";
import { submit } from "../ledger/submit.ts";
import { insertPerson, preparePerson, type StatedPerson } from "./person.ts";
import { type IssuedToken, insertToken } from "./token.ts";
import { record, type Tx, type Vault } from "./vault.ts";

/** What the first officer may do: all that a vault of two people needs. Further tokens carry what they are issued with. */
export const firstRoles: readonly Role[] = ["export-officer", "operator", "personal-data-reader"];

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Gives the vault its identity on the very first start, with the ledger's first entry, and makes the one-time bootstrap token.
 * Null on every later start, unless the token was never traded: then a new one replaces it. A vault whose ledger was rebuilt has its identity
 * from that, and no second first entry.
 */
export async function initialize(
  vault: Pick<Vault, "database" | "ledger" | "now">,
): Promise<Secret | null> {
  const text = new Secret(Buffer.from(`wvb_${randomBytes(32).toString("base64url")}`, "ascii"));
  return await record(vault, async (tx) => {
    const now = vault.now();
    const rebuilt = await initializedBefore(tx);
    const isFirst = await tx
      .insertInto("vault")
      .values(rebuilt ?? { id: randomUUID(), created_at: now })
      .onConflict((row) => row.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (isFirst !== undefined && rebuilt === null)
      await submit(tx, { kind: "vault.initialized", time: now, body: { vault: isFirst.id } });
    const tokens = await tx.selectFrom("bootstrap_token").select("used_at").forUpdate().execute();
    if (tokens.some(({ used_at }) => used_at !== null) || (await isTraded(tx))) return null;
    await tx
      .updateTable("bootstrap_token")
      .set({ used_at: null, hash: hashOf(text), created_at: now })
      .execute();
    if (tokens.length === 0)
      await tx
        .insertInto("bootstrap_token")
        .values({ hash: hashOf(text), created_at: now, used_at: null })
        .execute();
    return text;
  });
}

/** The identity in the ledger's first entry of it; null before the very first start. */
async function initializedBefore(
  tx: Tx,
): Promise<{ readonly id: string; readonly created_at: Date } | null> {
  const first = await tx
    .selectFrom("ledger_submission")
    .select(["body", "time"])
    .where("kind", "=", "vault.initialized")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  if (first === undefined) return null;
  const { vault } = JSON.parse(first.body.toString("utf8")) as { readonly vault?: unknown };
  const isId = typeof vault === "string" && uuidPattern.test(vault);
  return isId ? { id: vault, created_at: first.time } : null;
}

/** Trades the bootstrap token, once, for the first officer: a person, a principal and a token. Throws `not_authenticated`. */
export async function trade(
  vault: Pick<Vault, "database" | "ledger" | "custodian" | "now">,
  {
    bootstrapToken,
    facts,
    expiresAt,
  }: { readonly bootstrapToken: Secret; readonly facts: StatedPerson; readonly expiresAt: Date },
): Promise<IssuedToken & { readonly person: string; readonly principal: string }> {
  const made = await preparePerson(vault.custodian, {
    ...facts,
    // The first officer speaks of nobody but themselves, and nobody verified that.
    verifications: null,
  });
  return await record(vault, async (tx) => {
    const now = vault.now();
    if (await isTraded(tx))
      throw new Refusal("record_tampered", "a bootstrap token was made again behind the vault");
    const used = await tx
      .updateTable("bootstrap_token")
      .set({ used_at: now })
      .where("hash", "=", hashOf(bootstrapToken))
      .where("used_at", "is", null)
      .returning("hash")
      .executeTakeFirst();
    if (used === undefined)
      throw new Refusal(
        "not_authenticated",
        "the bootstrap token is unknown or was traded already",
      );
    await insertPerson(tx, made, null, now);
    const issued = await insertToken(
      tx,
      { principal: made.principal, roles: firstRoles, expiresAt },
      null,
      now,
    );
    return { ...issued, person: made.person, principal: made.principal };
  });
}

/** Whether any token was ever issued: then there was a first officer, whatever the bootstrap token's own row says. */
async function isTraded(tx: Tx): Promise<boolean> {
  const issued = await tx
    .selectFrom("ledger_submission")
    .select("id")
    .where("kind", "=", "token.issued")
    .limit(1)
    .executeTakeFirst();
  return issued !== undefined;
}

function hashOf(text: Secret): Buffer {
  return createHash("sha256").update(text.expose()).digest();
}
