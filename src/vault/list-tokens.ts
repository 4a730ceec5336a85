import type { Vault } from "./vault.ts";

/** A token as operators see it: never its text, which nobody keeps. */
export type TokenOutline = {
  readonly id: string;
  readonly principal: string;
  readonly roles: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
};

/** The tokens of a principal, or all of them, newest first. */
export async function listTokens(
  { database }: Pick<Vault, "database">,
  principal: string | null,
): Promise<readonly TokenOutline[]> {
  const rows = database.db
    .selectFrom("token")
    .select([
      "id",
      "principal",
      "roles",
      "created_at as createdAt",
      "expires_at as expiresAt",
      "revoked_at as revokedAt",
    ])
    .orderBy("created_at", "desc")
    .orderBy("id");
  return await (principal === null ? rows : rows.where("principal", "=", principal)).execute();
}
