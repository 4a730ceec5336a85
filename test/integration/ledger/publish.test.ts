import { generateKeyPairSync, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { Refusal } from "../../../src/errors.ts";
import { cosignedCheckpoint, keepCosignature } from "../../../src/ledger/cosigned.ts";
import { takeLease } from "../../../src/ledger/lease.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { publish } from "../../../src/ledger/publish.ts";
import { readPublished } from "../../../src/ledger/published.ts";
import { newestCheckpoint } from "../../../src/ledger/receipt.ts";
import { cosign, cosignerKey } from "../../../src/merkle/cosignature.ts";
import { parseNote } from "../../../src/merkle/note.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { forEachDatabase } from "../../support/database.ts";
import { failing, holdNext, withFaults } from "../../support/faults.ts";
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
    const stalled = withFaults(store);
    const { entered, release } = holdNext(stalled, "replace");
    const late = publish({ db: database.db, store: stalled.port, key }, lease);
    late.catch(() => {});
    // The lease was asked for already, and still stood.
    await entered;
    await grow(20);
    const other = await anotherLease(database);
    expect(await publish({ db: database.db, store, key }, other)).toMatchObject({ size: 25 });
    release();
    await expect(late).rejects.toMatchObject({ code: "ledger_unavailable" });
    expect((await readPublished({ db: database.db, store, key }))?.checkpoint.size).toBe(25);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 25, verified: true });
  });

  /** Who cosigns the newest checkpoint and has that stored, as the ledger's client does. */
  function witness(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
    const key = cosignerKey("ed25519", name, raw);
    const cosigner = { key, sign: async (message: Uint8Array) => sign(null, message, privateKey) };
    const cosignNewest = async ({ db }: Database) => {
      const newest = await newestCheckpoint(db);
      if (newest === null) throw new Error("there is no checkpoint");
      const cosignature = await cosign(parseNote(newest.note)?.text ?? "", cosigner, 1_795_000_000);
      await keepCosignature(db, newest.size, { ...cosignature, cosignedAt: new Date(0) });
    };
    return { key, cosignNewest };
  }

  async function cosignersIn(folder: string): Promise<readonly string[]> {
    const note = parseNote(await readFile(join(folder, "checkpoint")));
    return (note?.signatures ?? []).map(({ name }) => name).slice(1);
  }

  test("cosignatures that come later are published under the same size, as they are served; none that is published goes, and nothing is replaced for none", async () => {
    const { database, signer, lease, grow } = await signedLedger(3);
    const { store, published } = await folder();
    const counted = withFaults(store);
    const options = { db: database.db, store: counted.port, key: keyOf(signer) };
    const [one, two] = [witness("w.example/1"), witness("w.example/2")];
    const first = await publish(options, lease);
    await one.cosignNewest(database);
    const second = await publish(options, lease);
    expect(second).toMatchObject({ size: 3 });
    expect(second.tag).not.toBe(first.tag);
    const served = await cosignedCheckpoint(database.db);
    expect(await readFile(join(published, "checkpoint"), "utf8")).toBe(served?.note);
    expect(await cosignersIn(published)).toEqual(["w.example/1"]);
    const before = counted.calls.filter((call) => call === "replace").length;
    expect(await publish(options, lease)).toEqual(second);
    expect(counted.calls.filter((call) => call === "replace")).toHaveLength(before);
    await database.runScript(
      "set session_replication_role = replica; delete from ledger_cosignature; set session_replication_role = origin;",
    );
    expect(await publish(options, lease)).toEqual(second);
    await two.cosignNewest(database);
    await publish(options, lease);
    expect(await cosignersIn(published)).toEqual(["w.example/2", "w.example/1"]);
    await grow(2);
    await publish(options, lease);
    expect(await cosignersIn(published)).toEqual([]);
    expect(await verifyPublished(published, signer)).toMatchObject({ size: 5, verified: true });
  });

  test("a publisher that lost the lease adds no cosignature, and one that stalled before puts no smaller checkpoint in the place of a newer one for it", async () => {
    const { database, signer, lease, grow } = await signedLedger(3);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    await publish(options, lease);
    await witness("w.example/1").cosignNewest(database);
    const stalled = withFaults(store);
    const { entered, release } = holdNext(stalled, "replace");
    const late = publish({ ...options, store: stalled.port }, lease);
    late.catch(() => {});
    await entered;
    const other = await anotherLease(database);
    const lost = { code: "ledger_unavailable" };
    await expect(publish(options, lease)).rejects.toMatchObject(lost);
    expect(await cosignersIn(published)).toEqual([]);
    await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 minute'`.execute(
      database.db,
    );
    await grow(20);
    const last = await anotherLease(database);
    expect(last.fence).toBeGreaterThan(other.fence);
    expect(await publish(options, last)).toMatchObject({ size: 23 });
    release();
    await expect(late).rejects.toMatchObject(lost);
    expect((await readPublished(options))?.checkpoint.size).toBe(23);
  });

  test("stored cosignatures that no note can carry leave the checkpoint as the log signed it", async () => {
    const { database, signer, lease } = await signedLedger(3);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    const newest = await newestCheckpoint(database.db);
    const keyId = "00000000";
    for (const name of ["a b", "w\n\n— w"]) {
      const signature = Buffer.alloc(72);
      await keepCosignature(database.db, 3, { name, keyId, signature, cosignedAt: new Date(0) });
      expect(await cosignedCheckpoint(database.db)).toEqual(newest);
    }
    expect(await publish(options, lease)).toMatchObject({ size: 3 });
    expect(await readFile(join(published, "checkpoint"), "utf8")).toBe(newest?.note);
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

  test("a checkpoint and tiles that somebody removed from the store are put back by the next publication", async () => {
    const { database, signer, lease } = await signedLedger(300);
    const { store, published } = await folder();
    const options = { db: database.db, store, key: keyOf(signer) };
    await publish(options, lease);
    for (const removed of ["checkpoint", "tile/0/000", "tile/entries/001.p/44"])
      await rm(join(published, removed));
    expect(await publish(options, lease)).toMatchObject({ size: 300 });
    expect(await verifyPublished(published, signer)).toMatchObject({
      size: 300,
      verified: true,
      findings: [],
    });
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

  test("`published` is not settled by what another database under the same key has published", async () => {
    const [signer, { store }] = [new TestSigner(), await folder()];
    const [mine, others] = [await open(), await open()];
    // The node began while the store was empty, and could not publish yet.
    const late: BlobStore = {
      ...delegating(store),
      replace: async () => {
        throw new Refusal("store_unavailable", "away");
      },
    };
    const ledger = await node(mine, signer, late);
    const [id = 0n] = await submitMany(mine, 1, "mine");
    ledger.wake();
    await ledger.settle(id, { after: "checkpoint", timeoutMs: 20_000 });
    const other = await node(others, signer, store);
    await settleAll(other, await submitMany(others, 3, "another's"));
    await until(async () => (await store.readTagged("ledger/checkpoint")) !== null);
    await expect(ledger.settle(id, { after: "published", timeoutMs: 2_000 })).rejects.toMatchObject(
      { code: "ledger_diverged" },
    );
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
