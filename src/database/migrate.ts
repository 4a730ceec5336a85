import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { isUniqueViolation } from "./failure.ts";
import type { Database } from "./open.ts";
import { appendOnlyTables, deletableTables, type Schema } from "./schema.ts";

export type Migration = { readonly name: string; readonly sha256: string; readonly script: string };

/** Any number will do as long as nothing else in this database locks it: "wv" and a one. */
const migrationLock = 0x7776_0001;

/** The first PostgreSQL in which the right to vacuum a table can be granted. */
const maintainVersion = 170_000;

const createMigrationTable = `
  select pg_advisory_xact_lock(${migrationLock});
  create table if not exists migration (
    name text primary key,
    sha256 text not null,
    applied_at timestamptz not null default now()
  );`;

/**
 * Applies the migrations of `folder` that are not applied yet, in the order of their names, and gives their names. Each is one transaction
 * with its row in `migration`; processes that migrate at the same time wait for each other. Refuses an applied migration that was edited or lost.
 */
export async function migrate(database: Database, folder: string): Promise<readonly string[]> {
  const migrations = await readMigrations(folder);
  await database.runScript(createMigrationTable);
  const applied: string[] = [];
  for (;;) {
    const [next] = await pendingOf(database, migrations);
    if (next === undefined) return applied;
    if (await apply(database, next)) applied.push(next.name);
  }
}

/** The names of the migrations that `migrate` would apply, under the same refusals. Changes nothing. */
export async function pendingMigrations(
  database: Database,
  folder: string,
): Promise<readonly string[]> {
  const pending = await pendingOf(database, await readMigrations(folder));
  return pending.map((migration) => migration.name);
}

/**
 * Lets `role` serve and no more: rows of append-only tables are read and added, others also changed, and deleted only where the schema says so.
 * Makes the role if need be, able to log in and without a password. What it was granted before on these tables is taken back first.
 */
export async function grantServerRole(database: Database, role: string): Promise<void> {
  const schema = await ownSchema(database);
  const grantee = identifier(role);
  const on = (tables: readonly string[]) =>
    tables.map((table) => `${identifier(schema)}.${identifier(table)}`).join(", ");
  const changeable = (await ownTables(database)).filter(
    (table) => table !== "migration" && !isAppendOnly(table),
  );
  await database.runScript(`
    select pg_advisory_xact_lock(${migrationLock});
    do $do$ begin
      if not exists (select from pg_roles where rolname = ${literal(role)}) then
        create role ${grantee} login;
      end if;
    end $do$;
    revoke all on all tables in schema ${identifier(schema)} from ${grantee};
    grant usage on schema ${identifier(schema)} to ${grantee};
    grant usage, select on all sequences in schema ${identifier(schema)} to ${grantee};
    grant select on all tables in schema ${identifier(schema)} to ${grantee};
    grant insert on ${on([...appendOnlyTables, ...changeable])} to ${grantee};
    grant update on ${on(changeable)} to ${grantee};
    grant delete on ${on(deletableTables)} to ${grantee};
    do $do$ begin
      if current_setting('server_version_num')::int >= ${maintainVersion} then
        execute ${literal(`grant maintain on ${on(["ledger_pending"])} to ${grantee}`)};
      end if;
    end $do$;`);
}

/** Whether the connected role may clear away a table's dead rows: as its owner does, or from PostgreSQL 17 on as one who was granted it. */
export async function mayVacuum(database: Database, table: keyof Schema): Promise<boolean> {
  const { rows } = await sql<{ may: boolean }>`
    select case when current_setting('server_version_num')::int >= ${maintainVersion}::int
      then has_table_privilege(oid, 'maintain') else pg_has_role(relowner, 'usage') end as may
    from pg_class where oid = ${table}::regclass`.execute(database.db);
  return rows[0]?.may === true;
}

/** Whether the connected role could undo what keeps the ledger append-only: a superuser, or an owner of our tables or their schema. */
export async function ownsTables(database: Database): Promise<boolean> {
  const { rows } = await sql<{ owns: boolean }>`
    select coalesce(bool_or(
      r.rolsuper
      or pg_has_role(r.oid, n.nspowner, 'member')
      or exists (
        select from pg_class c
        where c.relnamespace = n.oid and c.relkind in ('r', 'p') and pg_has_role(r.oid, c.relowner, 'member')
      )
    ), false) as owns
    from pg_roles r, pg_namespace n
    where r.rolname in (current_user, session_user) and n.nspname = current_schema()`.execute(
    database.db,
  );
  return rows[0]?.owns !== false;
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  const numbers = new Set<string>();
  for (const name of names) {
    const number = /^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1];
    if (number === undefined) throw new Error(`${name} is not named like 0001_initial.sql`);
    if (numbers.has(number)) throw new Error(`two migrations have the number ${number}`);
    numbers.add(number);
  }
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name, sha256, script: bytes.toString("utf8") };
    }),
  );
}

async function pendingOf(
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const applied = await appliedMigrations(database);
  for (const [name, sha256] of applied) {
    const migration = migrations.find((each) => each.name === name);
    if (migration === undefined) {
      throw new Error(`migration ${name} was applied to this database but is not in this release`);
    }
    if (migration.sha256 !== sha256) {
      throw new Error(`migration ${name} was edited after it was applied; add a new one instead`);
    }
  }
  const last = [...applied.keys()].sort().at(-1) ?? "";
  const pending = migrations.filter(({ name }) => !applied.has(name));
  const late = pending.find(({ name }) => name < last);
  if (late !== undefined)
    throw new Error(`migration ${late.name} comes before ${last}, which is applied`);
  return pending;
}

async function appliedMigrations(database: Database): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ found: boolean }>`
    select to_regclass('migration') is not null as found`.execute(database.db);
  if (rows[0]?.found !== true) return new Map();
  const applied = await sql<{ name: string; sha256: string }>`
    select name, sha256 from migration`.execute(database.db);
  return new Map(applied.rows.map(({ name, sha256 }) => [name, sha256]));
}

/** The row goes in first: whoever finds it there after waiting for the lock has nothing left to do, and answers false. */
async function apply(database: Database, { name, sha256, script }: Migration): Promise<boolean> {
  try {
    await database.runScript(`
      select pg_advisory_xact_lock(${migrationLock});
      insert into migration (name, sha256) values (${literal(name)}, ${literal(sha256)});
      ${script}`);
    return true;
  } catch (error) {
    if (isUniqueViolation(error, "migration_pkey")) return false;
    throw new Error(`migration ${name} failed; nothing of it was kept`, { cause: error });
  }
}

async function ownSchema(database: Database): Promise<string> {
  const { rows } = await sql<{ schema: string | null }>`
    select current_schema() as schema`.execute(database.db);
  const schema = rows[0]?.schema;
  if (typeof schema !== "string") throw new Error("the search_path names no schema that exists");
  return schema;
}

async function ownTables(database: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = current_schema()
    order by tablename`.execute(database.db);
  return rows.map(({ name }) => name);
}

function isAppendOnly(table: string): boolean {
  return appendOnlyTables.some((each) => each === table);
}

function identifier(name: string): string {
  if (name === "" || name.includes("\0")) throw new TypeError("not an SQL identifier");
  return `"${name.replaceAll('"', '""')}"`;
}

/** Valid under `standard_conforming_strings`, which is on wherever this product runs. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
