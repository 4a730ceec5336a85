import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { openLedger, type RunningLedger } from "../../../src/ledger/open.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeVerificationKey } from "../../../src/merkle/note.ts";
import { type ClonedDatabase, cloneDatabase, describePostgres } from "../../support/database.ts";
import { storedLedger } from "../../support/ledger.ts";
import { StatementCount } from "../../support/statement-count.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

describePostgres("several nodes on one database", () => {
  const signer = new TestSigner();
  const running: RunningLedger[] = [];
  let clone: ClonedDatabase;
  let databases: readonly [Database, Database];

  beforeAll(async () => {
    clone = await cloneDatabase();
    databases = [openPostgres({ url: clone.url }), openPostgres({ url: clone.url })];
  });
  afterEach(async () => {
    signer.gate = null;
    await Promise.all(running.splice(0).map((ledger) => ledger.stop()));
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()));
    await clone.drop();
  });

  async function start(
    at: 0 | 1,
    node: string,
    count: StatementCount | null = null,
  ): Promise<RunningLedger> {
    const { [at]: database } = databases;
    const ledger = await openLedger({
      database: count === null ? database : { ...database, db: database.db.withPlugin(count) },
      signer,
      store: null,
      node,
      now: () => new Date(),
      onFailure: () => {},
    });
    running.push(ledger);
    return ledger;
  }

  async function submitAt(at: 0 | 1): Promise<bigint> {
    return transact(databases[at].db, (tx) =>
      submit(tx, { kind: "vault.initialized", time: new Date(), body: { vault: `${at}` } }),
    );
  }

  async function holder(): Promise<string | undefined> {
    return (await databases[0].db.selectFrom("ledger_lease").select("holder").executeTakeFirst())
      ?.holder;
  }

  async function assertVerifies(): Promise<void> {
    const key = { verificationKey: encodeVerificationKey(signer.name, signer.publicKey) };
    expect(await verifyLedger(storedLedger(databases[0]), key)).toMatchObject({
      verified: true,
      findings: [],
    });
  }

  test("one sequences, and what the other submits is covered too, without waiting for a poll", async () => {
    const one = await start(0, "one");
    await until(async () => (await holder()) === "one");
    const other = await start(1, "other");
    const startedAt = performance.now();
    for (let n = 0; n < 20; n += 1) {
      const id = await submitAt(1);
      other.wake();
      await other.settle(id, { after: "checkpoint", timeoutMs: 5_000 });
    }
    expect(await holder()).toBe("one");
    // Twenty polls of the idle sequencer would take forty seconds.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    await one.check();
    await other.check();
    await assertVerifies();
  });

  test("when the one stops, the other goes on without a gap", async () => {
    const one = await start(0, "one");
    await until(async () => (await holder()) === "one");
    const other = await start(1, "other");
    await one.stop();
    const id = await submitAt(1);
    other.wake();
    await other.settle(id, { after: "checkpoint", timeoutMs: 10_000 });
    expect(await holder()).toBe("other");
    await assertVerifies();
  });

  test("one that stalls while it signs is fenced: the other's checkpoint stands, and the stalled one adds nothing", async () => {
    const one = await start(0, "stalling");
    await until(async () => (await holder()) === "stalling");
    const { promise, resolve } = Promise.withResolvers<void>();
    signer.gate = promise;
    const id = await submitAt(0);
    one.wake();
    await until(
      async () =>
        (await sql`select 1 from ledger_pending`.execute(databases[0].db)).rows.length === 0,
    );
    await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
      databases[0].db,
    );
    signer.gate = null;
    const other = await start(1, "taking over");
    await other.settle(id, { after: "checkpoint", timeoutMs: 10_000 });
    const stored = await checkpoints();
    resolve();
    await until(
      async () =>
        (await one.check().then(
          () => "fine",
          () => "fenced",
        )) === "fine",
    );
    expect(await holder()).toBe("taking over");
    expect(await checkpoints()).toEqual(stored);
    await assertVerifies();
  });

  test("while nothing is submitted, neither the one that sequences nor the one that stands by keeps asking the database", async () => {
    const counts = [new StatementCount(), new StatementCount()] as const;
    const one = await start(0, "one", counts[0]);
    await until(async () => (await holder()) === "one");
    await start(1, "other", counts[1]);
    const id = await submitAt(0);
    one.wake();
    await one.settle(id, { after: "checkpoint", timeoutMs: 10_000 });
    const before = counts.map(({ count }) => count);
    await sleep(3_000);
    // Every second the lease is renewed; a node that asked every 50 ms would have asked sixty times. A slow machine asks less.
    for (const [at, { count }] of counts.entries())
      expect(count - (before[at] ?? 0)).toBeLessThan(30);
    await assertVerifies();
  });

  async function checkpoints() {
    return await databases[0].db
      .selectFrom("ledger_checkpoint")
      .select(["size", "fence"])
      .orderBy("size")
      .execute();
  }
});
