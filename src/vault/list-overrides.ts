import type { Selectable } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import { fits } from "../export-control/rulebook.ts";
import type { Vault } from "./vault.ts";

export type OverrideRow = Selectable<Schema["override"]> & {
  /** Whether the shipped rulebook still has the requirement that it is about, as it read then. */
  readonly fits: boolean;
};

/** All overrides in whatever state, newest first. */
export async function listOverrides(
  vault: Pick<Vault, "database" | "rulebook">,
): Promise<readonly OverrideRow[]> {
  const rows = await vault.database.db
    .selectFrom("override")
    .selectAll()
    .orderBy("proposed_at", "desc")
    .orderBy("id")
    .execute();
  return rows.map((row) => judged(vault, row));
}

/** One override. Throws `not_found`. */
export async function readOverride(
  vault: Pick<Vault, "database" | "rulebook">,
  id: string,
): Promise<OverrideRow> {
  const row = await vault.database.db
    .selectFrom("override")
    .selectAll()
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new Refusal("not_found", "there is no such override");
  return judged(vault, row);
}

function judged(
  { rulebook }: Pick<Vault, "rulebook">,
  row: Selectable<Schema["override"]>,
): OverrideRow {
  const rowSha256 = row.requirement_sha256.toString("hex");
  return { ...row, fits: fits(rulebook, { row: row.requirement, rowSha256, action: row.action }) };
}
