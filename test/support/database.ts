import { randomUUID } from "node:crypto";
import { openAsBlob } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe } from "@jest/globals";
import { sql } from "kysely";
import { migrate } from "../../src/database/migrate.ts";
import { type Database, openPglite, openPostgres } from "../../src/database/open.ts";

export const migrationsFolder = fileURLToPath(new URL("../../migrations", import.meta.url));

/** Whether this run has a PostgreSQL; the start of the run says on the console why not. */
export const hasPostgres = (process.env["WEIGHTVAULT_TEST_POSTGRES"] ?? "") !== "";

/** `describe` where the run has a PostgreSQL, `describe.skip` elsewhere. */
export const describePostgres = hasPostgres ? describe : describe.skip;

export type ClonedDatabase = {
  /** For the superuser; many may open it, as many nodes do. */
  readonly url: string;
  readonly drop: () => Promise<void>;
};

/** A PostgreSQL database of one's own, empty and migrated: a copy of the template, made in some 50 ms. */
export async function cloneDatabase(): Promise<ClonedDatabase> {
  return createDatabase(sql`template template_weightvault strategy wal_log`);
}

/** The same without any table. */
export async function createBareDatabase(): Promise<ClonedDatabase> {
  return createDatabase(sql``);
}

async function createDatabase(source: ReturnType<typeof sql>): Promise<ClonedDatabase> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await asAdmin(sql`create database ${sql.id(name)} ${source}`);
  const url = new URL(adminUrl());
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => asAdmin(sql`drop database if exists ${sql.id(name)} with (force)`),
  };
}

/** Making and dropping is not what is tested, and copies whole databases: it may take longer than a vault's statements. */
async function asAdmin(statement: ReturnType<typeof sql>): Promise<void> {
  const admin = openPostgres({ url: adminUrl(), poolSize: 1, statementTimeoutMs: 60_000 });
  try {
    await statement.execute(admin.db);
  } finally {
    await admin.close();
  }
}

function adminUrl(): string {
  if (!hasPostgres) throw new Error("this run has no PostgreSQL");
  return process.env["WEIGHTVAULT_TEST_POSTGRES"] ?? "";
}

/** An empty migrated PGlite in memory. */
export async function openMemory(): Promise<Database> {
  const image = process.env["WEIGHTVAULT_TEST_PGLITE"];
  if (image !== undefined) return openPglite({ folder: null, image: await openAsBlob(image) });
  const database = await openPglite({ folder: null });
  await migrate(database, migrationsFolder);
  return database;
}

/**
 * Runs one suite on PGlite and on PostgreSQL. Each call of `open` gives an empty migrated database of its own, which is closed (and dropped)
 * when the suite has ended.
 */
export function forEachDatabase(
  name: string,
  suite: (open: () => Promise<Database>) => void,
): void {
  describe(`${name} (PGlite)`, () => {
    suite(closing(async () => [await openMemory(), async () => {}]));
  });
  describePostgres(`${name} (PostgreSQL)`, () => {
    suite(closing(openClone));
  });
}

async function openClone(): Promise<Opened> {
  const clone = await cloneDatabase();
  return [openPostgres({ url: clone.url }), clone.drop];
}

type Opened = readonly [database: Database, drop: () => Promise<void>];

function closing(open: () => Promise<Opened>): () => Promise<Database> {
  const opened: Opened[] = [];
  afterAll(async () => {
    for (const [database, drop] of opened) {
      await database.close();
      await drop();
    }
  });
  return async () => {
    const each = await open();
    opened.push(each);
    return each[0];
  };
}
