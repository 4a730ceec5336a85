import type { Kysely } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";
import type { Caller } from "../identity/authenticate.ts";
import { openPerson, type PersonRecord } from "./person.ts";
import { recordReading } from "./reading.ts";
import type { Vault } from "./vault.ts";

/** A person as a list shows them: no fact about them, only where their record stands. */
export type PersonOutline = {
  readonly id: string;
  readonly principal: string;
  readonly state: "active" | "suspended" | "revoked" | "erased";
  readonly version: number;
  readonly createdAt: Date;
};

/** All persons, oldest first, without their facts. */
export async function listPersons({
  database,
}: Pick<Vault, "database">): Promise<readonly PersonOutline[]> {
  return await outlines(database.db).orderBy("person.created_at").orderBy("person.id").execute();
}

/**
 * One person with the decrypted facts, for who may read personal facts, once the ledger says that they do. Throws `not_found`, `erased` and
 * `ledger_unavailable`.
 */
export async function readPerson(
  vault: Pick<Vault, "database" | "custodian" | "ledger" | "now" | "limits">,
  caller: Caller,
  id: string,
): Promise<PersonOutline & { readonly facts: PersonRecord }> {
  const opened = await openPerson(vault, id);
  opened.key.wipe();
  await recordReading(vault, caller, { kind: "person.read", about: { person: id }, of: [id] });
  const outline = await outlines(vault.database.db).where("person.id", "=", id).executeTakeFirst();
  if (outline === undefined) throw new Refusal("not_found", "there is no such person");
  return { ...outline, version: opened.version, facts: opened.facts };
}

function outlines(db: Kysely<Schema>) {
  return db
    .selectFrom("person")
    .innerJoin("principal", "principal.person", "person.id")
    .select([
      "person.id",
      "principal.id as principal",
      "person.state",
      "person.version",
      "person.created_at as createdAt",
    ]);
}
