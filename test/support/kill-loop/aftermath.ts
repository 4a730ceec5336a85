import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { readConfig } from "../../../src/config.ts";
import { openAdapters, startServer } from "../../../src/main.ts";
import { sweep } from "../../../src/vault/sweep.ts";
import type { Vault } from "../../../src/vault/vault.ts";
import { verified } from "../ledger.ts";
import type { ProcessSettings } from "../server-process.ts";
import { until } from "../until.ts";

export type Aftermath = {
  /** How many releases the ledger has without an outcome. */
  readonly open: number;
  /** How many releases the database has without an outcome. */
  readonly unended: number;
  readonly errors: number;
  readonly entries: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly license: { readonly used: number; readonly counted: number };
  /** Objects that a revision names, objects that are kept, and blobs: one and the same number. */
  readonly objects: { readonly named: number; readonly kept: number; readonly stored: number };
  /** Unfinished files in the store. */
  readonly incoming: number;
};

const days = 86_400_000;

/** Starts the vault of a data folder in this process, ten days later, sweeps until nothing is left to sweep, and counts what remains. */
export async function aftermath(env: ProcessSettings): Promise<Aftermath> {
  const config = readConfig({ ...env, WEIGHTVAULT_PORT: "0" });
  const now = () => new Date(Date.now() + 10 * days);
  const log = pino({ level: "silent" });
  const server = await startServer({ config, adapters: await openAdapters(config), now, log });
  try {
    for (let swept = 1; swept > 0; ) {
      const { releases, uploads, objects } = await sweep(server.vault);
      swept = releases + uploads + objects;
    }
    const report = await verified(server);
    return {
      open: report.releases.open,
      errors: report.errors,
      entries: report.size ?? 0,
      counts: report.counts,
      ...(await rowsOf(server.vault)),
      ...(await filesOf(config.dataFolder, server.vault)),
    };
  } finally {
    await server.stop();
  }
}

async function rowsOf({
  database: { db },
}: Vault): Promise<Pick<Aftermath, "unended" | "license">> {
  const unended = await db
    .selectFrom("release")
    .select("id")
    .where("state", "in", ["allowed", "opening"])
    .execute();
  const license = await db.selectFrom("license").select("releases_used").executeTakeFirstOrThrow();
  // A use is kept where a key or a byte left, or may have left.
  const counted = await db
    .selectFrom("release")
    .innerJoin("release_license", "release_license.release", "release.id")
    .select("release.id")
    .where((where) =>
      where.or([
        where("release.state", "in", ["delivered", "unknown"]),
        where.and([where("release.state", "=", "failed"), where("bytes_delivered", ">", 0n)]),
      ]),
    )
    .execute();
  return {
    unended: unended.length,
    license: { used: license.releases_used, counted: counted.length },
  };
}

async function filesOf(
  folder: string,
  { database: { db } }: Vault,
): Promise<Pick<Aftermath, "objects" | "incoming">> {
  const named = await db.selectFrom("revision_file").select("object").distinct().execute();
  const kept = await db.selectFrom("object").select("id").where("state", "!=", "removed").execute();
  const blobs = await readdir(join(folder, "store", "blobs", "objects"), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => []);
  const incoming = async () => (await readdir(join(folder, "store", ".incoming"))).length;
  // The server publishes its ledger meanwhile, and what it writes is on its way for a moment.
  await until(async () => (await incoming()) === 0).catch(() => {});
  return {
    objects: {
      named: named.length,
      kept: kept.length,
      stored: blobs.filter((entry) => entry.isFile()).length,
    },
    incoming: await incoming(),
  };
}
