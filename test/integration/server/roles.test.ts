import { randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { appendOnlyTables } from "../../../src/database/schema.ts";
import { type Ended, weightvault } from "../../e2e/command.ts";
import { createBareDatabase, describePostgres } from "../../support/database.ts";
import { refusedStart, spawnServer } from "../../support/server-process.ts";
import { bootstrapTokenIn, embeddedPlace, tell } from "./served.ts";

type Migrated = AsyncDisposable & {
  readonly superuserUrl: string;
  readonly ownerUrl: string;
  readonly serverUrl: string;
  readonly migrate: () => Promise<Ended>;
};

/** An empty database that belongs to an ordinary role, and the address of the lesser role that `weightvault migrate` makes. */
async function bareDatabase(): Promise<Migrated> {
  const { url, drop } = await createBareDatabase();
  const suffix = randomUUID().replaceAll("-", "").slice(0, 12);
  const [owner, server] = [`owner_${suffix}`, `server_${suffix}`];
  const as = (role: string) => {
    const address = new URL(url);
    address.username = role;
    return address.href;
  };
  const run = async (...statements: readonly string[]) => {
    await using database = opened(url);
    for (const statement of statements) await sql.raw(statement).execute(database.db);
  };
  const name = new URL(url).pathname.slice(1);
  await run(`create role ${owner} login createrole`, `alter database ${name} owner to ${owner}`);
  return {
    superuserUrl: url,
    ownerUrl: as(owner),
    serverUrl: as(server),
    migrate: async () =>
      await weightvault(["migrate"], {
        env: { WEIGHTVAULT_DATABASE_OWNER_URL: as(owner), WEIGHTVAULT_DATABASE_ROLE: server },
      }),
    // The roles go with the server of this run.
    [Symbol.asyncDispose]: drop,
  };
}

function opened(url: string): Database & AsyncDisposable {
  const database = openPostgres({ url, poolSize: 1 });
  return { ...database, [Symbol.asyncDispose]: async () => await database.close() };
}

const production = {
  WEIGHTVAULT_ENV: "production",
  WEIGHTVAULT_STORE_COUNTRY: "US",
  WEIGHTVAULT_SITES: '[{"name":"hq","country":"US","networks":["127.0.0.0/8"]}]',
  WEIGHTVAULT_SCREENING_LIST: "/no/list/is/read/before/this/is/refused.csv",
};

describePostgres("on PostgreSQL", () => {
  test("`weightvault migrate` applies the migrations with the owner's URL, and again has nothing to do", async () => {
    await using bare = await bareDatabase();
    const first = await bare.migrate();
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toContain("applied: 0001_initial.sql");
    const second = await bare.migrate();
    expect(second).toMatchObject({ code: 0 });
    expect(second.stdout).toContain("nothing, the schema is current");
  });

  test("the server's role tells the whole story, and cannot update, delete or truncate what is only appended to", async () => {
    await using bare = await bareDatabase();
    expect(await bare.migrate()).toMatchObject({ code: 0 });
    await using place = await embeddedPlace();
    const server = spawnServer({ ...place.env, DATABASE_URL: bare.serverUrl });
    await tell(await server.url, await bootstrapTokenIn(place.folder));
    expect(await server.end("SIGTERM")).toEqual({ code: 0, signal: null });

    await using lesser = opened(bare.serverUrl);
    await using superuser = opened(bare.superuserUrl);
    for (const table of appendOnlyTables) {
      const counted = () =>
        sql`select count(*) as rows from ${sql.table(table)}`.execute(superuser.db);
      const before = await counted();
      for (const statement of [
        sql`update ${sql.table(table)} set ${sql.ref(await aColumn(superuser, table))} = default`,
        sql`delete from ${sql.table(table)}`,
        sql`truncate ${sql.table(table)} cascade`,
        sql`alter table ${sql.table(table)} disable trigger all`,
        sql`drop table ${sql.table(table)} cascade`,
      ]) {
        await expect(statement.execute(lesser.db)).rejects.toMatchObject({ code: "42501" });
      }
      expect((await counted()).rows).toEqual(before.rows);
      if (["ledger_entry", "ledger_checkpoint", "revision", "release_object"].includes(table))
        expect(before.rows).not.toEqual([{ rows: 0n }]);
    }
  });

  test("production refuses the soft keys, and to serve as the owner of its tables or as a superuser", async () => {
    await using bare = await bareDatabase();
    expect(await bare.migrate()).toMatchObject({ code: 0 });
    await using place = await embeddedPlace();
    const env = { ...place.env, ...production };
    for (const url of [bare.ownerUrl, bare.superuserUrl]) {
      const { code, said } = await refusedStart({ ...env, DATABASE_URL: url });
      expect(code).toBe(1);
      expect(said).toMatch(/DATABASE_URL: its role owns the tables or is a superuser/);
      expect(said).toMatch(/the soft key custodian and signer are refused in production/);
    }
    const { code, said } = await refusedStart({ ...env, DATABASE_URL: bare.serverUrl });
    expect(code).toBe(1);
    expect(said).not.toMatch(/owns/);
    expect(said).toMatch(/the soft key custodian and signer are refused in production/);
  });

  test("production does not migrate by itself, and says who does", async () => {
    await using bare = await bareDatabase();
    await using place = await embeddedPlace();
    const { code, said } = await refusedStart({
      ...place.env,
      ...production,
      DATABASE_URL: bare.ownerUrl,
    });
    expect(code).toBe(1);
    expect(said).toMatch(/lacks 0001_initial\.sql.*weightvault migrate/);
  });
});

test("production without PostgreSQL, store country, sites or list names all of them", async () => {
  await using place = await embeddedPlace();
  const { code, said } = await refusedStart({ ...place.env, WEIGHTVAULT_ENV: "production" });
  expect(code).toBe(1);
  for (const name of ["DATABASE_URL", "_STORE_COUNTRY", "_SITES", "_SCREENING_LIST"])
    expect(said).toContain(`${name}: production`);
});

async function aColumn({ db }: Database, table: string): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select column_name as name from information_schema.columns
    where table_schema = 'public' and table_name = ${table} limit 1`.execute(db);
  const name = rows[0]?.name;
  if (name === undefined) throw new Error(`there is no table ${table}`);
  return name;
}
