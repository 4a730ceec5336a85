import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { Refusal } from "../../../src/errors.ts";
import { takeLease } from "../../../src/ledger/lease.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { publish } from "../../../src/ledger/publish.ts";
import { readPublished } from "../../../src/ledger/published.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { forEachDatabase } from "../../support/database.ts";
import { failing, withFaults } from "../../support/faults.ts";
import {
  keyOf,
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

forEachDatabase("publishing to the store", (open) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function folder(): Promise<StoreFolder> {
    const made = await openStoreFolder();
    ends.push(made.remove);
    return made;
  }

  async function node(
    database: Database,
    signer: TestSigner,
    store: BlobStore | null,
  ): Promise<RunningLedger> {
    const ledger = await startNode({ database, signer, store });
    ends.push(async () => await ledger.stop());
    return ledger;
  }

  /** A signed ledger of so many entries in the database, published nowhere. */
  async function signedLedger(size: number) {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await startNode({ database, signer, store: null });
    await settleAll(ledger, await submitMany(database, size));
    await ledger.stop();
    const lease = await takeLease(database.db, "publisher");
    if (lease === null) throw new Error("the lease is not free");
    const grow = async (by: number) => {
      const again = await startNode({ database, signer, store: null, name: "publisher" });
      await settleAll(again, await submitMany(database, by, `grown by ${by}`));
      await again.stop();
    };
    return { database, signer, lease, grow };
  }

  test("what the store holds verifies by itself, at sizes around a full tile and as it grows", async () => {
    const { database, signer, lease, grow } = await signedLedger(1);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    let size = 1;
    for (const next of [255, 256, 257, 515]) {
      expect(await publish(options, lease)).toMatchObject({ size });
      expect(await verifyPublished(published, signer)).toMatchObject({
        size,
        verified: true,
        findings: [],
      });
      await grow(next - size);
      size = next;
    }
    expect(await publish(options, lease)).toMatchObject({ size: 515 });
    expect((await verifyPublished(published, signer)).verified).toBe(true);
  });

  test("the checkpoint comes last, and of tiles the full ones come first, which alone are to be retained", async () => {
    const { database, signer, lease } = await signedLedger(300);
    const { store } = await folder();
    const order: string[] = [];
    const retained: string[] = [];
    const told: BlobStore = {
      ...delegating(store),
      create: async (key, options) => {
        order.push(key);
        if (options?.isRetained === true) retained.push(key);
        return await store.create(key);
      },
      replace: async (key, bytes, ifMatch) => {
        order.push(key);
        return await store.replace(key, bytes, ifMatch);
      },
    };
    await publish({ db: database.db, store: told, key: keyOf(signer) }, lease);
    const full = ["ledger/tile/0/000", "ledger/tile/entries/000"];
    expect([order.slice(0, 2).sort(), retained.sort()]).toEqual([full, full]);
    expect(order.slice(2, -1).every((key) => key.includes(".p/"))).toBe(true);
    expect(order.at(-1)).toBe("ledger/checkpoint");
    expect(order).toHaveLength(6);
  });

  test("after a failure at any call to the store, what is there verifies, and publishing again finishes it", async () => {
    const { database, signer, lease, grow } = await signedLedger(3);
    const before = await folder();
    const key = keyOf(signer);
    await publish({ db: database.db, store: before.store, key }, lease);
    await grow(260);
    let tried = 0;
    for (const when of ["before", "after"] as const) {
      for (let nth = 1; ; nth += 1) {
        const { store, published } = await folder();
        await copyPublished(before.store, store);
        const faulty = withFaults(store);
        let happened = false;
        const act = () => {
          happened = true;
          failing(new Refusal("store_unavailable", "armed"))();
        };
        faulty.arm({ nth, when, act });
        const options = { db: database.db, store: faulty.port, key };
        const outcome = await publish(options, lease).then(
          () => "done",
          () => "failed",
        );
        faulty.disarm();
        expect(await verifyPublished(published, signer)).toMatchObject({
          verified: true,
          findings: [],
        });
        if (!happened) break;
        tried += 1;
        expect(outcome).toBe("failed");
        expect(await publish(options, lease)).toMatchObject({ size: 263 });
        expect(await verifyPublished(published, signer)).toMatchObject({
          size: 263,
          verified: true,
        });
      }
    }
    expect(tried).toBeGreaterThan(30);
  }, 300_000);

  test("a partial tile goes once its full one is there, and not before", async () => {
    const { database, signer, lease, grow } = await signedLedger(10);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    const at = (name: string) => existsSync(join(published, "tile", name));
    await publish(options, lease);
    await grow(10);
    await publish(options, lease);
    expect([at("0/000.p/10"), at("entries/000.p/10"), at("0/000.p/20")]).toEqual([
      true,
      true,
      true,
    ]);
    await grow(240);
    await publish(options, lease);
    expect([at("0/000"), at("entries/000"), at("0/001.p/4")]).toEqual([true, true, true]);
    expect([at("0/000.p/10"), at("entries/000.p/10"), at("0/000.p/20")]).toEqual([
      false,
      false,
      false,
    ]);
    expect((await verifyPublished(published, signer)).verified).toBe(true);
  });

  test("a publisher that stalled while another went on replaces nothing by an older checkpoint", async () => {
    const { database, signer, lease, grow } = await signedLedger(5);
    const { store, published } = await folder();
    const key = keyOf(signer);
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const stalled = withFaults(store);
    stalled.arm({
      method: "replace",
      nth: 1,
      when: "before",
      act: async () => {
        reached.resolve();
        await gate.promise;
      },
    });
    const late = publish({ db: database.db, store: stalled.port, key }, lease);
    late.catch(() => {});
    // The lease was asked for already, and still stood.
    await reached.promise;
    await grow(20);
    const other = await anotherLease(database);
    expect(await publish({ db: database.db, store, key }, other)).toMatchObject({ size: 25 });
    gate.resolve();
    await expect(late).rejects.toMatchObject({ code: "ledger_unavailable" });
    expect((await readPublished({ db: database.db, store, key }))?.checkpoint.size).toBe(25);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 25, verified: true });
  });

  test("a publisher without the lease leaves the checkpoint as it is", async () => {
    const { database, signer, lease } = await signedLedger(5);
    const { store } = await folder();
    const key = keyOf(signer);
    await anotherLease(database);
    await expect(publish({ db: database.db, store, key }, lease)).rejects.toMatchObject({
      code: "ledger_unavailable",
    });
    expect(await readPublished({ db: database.db, store, key })).toBeNull();
  });

  test("a tile that somebody changed in the store is told, and is not covered by a new checkpoint", async () => {
    const { database, signer, lease, grow } = await signedLedger(5);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    await publish(options, lease);
    await grow(5);
    const planted = join(published, "tile/0/000.p/10");
    await writeFile(planted, Buffer.alloc(320));
    await expect(publish(options, lease)).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringContaining("tile/0/000.p/10"),
    });
    expect((await readPublished(options))?.checkpoint.size).toBe(5);
  });

  test("the running ledger publishes at most once a second, and what it published last when it stops", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const { store, published } = await folder();
    const counted = withFaults(store);
    const ledger = await startNode({ database, signer, store: counted.port });
    const startedAt = performance.now();
    const replacements = () => counted.calls.filter((call) => call === "replace").length;
    while (replacements() < 3) {
      await settleAll(ledger, await submitMany(database, 3));
      expect(performance.now() - startedAt).toBeLessThan(30_000);
    }
    // The first is at once, the third comes two seconds after it at the earliest.
    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
    await settleAll(ledger, await submitMany(database, 7));
    await ledger.stop();
    const entries = await sql<{
      count: number;
    }>`select count(*)::int as count from ledger_entry`.execute(database.db);
    expect(await verifyPublished(published, signer)).toMatchObject({
      size: entries.rows[0]?.count,
      verified: true,
      findings: [],
    });
  });

  test("`published` is settled only when the store's signed checkpoint covers the entry", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const { store, published } = await folder();
    const faulty = withFaults(store);
    const ledger = await node(database, signer, faulty.port);
    for (let round = 0; round < 3; round += 1) {
      const [id = 0n] = await submitMany(database, 1, `round ${round}`);
      ledger.wake();
      const { index } = await ledger.settle(id, { after: "published", timeoutMs: 20_000 });
      const [, size] = (await readFile(join(published, "checkpoint"), "utf8")).split("\n");
      expect(Number(size)).toBeGreaterThan(index);
    }
  });

  test("while the store refuses the checkpoint, nothing is settled as published, and sequencing goes on; then it is", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const { store } = await folder();
    const away = { is: true };
    const refusing: BlobStore = {
      ...delegating(store),
      replace: async (key, bytes, ifMatch) => {
        if (away.is) throw new Refusal("store_unavailable", "away");
        return await store.replace(key, bytes, ifMatch);
      },
    };
    const ledger = await node(database, signer, refusing);
    const [id = 0n] = await submitMany(database, 1);
    ledger.wake();
    await expect(ledger.settle(id, { after: "published", timeoutMs: 500 })).rejects.toMatchObject({
      code: "ledger_unavailable",
    });
    await ledger.settle(id, { after: "checkpoint", timeoutMs: 20_000 });
    await until(async () => (await codeOf(ledger.check())) === "store_unavailable");
    away.is = false;
    await ledger.settle(id, { after: "published", timeoutMs: 20_000 });
    await until(async () => (await codeOf(ledger.check())) === "fine");
  });
});

