import { createHmac } from "node:crypto";
import type { Secret } from "../crypto/secret.ts";
import type { WrapContext } from "../custody/custodian.ts";
import { nameKeys } from "../screening/names.ts";
import type { OpenedPerson } from "./person.ts";
import { record, type Tx, type Vault } from "./vault.ts";

export type Indexer = Pick<Vault, "database" | "ledger" | "custodian" | "now">;

/** What personal facts are found by. Names are given as `nameKeys` makes them. */
export type Term = {
  readonly kind: "name" | "country" | "classification";
  readonly text: string;
};

/** What the index's key is bound to. */
export const termKeyContext: WrapContext = { "weightvault:records": "terms" };

/**
 * HMAC-SHA256 of a term under the index's key, which the custodian wraps: who has the database alone can neither read nor guess a name or a
 * country. Equal terms are equal, so how often one occurs shows; see ADR 16.
 */
export function termOf(key: Secret, { kind, text }: Term): Buffer {
  return createHmac("sha256", key.expose())
    .update(`weightvault/term/v1\0${kind}\0${text}`, "utf8")
    .digest();
}

/** The key of the index, made on its first use. The caller wipes it. */
export async function openTermKey({
  database,
  custodian,
  now,
}: Pick<Vault, "database" | "custodian" | "now">): Promise<Secret> {
  const find = async () =>
    await database.db
      .selectFrom("term_key")
      .select(["wrapped_key", "custodian_key"])
      .executeTakeFirst();
  const open = async (row: NonNullable<Awaited<ReturnType<typeof find>>>) =>
    await custodian.unwrap(row.wrapped_key, termKeyContext, row.custodian_key);
  const present = await find();
  if (present !== undefined) return await open(present);
  const { dataKey, wrapped, keyId } = await custodian.generate(termKeyContext);
  dataKey.wipe();
  await database.db
    .insertInto("term_key")
    .values({ wrapped_key: wrapped, custodian_key: keyId, created_at: now() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const kept = await find();
  if (kept === undefined) throw new Error("the key of the index of records was not kept");
  return await open(kept);
}

/** Puts the names and countries of an opened person into the index, unless they are there. Those of earlier versions stay. */
export async function indexPerson(vault: Indexer, person: OpenedPerson): Promise<void> {
  using key = await openTermKey(vault);
  const { id, version, facts } = person;
  const names = [facts.name, ...facts.otherNames].flatMap(nameKeys);
  const nationalities = [...(facts.citizenships ?? []), ...(facts.permanentResidencies ?? [])];
  const terms: readonly Term[] = [
    ...names.map((text): Term => ({ kind: "name", text })),
    ...nationalities.map(({ country }): Term => ({ kind: "country", text: country })),
  ];
  await record(vault, async (tx) => {
    const indexed = await tx
      .updateTable("person")
      .set({ indexed_version: version })
      .where("id", "=", id)
      .where("indexed_version", "<", version)
      .where("state", "<>", "erased")
      .returning("id")
      .executeTakeFirst();
    if (indexed === undefined) return;
    await insertTerms(
      tx,
      terms.map((term) => ({
        term: termOf(key, term),
        noun: "person",
        place: 0n,
        record: id,
        person: id,
      })),
    );
  });
}

/** Adds terms, each once. */
export async function insertTerms(
  tx: Tx,
  terms: readonly {
    readonly term: Buffer;
    readonly noun: "person" | "release";
    readonly place: bigint;
    readonly record: string;
    readonly person: string;
  }[],
): Promise<void> {
  const rows = [
    ...new Map(terms.map((each) => [`${each.term.toString("hex")} ${each.record}`, each])).values(),
  ];
  if (rows.length === 0) return;
  await tx
    .insertInto("record_term")
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
