import { type Kysely, sql } from "kysely";
import type { Canonical } from "../crypto/canonical-json.ts";
import type { Schema } from "../database/schema.ts";
import { isRefusal } from "../errors.ts";
import { openEvidence } from "./evidence.ts";
import { openPerson } from "./person.ts";
import type { RecordReference } from "./selection.ts";
import type { Vault } from "./vault.ts";

/** A record as an agency reads it: the row, what happened to it by the ledger, and what was opened. */
export type RecordContent = Readonly<Record<string, Canonical>>;

/** A release of more objects than this names their digest alone; the revision's manifest has them. */
const objectsShown = 1_000;

/** Keys, ciphertext, secrets' digests and the vault's own bookkeeping are no part of a record. */
const hidden = new Set([
  "facts",
  "wrapped_key",
  "custodian_key",
  "reuse_key",
  "indexed_version",
  "node",
  "lease_until",
  "submission",
  "outcome",
]);

/**
 * The content of a record without its history. With `opens`, a person's facts and a release's evidence in clear; what was erased is said to be.
 */
export async function contentOf(
  vault: Pick<Vault, "database" | "custodian">,
  { noun, id }: RecordReference,
  opens: boolean,
): Promise<RecordContent> {
  const { db } = vault.database;
  const { rows } = await sql<Record<string, unknown>>`
    select * from ${sql.table(noun)} where id = ${id}::uuid`.execute(db);
  const row = Object.entries(rows[0] ?? {}).filter(([name]) => !hidden.has(name));
  const shown = Object.fromEntries(row.map(([name, value]) => [camel(name), plain(value)]));
  const content = { record: noun, ...shown };
  if (noun === "person")
    return { ...content, facts: opens ? await factsOf(vault, id) : "not-opened" };
  if (noun !== "release") return content;
  return {
    ...content,
    licenses: await licensesOf(db, id),
    objects: await objectsOf(db, id),
    evidence: opens ? await evidenceOf(vault, id) : "not-opened",
  };
}

async function factsOf(
  vault: Pick<Vault, "database" | "custodian">,
  id: string,
): Promise<Canonical> {
  return await orErased(async () => {
    const { facts, key } = await openPerson(vault, id);
    key.wipe();
    return facts as unknown as Canonical;
  });
}

async function evidenceOf(
  vault: Pick<Vault, "database" | "custodian">,
  id: string,
): Promise<Canonical> {
  return await orErased(async () => (await openEvidence(vault, id)) as unknown as Canonical);
}

async function orErased(open: () => Promise<Canonical>): Promise<Canonical> {
  try {
    // A round trip leaves out what is undefined, which has no canonical form.
    return JSON.parse(JSON.stringify(await open())) as Canonical;
  } catch (error) {
    if (isRefusal(error, "erased")) return "erased";
    throw error;
  }
}

async function licensesOf(db: Kysely<Schema>, release: string): Promise<Canonical> {
  const rows = await db
    .selectFrom("release_license")
    .innerJoin("license", "license.id", "release_license.license")
    .select(["license.id", "license.number", "license.kind"])
    .where("release_license.release", "=", release)
    .orderBy("license.id")
    .execute();
  return rows.map(({ id, number, kind }) => ({ id, number, kind }));
}

async function objectsOf(db: Kysely<Schema>, release: string): Promise<Canonical> {
  const rows = await db
    .selectFrom("release_object")
    .select(["path", "object", "size_bytes", "sha256"])
    .where("release", "=", release)
    .orderBy("position")
    .limit(objectsShown + 1)
    .execute();
  if (rows.length > objectsShown) return null;
  return rows.map(({ path, object, size_bytes, sha256 }) => ({
    path,
    object,
    sizeBytes: size_bytes.toString(),
    sha256: sha256.toString("hex"),
  }));
}

function plain(value: unknown): Canonical {
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return value.toString();
  if (Buffer.isBuffer(value) || value instanceof Uint8Array)
    return Buffer.from(value).toString("hex");
  return JSON.parse(JSON.stringify(value ?? null)) as Canonical;
}

function camel(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
