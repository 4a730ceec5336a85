import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "../../test/support/postgres.ts";
import { type Program, type Resources, startProgram, temporaryFolder } from "./resources.ts";

const server = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** The same server on a store that counts sealed objects and discards them. */
export const discardingVault = fileURLToPath(new URL("./discarding-vault.ts", import.meta.url));

export type VaultProcess = Program & {
  readonly url: URL;
  readonly bootstrapToken: string;
  /** Deletes the files of all objects from the store behind the server's back, to give the room back. Nothing can be read afterwards. */
  readonly deleteObjects: () => Promise<void>;
};

/** The real server in a process of its own, on a disk store and a database that are both empty. */
export async function startVaultProcess(
  resources: Resources,
  engine: "postgres" | "pglite",
  main = server,
): Promise<VaultProcess> {
  const data = join(await temporaryFolder(resources), "data");
  await mkdir(data, { mode: 0o700 });
  const database: Record<string, string> =
    engine === "postgres" ? { DATABASE_URL: await databaseUrl(resources) } : {};
  const program = await startProgram(resources, {
    argv: [main],
    env: {
      ...database,
      WEIGHTVAULT_DATA: data,
      WEIGHTVAULT_PORT: "0",
      WEIGHTVAULT_DRAIN_SECONDS: "1",
      WEIGHTVAULT_LOG_LEVEL: "warn",
    },
    isReady: /weightvault listens on (\S+)\n[^]*one-time token/,
  });
  const bootstrapToken = await readFile(join(data, "bootstrap-token"), "utf8");
  return {
    ...program,
    url: new URL(program.ready[1] ?? ""),
    bootstrapToken: bootstrapToken.trim(),
    deleteObjects: async () => await deleteFiles(join(data, "store", "blobs")),
  };
}

/** The folders stay: the store counts on those that it has made. */
async function deleteFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await rm(join(entry.parentPath, entry.name));
}

async function databaseUrl(resources: Resources): Promise<string> {
  const postgres = await startPostgres();
  await resources.keep(postgres.stop);
  return postgres.url("postgres");
}
