import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { migrate } from "../../src/database/migrate.ts";
import { openPostgres } from "../../src/database/open.ts";
import { PostgresAbsent, type PostgresServer, startPostgres } from "./postgres.ts";

declare global {
  var weightvaultTestPostgres: PostgresServer | undefined;
}

/**
 * Starts one PostgreSQL for the whole run, with a database `template_weightvault` that every migration was applied to. Test files find it
 * in WEIGHTVAULT_TEST_POSTGRES; the variable stays empty where this platform has no PostgreSQL.
 */
export default async function startServices(): Promise<void> {
  process.env["WEIGHTVAULT_TEST_POSTGRES"] = "";
  try {
    const server = await startPostgres();
    globalThis.weightvaultTestPostgres = server;
    await makeTemplate(server);
    process.env["WEIGHTVAULT_TEST_POSTGRES"] = server.url("postgres");
  } catch (error) {
    await globalThis.weightvaultTestPostgres?.stop();
    if (!(error instanceof PostgresAbsent)) throw error;
    console.warn(`PostgreSQL tests are skipped: ${error.message}`);
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
