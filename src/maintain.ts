import { join, resolve } from "node:path";
import { makeFolder } from "./cli/paths.ts";
import { ConfigurationError, readConfig } from "./config.ts";
import { holdDataFolder } from "./database/data-folder.ts";
import { grantServerRole, migrate } from "./database/migrate.ts";
import { openPglite, openPostgres } from "./database/open.ts";
import { type RebuildOptions, type Rebuilt, rebuildLedger } from "./ledger/rebuild.ts";
import { migrationsFolder, reasonOf } from "./main.ts";

/** `weightvault ledger rebuild`: in an empty database, as its owner where one is named; the embedded one is made where it is missing. */
export async function rebuildFrom(
  env: Readonly<Record<string, string | undefined>>,
  from: Omit<RebuildOptions, "database">,
): Promise<Rebuilt> {
  const config = readConfig(env);
  const url = config.databaseOwnerUrl ?? config.databaseUrl;
  await using opened = new AsyncDisposableStack();
  if (url === null) {
    await makeFolder(config.dataFolder, 0o700);
    const folder = await holdDataFolder(config.dataFolder);
    opened.defer(() => folder.release());
  }
  const database =
    url === null
      ? await openPglite({ folder: join(resolve(config.dataFolder), "database") })
      : openPostgres({ url, poolSize: 2 });
  opened.defer(async () => await database.close());
  await migrate(database, migrationsFolder);
  return await rebuildLedger({ database, ...from });
}

/** `weightvault migrate`: applies the migrations as the owner of the tables and prepares the server's role. Gives the exit code. */
export async function migrateCommand(
  env: Readonly<Record<string, string | undefined>>,
  isJson: boolean,
): Promise<number> {
  try {
    const config = readConfig(env);
    const url = config.databaseOwnerUrl ?? config.databaseUrl;
    if (url === null)
      throw new ConfigurationError([
        "WEIGHTVAULT_DATABASE_OWNER_URL: name the PostgreSQL to migrate; the embedded database migrates itself",
      ]);
    const database = openPostgres({ url, poolSize: 2 });
    try {
      const applied = await migrate(database, migrationsFolder);
      await grantServerRole(database, config.databaseRole);
      const names = applied.length === 0 ? "nothing, the schema is current" : applied.join(", ");
      process.stdout.write(
        isJson
          ? `${JSON.stringify({ applied, role: config.databaseRole })}\n`
          : `applied: ${names}\nrole ${config.databaseRole} may serve\n`,
      );
    } finally {
      await database.close();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`weightvault cannot migrate: ${reasonOf(error)}\n`);
    return 1;
  }
}
