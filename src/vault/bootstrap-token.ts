import { createHash } from "node:crypto";
import { Secret } from "../crypto/secret.ts";
import type { Vault } from "./vault.ts";

/** A bootstrap token as it came over the wire, kept out of logs and errors from here on. */
export function bootstrapTokenOf(text: string): Secret {
  return new Secret(Buffer.from(text, "utf8"));
}

/**
 * Whether this is the bootstrap token and it was not traded yet: one hash and one look by it, whatever the text. Everybody may offer
 * one, so this comes before anything that costs more. Only the trade itself decides, under its lock.
 */
export async function isOpenBootstrapToken(
  { database }: Pick<Vault, "database">,
  bootstrapToken: Secret,
): Promise<boolean> {
  const row = await database.db
    .selectFrom("bootstrap_token")
    .select("used_at")
    .where("hash", "=", createHash("sha256").update(bootstrapToken.expose()).digest())
    .where("used_at", "is", null)
    .executeTakeFirst();
  return row !== undefined;
}
