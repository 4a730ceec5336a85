import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { entriesOf } from "../../support/ledger.ts";
import {
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
  verifyStored,
} from "../../support/log.ts";
import { StatementFaults } from "../../support/statement-faults.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

describePostgres("three sequencers on one database, and a fault at each step", () => {
  const signer = new TestSigner();
  const faults = [new StatementFaults(), new StatementFaults(), new StatementFaults()] as const;
  const nodes: RunningLedger[] = [];
  let clone: ClonedDatabase;
  let folder: StoreFolder;
  let databases: readonly Database[];
  let submitted = 0;

  beforeAll(async () => {
    clone = await cloneDatabase();
    folder = await openStoreFolder();
    databases = faults.map(() => openPostgres({ url: clone.url, poolSize: 5 }));
    for (const [at, fault] of faults.entries())
      nodes.push(
        await startNode({
          database: fault.in(database(at)),
          signer,
          store: folder.store,
          name: `node-${at}`,
        }),
      );
    await until(async () => (await holder()) !== null);
  });
  afterAll(async () => {
    await Promise.all(nodes.map(async (node) => await node.stop()));
    await Promise.all(databases.map(async (each) => await each.close()));
    await clone.drop();
    await folder.remove();
  });

  function database(at: number): Database {
    const found = databases[at];
    if (found === undefined) throw new Error(`there is no node ${at}`);
    return found;
  }

  function node(at: number): RunningLedger {
    const found = nodes[at];
    if (found === undefined) throw new Error(`there is no node ${at}`);
    return found;
  }

  /** Which node holds the lease; null for none. */
  async function holder(): Promise<number | null> {
    const row = await database(0).db.selectFrom("ledger_lease").selectAll().executeTakeFirst();
    return row === undefined ? null : Number(row.holder.slice("node-".length));
  }

  async function expireLease(): Promise<void> {
    await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
      database(0).db,
    );
  }

  /** The whole log again: every submission once, no gap, no fork, and the same in the store. */
  async function assertWhole(): Promise<void> {
    const entries = await entriesOf(database(0));
    expect(entries).toHaveLength(submitted);
    await until(async () => (await verifyPublished(folder.published, signer)).size === submitted);
    expect(new Set(entries.map(({ body }) => body["vault"])).size).toBe(submitted);
    expect(await verifyStored(database(0), signer)).toMatchObject({ verified: true, findings: [] });
    expect(await verifyPublished(folder.published, signer)).toMatchObject({
      verified: true,
      findings: [],
    });
  }

  async function submitAndSettle(label: string, count: number, at: number): Promise<void> {
    const ids = await submitMany(database(at), count, label);
    submitted += count;
    await settleAll(node(at), ids);
  }

  const steps = ["ledger-pending", "ledger.sequence", "ledger.checkpoint"] as const;

  test.each(steps.flatMap((name) => [[name, "before"] as const, [name, "after"] as const]))(
    "the leader fails at %s, %s: all is covered once, by whoever goes on",
    async (name, when) => {
      const leader = (await holder()) ?? 0;
      const fault = faults[leader];
      const already = fault?.happened ?? 0;
      fault?.arm({
        name,
        when,
        act: () => {
          throw new Error("armed");
        },
      });
      await submitAndSettle(`${name} ${when}`, 20, (leader + 1) % 3);
      // Those who wait can hear of what the leader's statement did before the leader does.
      await until(() => (fault?.happened ?? 0) > already);
      await assertWhole();
      expect(fault?.happened).toBe(already + 1);
    },
  );

  test.each(["ledger.sequence", "ledger.checkpoint"])(
    "the leader stalls after %s: another goes on, and the stalled one adds nothing",
    async (name) => {
      const leader = (await holder()) ?? 0;
      const gate = Promise.withResolvers<void>();
      const fault = faults[leader];
      const already = fault?.happened ?? 0;
      fault?.arm({ name, when: "after", act: async () => await gate.promise });
      const ids = await submitMany(database(0), 20, `stalled ${name}`);
      submitted += 20;
      node(leader).wake();
      await until(() => (fault?.happened ?? 0) > already);
      await expireLease();
      const other = (leader + 1) % 3;
      node(other).wake();
      await until(async () => (await holder()) !== leader);
      await settleAll(node(other), ids);
      const before = await checkpoints();
      gate.resolve();
      await submitAndSettle(`after ${name}`, 20, leader);
      expect((await checkpoints()).slice(0, before.length)).toEqual(before);
      await assertWhole();
    },
  );

  test("the leader stalls while it signs: another goes on, and the late signature is not stored", async () => {
    const leader = (await holder()) ?? 0;
    const gate = Promise.withResolvers<void>();
    signer.gate = gate.promise;
    const ids = await submitMany(database(0), 20, "stalled signature");
    submitted += 20;
    node(leader).wake();
    await until(
      async () =>
        (await sql`select 1 from ledger_pending`.execute(database(0).db)).rows.length === 0,
    );
    signer.gate = null;
    await expireLease();
    const other = (leader + 1) % 3;
    node(other).wake();
    await settleAll(node(other), ids);
    const before = await checkpoints();
    gate.resolve();
    await submitAndSettle("after the signature", 20, leader);
    expect((await checkpoints()).slice(0, before.length)).toEqual(before);
    await assertWhole();
  });

  test("a transaction that commits long after later ones is entered, and nothing twice", async () => {
    const late = Promise.withResolvers<void>();
    const drawn = Promise.withResolvers<void>();
    const slow = transact(database(1).db, async (tx) => {
      const id = await submit(tx, {
        kind: "vault.initialized",
        time: new Date("2026-11-23T09:00:00.000Z"),
        body: { vault: "the late committer" },
      });
      drawn.resolve();
      await late.promise;
      return id;
    });
    await drawn.promise;
    await submitAndSettle("before the late committer", 20, 0);
    late.resolve();
    submitted += 1;
    await settleAll(node(1), [await slow]);
    await assertWhole();
  });

  test("a clock that goes backwards reorders nothing: entries keep the order of their submissions", async () => {
    const ids: bigint[] = [];
    for (const hour of ["12", "11", "10"])
      ids.push(
        await transact(database(0).db, (tx) =>
          submit(tx, {
            kind: "vault.initialized",
            time: new Date(`2026-11-23T${hour}:00:00.000Z`),
            body: { vault: `at ${hour}` },
          }),
        ),
      );
    submitted += 3;
    await settleAll(node(0), ids);
    const entries = await entriesOf(database(0));
    expect(entries.slice(-3).map(({ body }) => body["vault"])).toEqual(["at 12", "at 11", "at 10"]);
    await assertWhole();
  });

  test("many submitters on every node at once leave one chain", async () => {
    await Promise.all(
      [0, 1, 2].map(async (at) => {
        for (let round = 0; round < 4; round += 1) {
          const ids = await submitMany(database(at), 100, `node ${at}, round ${round}`);
          submitted += 100;
          await settleAll(node(at), ids);
        }
      }),
    );
    await assertWhole();
  });

  test("a database put back to an older state behind a running leader is not gone on from", async () => {
    const leader = (await holder()) ?? 0;
    const entries = (await entriesOf(database(0))).length;
    await database(0).runScript(
      `set session_replication_role = replica;
       delete from ledger_checkpoint where size > ${entries - 5};
       delete from ledger_entry where index >= ${entries - 5};
       set session_replication_role = origin;`,
    );
    const [id = 0n] = await submitMany(database(0), 1, "on the older state");
    node(leader).wake();
    await expect(
      node(leader).settle(id, { after: "entry", timeoutMs: 2_000 }),
    ).rejects.toMatchObject({
      code: "ledger_unavailable",
    });
    const { rows } = await sql<{
      count: number;
    }>`select count(*)::int as count from ledger_entry`.execute(database(0).db);
    expect(rows[0]?.count).toBe(entries - 5);
  });

  async function checkpoints() {
    return await database(0)
      .db.selectFrom("ledger_checkpoint")
      .select(["size", "fence", "note"])
      .orderBy("size")
      .execute();
  }
});
