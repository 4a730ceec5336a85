import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import type { Database } from "../../../src/database/open.ts";
import { keepCosignature } from "../../../src/ledger/cosigned.ts";
import type { RunningLedger } from "../../../src/ledger/open.ts";
import { rebuildLedger } from "../../../src/ledger/rebuild.ts";
import { makeOwnReceipt, makeReceipt, shortened } from "../../../src/ledger/receipt.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { type Cosigner, verifyCosignature } from "../../../src/merkle/cosignature.ts";
import { encodeVerificationKey, parseNote } from "../../../src/merkle/note.ts";
import { forEachDatabase } from "../../support/database.ts";
import { storedLedger } from "../../support/ledger.ts";
import { keyOf, openStoreFolder, settleAll, startNode, submitMany } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";
import { freshCosigner } from "../../unit/merkle/signed-texts.ts";

const textOf = ({ name, publicKey }: TestSigner) => encodeVerificationKey(name, publicKey);

forEachDatabase("a ledger with an ML-DSA-44 key of its own", (open) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(
    database: Database,
    signer: TestSigner,
    options: Partial<Pick<Parameters<typeof startNode>[0], "cosigners" | "store">> = {},
  ): Promise<RunningLedger> {
    const ledger = await startNode({ database, signer, store: null, ...options });
    ends.push(async () => await ledger.stop());
    return ledger;
  }

  const ownKeyOf = (signer: TestSigner) => freshCosigner(signer.name, "ml-dsa-44");

  async function checkpoints({ db }: Database): Promise<readonly string[]> {
    const rows = await db.selectFrom("ledger_checkpoint").select("note").orderBy("size").execute();
    return rows.map(({ note }) => note);
  }

  const isSigned = (checkpoint: string, { key }: Cosigner): boolean =>
    verifyCosignature(parseNote(checkpoint) ?? { text: "", signatures: [] }, key).verdict ===
    "verified";

  test("every checkpoint carries the signatures of both keys, receipts too, and those that have to be short the first alone", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const cosigner = ownKeyOf(signer);
    const ledger = await start(database, signer, { cosigners: [cosigner] });
    for (const label of ["one", "two", "three"])
      await settleAll(ledger, await submitMany(database, 2, label));
    const made = await checkpoints(database);
    expect(made.length).toBeGreaterThanOrEqual(3);
    expect(made.map((each) => isSigned(each, cosigner))).toEqual(made.map(() => true));
    const report = await verifyLedger(storedLedger(database), {
      verificationKey: textOf(signer),
      mlDsaKey: cosigner.key,
    });
    expect(report).toMatchObject({ size: 6, verified: true, mlDsaSigned: true, findings: [] });
    const { db } = database;
    const { bytes, leaf } = await db
      .selectFrom("ledger_entry")
      .select(["bytes", "leaf"])
      .where("index", "=", 0n)
      .executeTakeFirstOrThrow();
    const place = { index: 0, bytes, leaf };
    const checkpointIn = ({ proof }: { readonly proof: string }) => proof.split("\n\n").slice(1);
    expect(isSigned(checkpointIn(await makeReceipt(db, place)).join("\n\n"), cosigner)).toBe(true);
    const own = await makeOwnReceipt(db, place);
    expect(isSigned(checkpointIn(own).join("\n\n"), cosigner)).toBe(true);
    expect(parseNote(checkpointIn(shortened(own)).join("\n\n"))?.signatures).toHaveLength(1);
  });

  test("while the ML-DSA-44 key does not sign, no checkpoint is stored, nothing is settled as covered, and the ledger's check is red; then all is covered", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [cosigner, broken] = [ownKeyOf(signer), { isNow: true }];
    const sign = async (message: Uint8Array) => {
      if (broken.isNow) throw new Error("the key file's device does not answer");
      return await cosigner.sign(message);
    };
    const ledger = await start(database, signer, { cosigners: [{ ...cosigner, sign }] });
    const ids = await submitMany(database, 3);
    ledger.wake();
    const last = ids.at(-1) ?? 0n;
    await expect(
      ledger.settle(last, { after: "checkpoint", timeoutMs: 600 }),
    ).rejects.toMatchObject({ code: "ledger_unavailable" });
    await expect(ledger.check()).rejects.toMatchObject({ code: "ledger_unavailable" });
    expect(await checkpoints(database)).toEqual([]);
    broken.isNow = false;
    await settleAll(ledger, ids);
    expect((await checkpoints(database)).map((each) => isSigned(each, cosigner))).toEqual([true]);
  });

  test("a ledger that had no such key is signed with it before anything more is published, and goes over from one key to the next by having both for a while", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [old, next] = [ownKeyOf(signer), ownKeyOf(signer)];
    const { store, published, remove } = await openStoreFolder();
    ends.push(remove);
    const before = await startNode({ database, signer, store });
    await settleAll(before, await submitMany(database, 3), "published");
    await before.stop();
    const verifies = async (cosigner: Cosigner) =>
      (
        await verifyLedger(folderSource(published), {
          verificationKey: textOf(signer),
          mlDsaKey: cosigner.key,
        })
      ).verified;
    expect(await verifies(old)).toBe(false);

    const first = await startNode({ database, signer, store, cosigners: [old] });
    await until(async () => await verifies(old));
    await first.stop();
    const both = await startNode({ database, signer, store, cosigners: [old, next] });
    await settleAll(both, await submitMany(database, 1, "both"), "published");
    expect([await verifies(old), await verifies(next)]).toEqual([true, true]);
    await both.stop();
    const last = await start(database, signer, { store, cosigners: [next] });
    await settleAll(last, await submitMany(database, 1, "next"), "published");
    expect([await verifies(old), await verifies(next)]).toEqual([false, true]);
    const note = parseNote(await readFile(join(published, "checkpoint")));
    expect(note?.signatures).toHaveLength(2);
  });

  test("a ledger is rebuilt only from a checkpoint that the demanded ML-DSA-44 key signed, so that no other past comes by its signature afterwards", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [own, other] = [ownKeyOf(signer), ownKeyOf(signer)];
    const { store, published, remove } = await openStoreFolder();
    ends.push(remove);
    const ledger = await start(database, signer, { store, cosigners: [own] });
    await settleAll(ledger, await submitMany(database, 3), "published");
    const empty = await open();
    const from = { database: empty, source: folderSource(published), key: keyOf(signer) };
    await expect(rebuildLedger({ ...from, mlDsaKey: other.key })).rejects.toMatchObject({
      code: "record_tampered",
      message: expect.stringMatching(/not signed by the ledger's ML-DSA-44 key: nothing was/),
    });
    expect(await checkpoints(empty)).toEqual([]);
    expect(await rebuildLedger({ ...from, mlDsaKey: own.key })).toMatchObject({ size: 3 });
  });

  test("a false signature under the ledger's ML-DSA-44 key that somebody stored stops the ledger", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const { key, ...cosigner } = ownKeyOf(signer);
    const before = await startNode({ database, signer, store: null });
    await settleAll(before, await submitMany(database, 3));
    await before.stop();
    const { name, keyId } = key;
    const signature = Buffer.alloc(2_428);
    await keepCosignature(database.db, 3, { name, keyId, signature, cosignedAt: new Date(0) });
    const ledger = await start(database, signer, { cosigners: [{ ...cosigner, key }] });
    const codeOf = async (): Promise<unknown> =>
      await ledger.check().then(
        () => null,
        ({ code }: { readonly code: string }) => code,
      );
    await until(async () => (await codeOf()) === "record_tampered");
    await submitMany(database, 1, "more");
    expect(await checkpoints(database)).toHaveLength(1);
  });
});