function delegating(store: BlobStore): BlobStore {
  return {
    create: async (key) => await store.create(key),
    begin: async (key, parts) => await store.begin(key, parts),
    resume: async (key, session, parts) => await store.resume(key, session, parts),
    abandon: async (key) => await store.abandon(key),
    read: (key, range) => store.read(key, range),
    stat: async (key) => await store.stat(key),
    readTagged: async (key) => await store.readTagged(key),
    replace: async (key, bytes, ifMatch) => await store.replace(key, bytes, ifMatch),
    remove: async (key) => await store.remove(key),
    locate: async (key, seconds) => await store.locate(key, seconds),
    list: (prefix) => store.list(prefix),
    check: async () => await store.check(),
  };
}

async function copyPublished(from: BlobStore, to: BlobStore): Promise<void> {
  for await (const key of from.list("ledger/")) {
    const blob = await from.readTagged(key);
    if (blob !== null) await to.replace(key, blob.bytes, null);
  }
}

async function anotherLease(database: Database) {
  await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
    database.db,
  );
  const lease = await takeLease(database.db, "another");
  if (lease === null) throw new Error("the lease is not free");
  return lease;
}

async function codeOf(checked: Promise<void>): Promise<string> {
  return await checked.then(
    () => "fine",
    (error: { code: string }) => error.code,
  );
}
