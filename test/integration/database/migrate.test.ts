import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { migrate, pendingMigrations } from "../../../src/database/migrate.ts";
import { type Database, openPglite, openPostgres } from "../../../src/database/open.ts";
import { createBareDatabase, describePostgres, migrationsFolder } from "../../support/database.ts";
import { openCloned } from "./cloned.ts";

const first = "create table note (text text not null); insert into note values ('first');";
const second = "insert into note values ('second');";
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-migrations-"));
  await write("0001_first.sql", first);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), script);
}

async function notes({ db }: Database): Promise<readonly string[]> {
  const { rows } = await sql<{ text: string }>`select text from note`.execute(db);
  return rows.map(({ text }) => text);
}

function promises(open: () => Promise<AsyncDisposable & { readonly database: Database }>): void {
  test("migrations apply once, in order, and new ones are added to the old", async () => {
    await using opened = await open();
    const { database } = opened;
    expect(await pendingMigrations(database, folder)).toEqual(["0001_first.sql"]);
    expect(await migrate(database, folder)).toEqual(["0001_first.sql"]);
    expect(await migrate(database, folder)).toEqual([]);
    await write("0002_second.sql", second);
    expect(await pendingMigrations(database, folder)).toEqual(["0002_second.sql"]);
    expect(await migrate(database, folder)).toEqual(["0002_second.sql"]);
    expect(await pendingMigrations(database, folder)).toEqual([]);
    expect(await notes(database)).toEqual(["first", "second"]);
  });

  test("an applied migration that was edited is refused by name", async () => {
    await using opened = await open();
    await migrate(opened.database, folder);
    await write("0001_first.sql", `${first} `);
    await write("0002_second.sql", second);
    const refusal = /0001_first\.sql was edited/;
    await expect(migrate(opened.database, folder)).rejects.toThrow(refusal);
    await expect(pendingMigrations(opened.database, folder)).rejects.toThrow(refusal);
    expect(await notes(opened.database)).toEqual(["first"]);
  });

  test("a database of a newer release is refused", async () => {
    await using opened = await open();
    await migrate(opened.database, folder);
    await rm(join(folder, "0001_first.sql"));
    await expect(migrate(opened.database, folder)).rejects.toThrow("not in this release");
  });

  test("a migration that comes before an applied one is refused", async () => {
    await using opened = await open();
    await migrate(opened.database, folder);
    await write("0000_late.sql", second);
    await expect(migrate(opened.database, folder)).rejects.toThrow("0000_late.sql comes before");
  });

  test("a migration that fails leaves nothing, and applies once it is corrected", async () => {
    await using opened = await open();
    await write("0002_second.sql", `${second} select 1 / 0;`);
    await expect(migrate(opened.database, folder)).rejects.toThrow("0002_second.sql failed");
    expect(await notes(opened.database)).toEqual(["first"]);
    await write("0002_second.sql", second);
    expect(await migrate(opened.database, folder)).toEqual(["0002_second.sql"]);
  });

  test("two migrators at the same time apply each migration once between them", async () => {
    await using opened = await open();
    await write("0002_second.sql", second);
    const runs = await Promise.all([1, 2, 3, 4].map(() => migrate(opened.database, folder)));
    expect(runs.flat().sort()).toEqual(["0001_first.sql", "0002_second.sql"]);
    expect(await notes(opened.database)).toEqual(["first", "second"]);
  });

  test("the migrations of this release apply", async () => {
    await using opened = await open();
    expect(await migrate(opened.database, migrationsFolder)).toContain("0001_initial.sql");
    expect(await migrate(opened.database, migrationsFolder)).toEqual([]);
  });
}

describe("on PGlite", () => {
  let database: Database;

  beforeAll(async () => {
    database = await openPglite({ folder: null });
  });

  afterAll(() => database.close());

  promises(async () => {
    await database.runScript("drop schema public cascade; create schema public;");
    return { database, [Symbol.asyncDispose]: async () => {} };
  });

  test("migrations with the same number, or a name of another shape, are refused", async () => {
    await write("0001_other.sql", second);
    await expect(migrate(database, folder)).rejects.toThrow("number 0001");
    await rm(join(folder, "0001_other.sql"));
    await write("2_second.sql", second);
    await expect(migrate(database, folder)).rejects.toThrow("2_second.sql is not named");
  });
});

describePostgres("on PostgreSQL", () => {
  promises(() => openCloned({}, createBareDatabase));

  test("migrators of several nodes wait for each other", async () => {
    await using opened = await openCloned({}, createBareDatabase);
    await write("0002_slow.sql", `select pg_sleep(0.2); ${second}`);
    const nodes = [1, 2, 3].map(() => openPostgres({ url: opened.url }));
    const runs = await Promise.all(nodes.map((node) => migrate(node, folder)));
    await Promise.all(nodes.map((node) => node.close()));
    expect(runs.flat().sort()).toEqual(["0001_first.sql", "0002_slow.sql"]);
    expect(await notes(opened.database)).toEqual(["first", "second"]);
  });
});
