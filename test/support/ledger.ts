import type { Database } from "../../src/database/open.ts";
import type { TileSource } from "../../src/ledger/source.ts";
import { readTile } from "../../src/ledger/tiles.ts";
import { type Report, verifyLedger } from "../../src/ledger/verify.ts";
import { parseTilePath } from "../../src/merkle/tile.ts";
import { until } from "./until.ts";
import type { TestVault } from "./vault.ts";

export type TestEntry = {
  readonly index: number;
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
};

/** The entries as sequenced, after the outbox has run empty. */
export async function entriesOf(database: Database): Promise<readonly TestEntry[]> {
  await until(
    async () =>
      (await database.db
        .selectFrom("ledger_pending")
        .select("submission")
        .limit(1)
        .executeTakeFirst()) === undefined,
  );
  const rows = await database.db
    .selectFrom("ledger_entry")
    .select("bytes")
    .orderBy("index")
    .execute();
  return rows.map(({ bytes }) => JSON.parse(bytes.toString("utf8")) as TestEntry);
}

/** The bodies of the entries of one kind, in order. */
export async function bodiesOf(
  database: Database,
  kind: string,
): Promise<readonly TestEntry["body"][]> {
  return (await entriesOf(database)).filter((entry) => entry.kind === kind).map(({ body }) => body);
}

/** The stored ledger as a verifier reads it. */
export function storedLedger(database: Database): TileSource {
  return {
    checkpoint: async () => {
      const row = await database.db
        .selectFrom("ledger_checkpoint")
        .select("note")
        .orderBy("size", "desc")
        .limit(1)
        .executeTakeFirstOrThrow();
      return Buffer.from(row.note, "utf8");
    },
    tile: async (path) => {
      const tile = parseTilePath(path);
      return tile === null ? null : await readTile(database.db, tile);
    },
  };
}

/** The verifier's report once every entry is covered. */
export async function verified({
  vault,
  verificationKey,
}: Pick<TestVault, "vault" | "verificationKey">): Promise<Report> {
  const entries = await entriesOf(vault.database);
  await until(async () => {
    const row = await vault.database.db
      .selectFrom("ledger_checkpoint")
      .select("size")
      .orderBy("size", "desc")
      .limit(1)
      .executeTakeFirst();
    return Number(row?.size ?? 0n) >= entries.length;
  });
  return await verifyLedger(storedLedger(vault.database), { verificationKey });
}
