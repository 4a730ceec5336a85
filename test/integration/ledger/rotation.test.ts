import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { openLedger, type RunningLedger } from "../../../src/ledger/open.ts";
import { assertPublishedFrom } from "../../../src/ledger/published.ts";
import { rebuildLedger } from "../../../src/ledger/rebuild.ts";
import { allReigns, lockRotations, readRotations } from "../../../src/ledger/reigns.ts";
import { rotatedSize, submitRotation } from "../../../src/ledger/rotate.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { isSignedBeyond, takeUp } from "../../../src/ledger/take-up.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { algorithmOf } from "../../../src/merkle/key-algorithm.ts";
import { encodeVerificationKey, parseVerificationKey } from "../../../src/merkle/note.ts";
import { parsePolicy } from "../../../src/merkle/policy.ts";
import { nothingSigned, readRotation, signRotation } from "../../../src/merkle/rotation.ts";
import { describePostgres, forEachDatabase } from "../../support/database.ts";
import { storedLedger } from "../../support/ledger.ts";
import {
  keyOf,
  openStoreFolder,
  settleAll,
  startNode,
  submitMany,
  verifyPublished,
  verifyStored,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";
import { startWitness } from "../../support/witness.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, record } from "../../vectors/ledger/story.ts";
import { openCloned } from "../database/cloned.ts";

const now = () => new Date("2026-11-23T09:00:00.000Z");

const textOf = ({ name, publicKey }: TestSigner) => encodeVerificationKey(name, publicKey);

async function failureOf(ledger: RunningLedger): Promise<unknown> {
  return await ledger.check().then(
    () => null,
    (error: { code: string }) => (error.code === "ledger_unavailable" ? null : error),
  );
}

forEachDatabase("a ledger whose key is replaced", (open) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(
    database: Database,
    signer: TestSigner,
    {
      name = "one",
      store = null,
    }: Partial<Pick<Parameters<typeof startNode>[0], "name" | "store">> = {},
  ): Promise<RunningLedger> {
    const ledger = await startNode({ database, signer, store, name });
    ends.push(async () => await ledger.stop());
    return ledger;
  }

  async function expectFails(ledger: RunningLedger, code: string, says: RegExp): Promise<void> {
    await until(async () => (await failureOf(ledger)) !== null);
    const failure = { code, message: expect.stringMatching(says) };
    expect(await failureOf(ledger)).toMatchObject(failure);
  }

  const sizeOf = async ({ db }: Database): Promise<number> =>
    (await db.selectFrom("ledger_entry").select("index").execute()).length;

  test("the old key's last checkpoint covers the rotation, the old node signs nothing more, and the new one goes on; it all verifies under either key", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const folder = await openStoreFolder();
    ends.push(folder.remove);
    const { store } = folder;
    const old = await start(database, from, { store });
    await settleAll(old, await submitMany(database, 3), "published");
    const kept = await storedLedger(database).checkpoint();
    const rotation = { database, from, to };
    const submission = await submitRotation({ ...rotation, now });
    const beyond = await submitMany(database, 5, "beyond");
    const { index } = await (async () => {
      old.wake();
      return await old.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    })();
    expect(index).toBe(3);
    await expectFails(old, "signer_refused", /replaced \(entry 3\) by test\.example.*new key/);
    expect([await sizeOf(database), await rotatedSize(rotation)]).toEqual([4, 4]);

    const other = await start(database, to, { name: "other", store });
    await settleAll(other, beyond, "published");
    await expectFails(old, "signer_refused", /replaced/);
    for (const trusted of [from, to]) {
      const options = { verificationKey: textOf(trusted), olderCheckpoint: kept ?? "" };
      const report = await verifyLedger(folderSource(folder.published), options);
      expect(report).toMatchObject({ size: 9, verified: true, findings: [] });
    }
    expect(await allReigns(database.db, keyOf(to))).toMatchObject([
      { key: keyOf(from), firstSize: 0, lastSize: 4, statement: null },
      { key: keyOf(to), firstSize: 5, lastSize: Number.POSITIVE_INFINITY },
    ]);
  });

  test("where nothing waits for a place, the new key takes the ledger up with one entry and signs at once, so that who pinned it verifies at once, and does so once", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const folder = await openStoreFolder();
    ends.push(folder.remove);
    const { store } = folder;
    const old = await start(database, from, { store });
    await settleAll(old, await submitMany(database, 3), "published");
    const submission = await submitRotation({ database, from, to, now });
    old.wake();
    await old.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    await old.stop();
    const codes = ({ findings }: Awaited<ReturnType<typeof verifyPublished>>) =>
      findings.map(({ code }) => code);
    expect(codes(await verifyPublished(folder.published, to))).toEqual(["key_retired"]);

    for (let starts = 0; starts < 2; starts += 1) {
      const next = await startNode({ database, signer: to, store });
      await until(async () => (await verifyPublished(folder.published, to)).verified);
      await next.stop();
    }
    for (const trusted of [from, to]) {
      const report = await verifyPublished(folder.published, trusted);
      expect(report).toMatchObject({ size: 5, verified: true, findings: [] });
      expect(report.counts).toMatchObject({ "ledger.key-taken-up": 1 });
    }
  });

  test("whatever it was interrupted by, it goes on: an entry that is not covered is covered by the old key alone", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const first = await startNode({ database, signer: from, store: null });
    await settleAll(first, await submitMany(database, 2));
    const early = await start(database, to, { name: "early" });
    await first.stop();
    await expectFails(early, "record_tampered", /not signed by this signer/);
    await early.stop();

    const submission = await submitRotation({ database, from, to, now });
    from.refuses = true;
    const dying = await startNode({ database, signer: from, store: null });
    await dying.settle(submission, { after: "entry", timeoutMs: 10_000 });
    await dying.stop();
    expect(await rotatedSize({ database, from, to })).toBeNull();
    const tooEarly = await startNode({ database, signer: to, store: null, name: "too-early" });
    await expectFails(tooEarly, "signer_refused", /no checkpoint of the old key covers.*entry 2/);
    await tooEarly.stop();

    from.refuses = false;
    const again = await start(database, from);
    expect(await submitRotation({ database, from, to, now })).toBe(submission);
    await again.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    await expectFails(again, "signer_refused", /replaced/);
    const last = await start(database, to, { name: "last" });
    await settleAll(last, await submitMany(database, 2));
    expect(await verifyStored(database, from)).toMatchObject({ size: 5, verified: true });
  });

  test("one rotation is under way at a time, and no key comes back", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const old = await start(database, from);
    const rotation = { database, from, to, now };
    const [submission, again] = await Promise.all([
      submitRotation(rotation),
      submitRotation(rotation),
    ]);
    expect(again).toBe(submission);
    const conflict = { code: "conflict" };
    await expect(submitRotation({ ...rotation, to: new TestSigner() })).rejects.toMatchObject(
      conflict,
    );
    old.wake();
    await old.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    for (const next of [from, to])
      await expect(submitRotation({ database, from: to, to: next, now })).rejects.toMatchObject(
        conflict,
      );
    const third = new TestSigner();
    const other = await start(database, to, { name: "other" });
    expect(await isSignedBeyond(database.db, 1, 10_000)).toBe(true);
    const second = await submitRotation({ database, from: to, to: third, now });
    other.wake();
    await other.settle(second, { after: "checkpoint", timeoutMs: 10_000 });
    const newest = await start(database, third, { name: "newest" });
    expect(await isSignedBeyond(database.db, 3, 10_000)).toBe(true);
    await settleAll(newest, await submitMany(database, 1));
    for (const trusted of [from, to, third])
      expect(await verifyStored(database, trusted)).toMatchObject({ verified: true, size: 5 });
  });

  test("a rotation that the ruling key has not signed is given no place, and stops the ledger", async () => {
    const [database, from] = [await open(), new TestSigner()];
    const old = await start(database, from);
    await settleAll(old, await submitMany(database, 2));
    const statement = await signRotation(new TestSigner(), new TestSigner(), nothingSigned);
    await transact(database.db, async (tx) =>
      submit(tx, { kind: "ledger.key-rotated", time: now(), body: { statement } }),
    );
    old.wake();
    await expectFails(old, "record_tampered", /would replace the ledger's key.*not signed by/);
    expect(await sizeOf(database)).toBe(2);
  });

  test("a rotation binds the ledger to its newest checkpoint; one of another past is given no place, and a ledger with it is not rebuilt", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const old = await start(database, from);
    await settleAll(old, await submitMany(database, 4));
    const submission = await submitRotation({ database, from, to, now });
    old.wake();
    await old.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    const [rotation] = await readRotations(database.db);
    const bound = readRotation(rotation?.statement, from.name)?.head;
    expect(bound?.size).toBe(4);

    const [other, untrue] = [await open(), { size: 2, root: bound?.root ?? Buffer.alloc(32) }];
    const node = await start(other, from, { name: "node" });
    await settleAll(node, await submitMany(other, 3));
    const statement = await signRotation(from, to, untrue);
    await transact(other.db, async (tx) =>
      submit(tx, { kind: "ledger.key-rotated", time: now(), body: { statement } }),
    );
    node.wake();
    await expectFails(node, "record_tampered", /would replace the ledger's key/);
    expect(await sizeOf(other)).toBe(3);

    const [first, second, empty] = [fixedSigner(7), fixedSigner(8), await open()];
    const records = [
      ...beginning,
      record("ledger.key-rotated", { statement: await signRotation(first, second, untrue) }),
    ];
    const source = memorySource(await filesOf(encodeAll(records), second));
    const key = parseVerificationKey(first.verificationKey);
    if (key === null) throw new Error("the fixed key does not parse");
    await expect(rebuildLedger({ database: empty, source, key })).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringMatching(
        /do not go on from the 2 that the ledger's old key had signed/,
      ),
    });
  });

  test("no rotation is bound to a checkpoint that the ledger's key did not sign", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const node = await startNode({ database, signer: from, store: null });
    await settleAll(node, await submitMany(database, 2));
    await node.stop();
    const root = Buffer.alloc(32);
    const note = await signCheckpoint({ origin: from.name, size: 9, root }, new TestSigner());
    const row = { size: 9n, root, note, fence: 0n, signed_at: now() };
    await database.db.insertInto("ledger_checkpoint").values(row).execute();
    await expect(submitRotation({ database, from, to, now })).rejects.toMatchObject({
      code: "record_tampered",
    });
    const submitted = database.db.selectFrom("ledger_submission").select("kind");
    expect(await submitted.where("kind", "=", "ledger.key-rotated").execute()).toEqual([]);
  });

  test("a ledger is not rebuilt on the word of a key that the trusted one has replaced, wherever that has the rotation stand", async () => {
    const [first, second, database] = [fixedSigner(7), fixedSigner(8), await open()];
    const statement = await signRotation(first, second, nothingSigned);
    const records = [...beginning, record("ledger.key-rotated", { statement })];
    const source = memorySource(await filesOf(encodeAll(records), first));
    const [oldKey, key] = [first, second].map((each) => parseVerificationKey(each.verificationKey));
    if (oldKey == null || key == null) throw new Error("a fixed key does not parse");
    await expect(rebuildLedger({ database, source, key })).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringMatching(/name the one before it/),
    });
    expect(await rebuildLedger({ database, source, key: oldKey })).toMatchObject({
      size: records.length,
    });
  });

  test("what the old key published is taken up to the rotation, and nothing beyond it", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const folder = await openStoreFolder();
    ends.push(folder.remove);
    const old = await start(database, from, { store: folder.store });
    const submission = await submitRotation({ database, from, to, now });
    old.wake();
    await old.settle(submission, { after: "published", timeoutMs: 10_000 });
    const place = { db: database.db, store: folder.store, signer: to };
    await assertPublishedFrom(place);
    const root = Buffer.alloc(32);
    for (const [signer, says] of [
      [from, /2 entries and is signed by a key of this ledger that had been replaced by then/],
      [new TestSigner(), /not signed by this ledger's key/],
    ] as const) {
      const note = await signCheckpoint({ origin: signer.name, size: 2, root }, signer);
      await writeFile(join(folder.published, "checkpoint"), note);
      await expect(assertPublishedFrom(place)).rejects.toMatchObject({
        code: "ledger_diverged",
        message: expect.stringMatching(says),
      });
    }
  });

  test("a ledger goes over to a P-256 key and back to Ed25519, verifies under each of its keys, is rebuilt, and tells each key's algorithm", async () => {
    const signers = [new TestSigner(), new TestSigner("ecdsa-p256"), new TestSigner()] as const;
    const [first, second, last] = signers;
    const database = await open();
    const folder = await openStoreFolder();
    ends.push(folder.remove);
    for (const [from, to, name] of [
      [first, second, "one"],
      [second, last, "two"],
    ] as const) {
      const node = await startNode({ database, signer: from, store: folder.store, name });
      await settleAll(node, await submitMany(database, 2, name));
      const submission = await submitRotation({ database, from, to, now });
      node.wake();
      await node.settle(submission, { after: "published", timeoutMs: 10_000 });
      await expectFails(node, "signer_refused", /replaced/);
      await node.stop();
    }
    const newest = await start(database, last, { store: folder.store, name: "three" });
    await settleAll(newest, await submitMany(database, 2, "three"), "published");
    for (const trusted of signers)
      for (const report of [
        await verifyPublished(folder.published, trusted),
        await verifyStored(database, trusted),
      ])
        expect(report).toMatchObject({ size: 8, verified: true, findings: [] });
    const reigns = await allReigns(database.db, keyOf(last));
    expect(reigns.map(({ key, lastSize }) => [algorithmOf(key.publicKey), lastSize])).toEqual([
      ["ed25519", 3],
      ["ecdsa-p256", 6],
      ["ed25519", Number.POSITIVE_INFINITY],
    ]);
    const [source, rebuilt] = [folderSource(folder.published), await open()];
    expect(await rebuildLedger({ database: rebuilt, source, key: keyOf(second) })).toMatchObject({
      size: 8,
    });
  });

  test("a ledger that was rotated is rebuilt from what was published, by whoever trusts the first key, and goes on under the newest", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const folder = await openStoreFolder();
    ends.push(folder.remove);
    const old = await start(database, from, { store: folder.store });
    const submission = await submitRotation({ database, from, to, now });
    old.wake();
    await old.settle(submission, { after: "checkpoint", timeoutMs: 10_000 });
    const other = await startNode({ database, signer: to, store: folder.store, name: "other" });
    await settleAll(other, await submitMany(database, 3), "published");
    await other.stop();
    const [source, rebuilt] = [folderSource(folder.published), await open()];
    const stranger = keyOf(new TestSigner());
    await expect(rebuildLedger({ database: rebuilt, source, key: stranger })).rejects.toMatchObject(
      { code: "record_tampered" },
    );
    expect(await rebuildLedger({ database: rebuilt, source, key: keyOf(from) })).toMatchObject({
      size: 4,
    });
    const goesOn = await start(rebuilt, to, { store: folder.store, name: "rebuilt" });
    await settleAll(goesOn, await submitMany(rebuilt, 2), "published");
    expect(await verifyPublished(folder.published, from)).toMatchObject({
      size: 6,
      verified: true,
    });
  });

  test("a witness that was given both keys of the log goes on cosigning it; one that was not is told about", async () => {
    const [database, from, to] = [await open(), new TestSigner(), new TestSigner()];
    const both = await startWitness({ name: "w.example/both", logs: [keyOf(from), keyOf(to)] });
    const one = await startWitness({ name: "w.example/one", logs: [keyOf(from)] });
    ends.push(async () => await both[Symbol.asyncDispose]());
    ends.push(async () => await one[Symbol.asyncDispose]());
    const text = `${both.line("both")}${one.line("one")}group any any both one\nquorum any\n`;
    const policy = parsePolicy(Buffer.from(text));
    if ("problem" in policy) throw new Error(policy.problem);
    const told: string[] = [];
    const witnessed = async (signer: TestSigner, node: string) => {
      const onFailure = (error: unknown) => told.push(String(error));
      const options = { database, signer, store: null, node, now, onFailure, ...policy };
      const ledger = await openLedger(options);
      ends.push(async () => await ledger.stop());
      return ledger;
    };
    const waiting = { after: "witnessed", timeoutMs: 10_000 } as const;
    const old = await witnessed(from, "one");
    const [id = 0n] = await submitMany(database, 1);
    old.wake();
    await old.settle(id, waiting);
    const rotation = await submitRotation({ database, from, to, now });
    old.wake();
    await old.settle(rotation, { ...waiting, after: "checkpoint" });
    const other = await witnessed(to, "other");
    const [late = 0n] = await submitMany(database, 1, "late");
    other.wake();
    await other.settle(late, waiting);
    await until(() =>
      told.some((each) => /w\.example\/one did not cosign|one did not cosign.*403/.test(each)),
    );
    expect(both.answers.every(({ status }) => status === 200)).toBe(true);
  });
});

