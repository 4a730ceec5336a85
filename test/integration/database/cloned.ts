import { type Database, openPostgres, type PostgresOptions } from "../../../src/database/open.ts";
import { type ClonedDatabase, cloneDatabase } from "../../support/database.ts";

export type OpenedClone = AsyncDisposable & { readonly database: Database; readonly url: string };

/** A cloned PostgreSQL database, closed and dropped at the end of the block. */
export async function openCloned(
  options: Omit<PostgresOptions, "url"> = {},
  clone: () => Promise<ClonedDatabase> = cloneDatabase,
): Promise<OpenedClone> {
  const { url, drop } = await clone();
  const database = openPostgres({ ...options, url });
  return {
    database,
    url,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await drop();
    },
  };
}
