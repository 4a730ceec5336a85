import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import { grantServerRole, ownsTables } from "../../../src/database/migrate.ts";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { appendOnlyTables, deletableTables } from "../../../src/database/schema.ts";
import { describePostgres, openMemory } from "../../support/database.ts";
import { openCloned } from "./cloned.ts";

const privileges = ["select", "insert", "update", "delete", "truncate", "maintain"] as const;

async function privilegesOf(
  { db }: Database,
  role: string,
): Promise<Readonly<Record<string, string>>> {
  const { rows } = await sql<{ name: string; privilege: string }>`
    select t.tablename as name, p.privilege
    from pg_tables t, unnest(array[${sql.join(privileges)}]) with ordinality as p(privilege, rank)
    where t.schemaname = current_schema()
      and has_table_privilege(${role}, format('%I.%I', t.schemaname, t.tablename), p.privilege)
    order by t.tablename, p.rank`.execute(db);
  const granted: Record<string, string> = {};
  for (const { name, privilege } of rows) {
    granted[name] = name in granted ? `${granted[name]} ${privilege}` : privilege;
  }
  return granted;
}

/** Roles belong to the whole server, so each test has a name of its own; the quote shows that names are quoted. */
function newRole(): string {
  return `server "${randomUUID().slice(0, 8)}`;
}

async function dropRole({ db }: Database, role: string): Promise<void> {
  await sql`drop owned by ${sql.id(role)}`.execute(db);
  await sql`drop role ${sql.id(role)}`.execute(db);
}

describePostgres("the server's role", () => {
  test("reads and adds to append-only tables, changes the others, deletes where the schema says so", async () => {
    await using cloned = await openCloned();
    const { database } = cloned;
    const role = newRole();
    await sql`create role ${sql.id(role)} login`.execute(database.db);
    await sql`grant all on all tables in schema public to ${sql.id(role)}`.execute(database.db);
    await grantServerRole(database, role);
    await grantServerRole(database, role);
    const granted = await privilegesOf(database, role);
    for (const table of appendOnlyTables)
      expect([table, granted[table]]).toEqual([table, "select insert"]);
    for (const table of deletableTables) {
      const further = table === "ledger_pending" ? " maintain" : "";
      expect([table, granted[table]]).toEqual([table, `select insert update delete${further}`]);
    }
    expect(granted["migration"]).toBe("select");
    expect(granted["release"]).toBe("select insert update");
    await dropRole(database, role);
  });

  test("is made able to log in, and does not own what it serves", async () => {
    await using cloned = await openCloned();
    const role = newRole();
    await grantServerRole(cloned.database, role);
    const url = new URL(cloned.url);
    url.username = encodeURIComponent(role);
    const server = openPostgres({ url: url.href });
    expect(await ownsTables(server)).toBe(false);
    const { rows } = await sql`select name from migration`.execute(server.db);
    expect(rows).toContainEqual({ name: "0001_initial.sql" });
    const deleting = sql`delete from ledger_entry`.execute(server.db);
    await expect(deleting).rejects.toMatchObject({ code: "42501" });
    await server.close();
    await dropRole(cloned.database, role);
  });

  test("owns the tables as a superuser, as their owner and as a member of their owner", async () => {
    await using cloned = await openCloned();
    const { database } = cloned;
    expect(await ownsTables(database)).toBe(true);
    const [owner, member] = [newRole(), newRole()];
    for (const role of [owner, member]) await grantServerRole(database, role);
    await sql`alter table person owner to ${sql.id(owner)}`.execute(database.db);
    const asRole = async (role: string) => {
      const url = new URL(cloned.url);
      url.username = encodeURIComponent(role);
      const opened = openPostgres({ url: url.href });
      return ownsTables(opened).finally(() => void opened.close());
    };
    expect(await asRole(owner)).toBe(true);
    expect(await asRole(member)).toBe(false);
    await sql`grant ${sql.id(owner)} to ${sql.id(member)}`.execute(database.db);
    expect(await asRole(member)).toBe(true);
    await sql`reassign owned by ${sql.id(owner)} to current_user`.execute(database.db);
    for (const role of [member, owner]) await dropRole(database, role);
  });
});

test("grants work on PGlite too", async () => {
  const database = await openMemory();
  await grantServerRole(database, "server");
  expect((await privilegesOf(database, "server"))["ledger_entry"]).toBe("select insert");
  expect(await ownsTables(database)).toBe(true);
  await database.close();
});