describePostgres("a key that is replaced while it takes the ledger up", () => {
  test("leaves no entry of its own behind its rotation", async () => {
    await using opened = await openCloned({ poolSize: 6 });
    const { database } = opened;
    const { db } = database;
    const [from, to, third] = [new TestSigner(), new TestSigner(), new TestSigner()];
    const node = await startNode({ database, signer: from, store: null });
    await settleAll(node, await submitMany(database, 1));
    await node.stop();
    const note = String(await storedLedger(database).checkpoint());
    const [held, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const rotating = db.transaction().execute(async (tx) => {
      await lockRotations(tx);
      begun.resolve();
      await held.promise;
      const statement = await signRotation(to, third, nothingSigned);
      await submit(tx, { kind: "ledger.key-rotated", time: now(), body: { statement } });
    });
    await begun.promise;
    const takingUp = db
      .transaction()
      .execute(async (tx) => await takeUp(tx, { key: keyOf(to), note, now: now() }));
    // Of no use to the test where it waits for nothing: then it has its answer before the rotation is there.
    const first = await Promise.race([takingUp, untilWaiting(db).then(() => "waits")]);
    held.resolve();
    await rotating;
    expect(first).toBe("waits");
    expect(await takingUp).toBe(false);
  });
});

async function untilWaiting(db: Database["db"]): Promise<void> {
  await until(async () => {
    const { rows } =
      await sql`select from pg_locks where locktype = 'advisory' and not granted`.execute(db);
    return rows.length > 0;
  });
}
