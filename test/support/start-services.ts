import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { migrate } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/open.ts";
import { pgliteImage } from "./pglite-image.ts";
import { PostgresAbsent, type PostgresServer, startPostgres } from "./postgres.ts";

declare global {
  var weightvaultTestPostgres: PostgresServer | undefined;
}

/**
 * Starts one PostgreSQL for the whole run, with a database `template_weightvault` that every migration was applied to. Test files find it
 * in WEIGHTVAULT_TEST_POSTGRES, which stays empty where this platform has no PostgreSQL, and the image of a migrated PGlite in
 * WEIGHTVAULT_TEST_PGLITE.
 */
export default async function startServices(): Promise<void> {
  const [image, postgres] = await Promise.allSettled([pgliteImage(), startMigratedPostgres()]);
  if (image.status === "rejected" || postgres.status === "rejected") {
    await globalThis.weightvaultTestPostgres?.stop();
    throw image.status === "rejected" ? image.reason : (postgres as PromiseRejectedResult).reason;
  }
  process.env["WEIGHTVAULT_TEST_PGLITE"] = image.value;
  process.env["WEIGHTVAULT_TEST_POSTGRES"] = postgres.value;
}

/**
 * Nothing of this server has to outlive the machine: it ends with the run, and tests end vaults, not the machine. On a slow disk each drop of a
 * database would wait for the pages of all others.
 */
const nothingToLose = ["fsync=off", "full_page_writes=off"];

async function startMigratedPostgres(): Promise<string> {
  try {
    const server = await startPostgres({ settings: nothingToLose });
    globalThis.weightvaultTestPostgres = server;
    await makeTemplate(server);
    return server.url("postgres");
  } catch (error) {
    if (!(error instanceof PostgresAbsent)) throw error;
    console.warn(`PostgreSQL tests are skipped: ${error.message}`);
    return "";
  }
}

async function makeTemplate(server: PostgresServer): Promise<void> {
  const admin = openPostgres({ url: server.url("postgres") });
  const template = openPostgres({ url: server.url("template_weightvault") });
  try {
    await sql`create database template_weightvault`.execute(admin.db);
    await migrate(template, fileURLToPath(new URL("../../migrations", import.meta.url)));
  } finally {
    await Promise.all([admin.close(), template.close()]);
  }
}
