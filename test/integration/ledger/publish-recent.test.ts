import { afterEach, expect, test } from "@jest/globals";
import { type KyselyPlugin, type PluginTransformQueryArgs, sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { takeLease } from "../../../src/ledger/lease.ts";
import { publish } from "../../../src/ledger/publish.ts";
import { RecentEntries } from "../../../src/ledger/recent-entries.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { forEachDatabase } from "../../support/database.ts";
import {
  keyOf,
  openStoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";

forEachDatabase("publishing what this node wrote itself", (open) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function folder() {
    const made = await openStoreFolder();
    ends.push(made.remove);
    return made;
  }

  /** A signed ledger of 300 entries that is published nowhere, and the lease. */
  async function signedLedger() {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await startNode({ database, signer, store: null });
    await settleAll(ledger, await submitMany(database, 300));
    await ledger.stop();
    const lease = await takeLease(database.db, "publisher");
    if (lease === null) throw new Error("the lease is not free");
    return { database, signer, lease };
  }

  /** What a node holds that wrote the stored entries, each changed as asked before. */
  async function writtenIn(database: Database, change: (bytes: Buffer) => Buffer = (each) => each) {
    const rows = await database.db
      .selectFrom("ledger_entry")
      .select("bytes")
      .orderBy("index")
      .execute();
    const entries = rows.map(({ bytes }) => change(bytes));
    const recent = new RecentEntries();
    recent.add({ first: 0, entries, leaves: entries.map(leafHash) });
    return recent;
  }

  test("it is published as it was signed, whatever the table says by then", async () => {
    const { database, signer, lease } = await signedLedger();
    const { store, published } = await folder();
    const recent = await writtenIn(database);
    await sql`alter table ledger_entry disable trigger append_only`.execute(database.db);
    await sql`update ledger_entry set bytes = convert_to('{}', 'utf8') where index = 5`.execute(
      database.db,
    );
    await publish({ db: database.db, store, key: keyOf(signer), recent }, lease);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 300, findings: [] });
  });

  test("a database in the place of the one that it was written to is published as that is", async () => {
    const { database, signer, lease } = await signedLedger();
    const { store, published } = await folder();
    const recent = await writtenIn(database, (bytes) =>
      Buffer.from(`${bytes.toString("utf8")} of another`),
    );
    await publish({ db: database.db, store, key: keyOf(signer), recent }, lease);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 300, findings: [] });
  });

  test("a running node does not ask the database for entries that it has just written", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const { store, published } = await folder();
    const asked = new EntriesAsked();
    const told = { ...database, db: database.db.withPlugin(asked) };
    const ledger = await startNode({ database: told, signer, store });
    ends.push(async () => await ledger.stop());
    await settleAll(ledger, await submitMany(database, 700), "published");
    await settleAll(ledger, await submitMany(database, 300, "later"), "published");
    expect(asked.times).toBe(0);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 1_000, findings: [] });
  });
});

/** Counts the readings of entries by a stretch of indexes, as a bundle is made of them. */
class EntriesAsked implements KyselyPlugin {
  times = 0;

  transformQuery({ node }: PluginTransformQueryArgs): PluginTransformQueryArgs["node"] {
    const isReading = node.kind === "SelectQueryNode";
    const text = isReading ? JSON.stringify(node, (_, value) => plain(value)) : "";
    const isOfEntries = text.includes('"ledger_entry"') && text.includes('"bytes"');
    if (isOfEntries && text.includes('"operator":"<"')) this.times += 1;
    return node;
  }

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => result;
}

function plain(value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
