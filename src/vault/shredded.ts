import { type Kysely, sql } from "kysely";
import type { Schema } from "../database/schema.ts";
import { Refusal } from "../errors.ts";

/**
 * Refuses what was shredded, by the entries of its repository and not by its rows, so that a row from a backup brings nothing back. Whoever
 * shreds takes locks that conflict with a decision's and a recheck's (see `shred.ts`): called after those, it sees every shredding that they
 * waited for. Asks for the objects only where something of the repository was shredded. Throws `shredded`.
 */
export async function assertNotShredded(
  db: Kysely<Schema>,
  repository: string,
  objectsOf: () => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  const { rows } = await sql<{ body: Buffer }>`select body from ledger_submission
    where subject = ${repository}::uuid and kind = 'repository.shredded' order by id`.execute(db);
  if (rows.length === 0) return;
  const bodies = rows.map(({ body }) => JSON.parse(body.toString("utf8")) as ShreddedBody);
  if (bodies.some(({ scope }) => scope === "repository"))
    throw new Refusal("shredded", "the repository was shredded");
  const gone = new Set(bodies.flatMap(({ objects }) => objects.map(({ object }) => object)));
  const found = (await objectsOf()).filter((object) => gone.has(object));
  if (found.length === 0) return;
  throw new Refusal("shredded", `${found.length} of the files were shredded`, {
    members: { objects: found.slice(0, 100) },
  });
}

/** What an entry about a shredding says of what was destroyed. */
type ShreddedBody = {
  readonly scope: "object" | "repository";
  readonly objects: readonly { readonly object: string }[];
};
