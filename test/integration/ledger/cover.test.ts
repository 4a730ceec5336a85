import { expect, test } from "@jest/globals";
import type { KyselyPlugin } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { readHead } from "../../../src/ledger/batch.ts";
import { CoverProof } from "../../../src/ledger/cover.ts";
import { publish } from "../../../src/ledger/publish.ts";
import { assertContinues } from "../../../src/ledger/published.ts";
import { makeReceipts, newestCheckpoint } from "../../../src/ledger/receipt.ts";
import { submitRotation } from "../../../src/ledger/rotate.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { forEachDatabase } from "../../support/database.ts";
import { keyOf, openStoreFolder, settleAll, startNode, submitMany } from "../../support/log.ts";
import { StatementCount } from "../../support/statement-count.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

forEachDatabase("the proof that entries are covered", (open) => {
  /** A ledger of so many entries, a step at a time; nobody sequences between the steps. */
  async function ledgerOf(count: number) {
    const [database, signer] = [await open(), new TestSigner()];
    const grow = async (entries: number, label?: string) => {
      const ledger = await startNode({ database, signer, store: null });
      await settleAll(ledger, await submitMany(database, entries, label));
      await ledger.stop();
      return await placesOf(database);
    };
    const entries = await grow(count);
    const statements = new StatementCount();
    const cover = new CoverProof(database.db.withPlugin(statements), keyOf(signer));
    return { database, signer, grow, entries, statements, cover };
  }

  test("however many wait for one checkpoint, it is read once, and each of them is proved", async () => {
    const { grow, entries, statements, cover } = await ledgerOf(10);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    statements.count = 0;
    const grown = await grow(700);
    await Promise.all(grown.slice(10).map((entry) => cover.assertCovered(entry)));
    expect(statements.count).toBe(1);
    for (const entry of grown) await cover.assertCovered(entry);
  });

  test("what is read for those who are about to ask is not read again when they do, and what fails for them is told to them alone", async () => {
    const { database, grow, entries, statements, cover } = await ledgerOf(10);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    const grown = (await grow(700)).slice(10);
    statements.count = 0;
    cover.prepare(grown.length);
    cover.prepare(grown.length);
    await until(() => statements.count === 1);
    await Promise.all(grown.map((entry) => cover.assertCovered(entry)));
    for (const entry of grown) await cover.assertCovered(entry);
    expect(statements.count).toBe(1);
    await asSuperuser(database, "update ledger_checkpoint set note = 'another'");
    const later = { index: 710, bytes: Buffer.from("later") };
    cover.prepare(1);
    await expect(cover.assertCovered(later)).rejects.toMatchObject({ code: "record_tampered" });
  });

  test("what was read before there was any checkpoint is no tampering for who joined the reading", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const held = new HeldAnswers();
    const cover = new CoverProof(database.db.withPlugin(held), keyOf(signer));
    held.isHeld = true;
    cover.prepare(1);
    await until(() => held.waiting === 1);
    held.isHeld = false;
    const ledger = await startNode({ database, signer, store: null });
    await settleAll(ledger, await submitMany(database, 1));
    await ledger.stop();
    const asked = cover.assertCovered(placeIn(await placesOf(database), 0));
    held.release();
    await asked;
  });

  test("one who comes after thousands of entries is proved from the tiles", async () => {
    const { grow, entries, cover } = await ledgerOf(3);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    const grown = await grow(600);
    for (const index of [602, 2, 255, 256, 511, 513])
      await cover.assertCovered(placeIn(grown, index));
  });

  test("an entry with other bytes is refused, its neighbours are not", async () => {
    const { entries, grow, cover } = await ledgerOf(5);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    const grown = await grow(20);
    const forged = { index: 12, bytes: placeIn(grown, 13).bytes };
    const asked = [placeIn(grown, 11), forged, placeIn(grown, 13)];
    const answers = await Promise.allSettled(asked.map((place) => cover.assertCovered(place)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(answers[1]).toMatchObject({ reason: { code: "record_tampered" } });
  });

  test("an entry that was rewritten with its leaf hash proves nothing, whether the edge grew over it or began with it", async () => {
    const { database, signer, entries, grow, cover } = await ledgerOf(5);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    await grow(20);
    await rewriteEntry(database, 12);
    const grown = await placesOf(database);
    for (const proof of [cover, new CoverProof(database.db, keyOf(signer))]) {
      const all = grown.slice(10, 15).map((entry) => proof.assertCovered(entry));
      for (const answer of await Promise.allSettled(all))
        expect(answer).toMatchObject({
          status: "rejected",
          reason: { code: "record_tampered" },
        });
    }
  });

  test("a tile that a superuser took out of the database is named as tampering by whatever needs it, and is no bug of the server's", async () => {
    const { database, signer, grow, cover } = await ledgerOf(3);
    const { store, remove } = await openStoreFolder();
    const { db } = database;
    const grown = await grow(600);
    await cover.assertCovered(placeIn(grown, 602));
    const key = keyOf(signer);
    const ledger = await startNode({ database, signer, store: null });
    try {
      const rows = db.selectFrom("ledger_entry").select("submission").orderBy("index");
      const ids = (await rows.execute()).map(({ submission }) => submission);
      // The node knows its newest checkpoint, and proves older entries under it from then on.
      await settleAll(ledger, ids);
      const newest = await newestCheckpoint(db);
      const of = { origin: signer.name, size: 600, root: Buffer.alloc(32), extensions: [] };
      const published = { checkpoint: of, note: newest?.note ?? "", tag: "" };
      await asSuperuser(database, "delete from ledger_tile where level = 0 and number = 1");
      const place = { ...placeIn(grown, 300), leaf: leafHash(placeIn(grown, 300).bytes) };
      const needing: Readonly<Record<string, () => Promise<unknown>>> = {
        "a settling": async () =>
          await ledger.settle(ids[300] ?? 0n, { after: "checkpoint", timeoutMs: 20_000 }),
        "a proof that goes on": async () => await cover.assertCovered(place),
        "a proof that begins": async () => await new CoverProof(db, key).assertCovered(place),
        "a receipt": async () => await makeReceipts(db, [place]),
        "a start": async () => await readHead(db),
        "a continuation": async () => await assertContinues(db, published),
        "a publication": async () =>
          await publish({ db, store, key }, { holder: "one", fence: 1n }),
      };
      const told = expect.stringMatching(
        /^the stored ledger lacks tile\/1\/000\.p\/2, which it covers: somebody took it/,
      );
      for (const [name, need] of Object.entries(needing))
        expect([name, await need().catch((error: unknown) => error)]).toEqual([
          name,
          expect.objectContaining({ code: "record_tampered", message: told }),
        ]);
    } finally {
      await ledger.stop();
      await remove();
    }
  });

  test("a checkpoint of another key covers nothing, and what no checkpoint covers is not covered", async () => {
    const { database, entries, cover } = await ledgerOf(5);
    const other = new CoverProof(database.db, keyOf(new TestSigner()));
    await expect(other.assertCovered(placeIn(entries, 1))).rejects.toMatchObject({
      code: "record_tampered",
    });
    const later = { index: 5, bytes: placeIn(entries, 1).bytes };
    await expect(cover.assertCovered(later)).rejects.toMatchObject({ code: "ledger_unavailable" });
  });

  test("a checkpoint that the key had no right to sign any more covers nothing, whoever still holds that key", async () => {
    const { database, signer, cover } = await ledgerOf(3);
    const to = new TestSigner();
    const submission = await submitRotation({ database, from: signer, to, now: () => new Date(0) });
    const old = await startNode({ database, signer, store: null });
    await old.settle(submission, { after: "checkpoint", timeoutMs: 20_000 });
    await old.stop();
    const next = await startNode({ database, signer: to, store: null, name: "next" });
    await settleAll(next, await submitMany(database, 2));
    await next.stop();
    const entries = await placesOf(database);
    await new CoverProof(database.db, keyOf(signer)).assertCovered(placeIn(entries, 5));
    const newest = database.db.selectFrom("ledger_checkpoint").select(["size", "root"]);
    const { root } = await newest.where("size", "=", 6n).executeTakeFirstOrThrow();
    const stolen = await signCheckpoint({ origin: signer.name, size: 6, root }, signer);
    await asSuperuser(database, `update ledger_checkpoint set note = '${stolen}' where size = 6`);
    await expect(cover.assertCovered(placeIn(entries, 5))).rejects.toMatchObject({
      code: "record_tampered",
    });
  });

  test("where the database was put back and went on otherwise, the proof begins anew with what is there", async () => {
    const { database, entries, grow, cover } = await ledgerOf(5);
    await Promise.all(entries.map((entry) => cover.assertCovered(entry)));
    const grown = await grow(4);
    await Promise.all(grown.map((entry) => cover.assertCovered(entry)));
    await putBack(database, 5);
    const otherwise = await grow(6, "otherwise");
    for (const index of [10, 7, 2]) await cover.assertCovered(placeIn(otherwise, index));
    await expect(cover.assertCovered(placeIn(grown, 6))).rejects.toMatchObject({
      code: "record_tampered",
    });
  });
});

/** Keeps answers of the database back. */
class HeldAnswers implements KyselyPlugin {
  isHeld = false;
  waiting = 0;
  readonly #released = Promise.withResolvers<void>();

  release(): void {
    this.#released.resolve();
  }

  transformQuery: KyselyPlugin["transformQuery"] = ({ node }) => node;

  transformResult: KyselyPlugin["transformResult"] = async ({ result }) => {
    if (!this.isHeld) return result;
    this.waiting += 1;
    await this.#released.promise;
    return result;
  };
}

type Placed = { readonly index: number; readonly bytes: Buffer };

async function placesOf({ db }: Database): Promise<readonly Placed[]> {
  const query = db.selectFrom("ledger_entry").select(["index", "bytes"]).orderBy("index");
  return (await query.execute()).map(({ index, bytes }) => ({ index: Number(index), bytes }));
}

function placeIn(entries: readonly Placed[], index: number): Placed {
  const found = entries[index];
  if (found?.index !== index) throw new Error(`there is no entry ${index}`);
  return found;
}

/** As one who knows how leaf hashes are made. */
async function rewriteEntry(database: Database, index: number): Promise<void> {
  await asSuperuser(
    database,
    `update ledger_entry set bytes = 'other', leaf = sha256('\\x00'::bytea || 'other'::bytea) where index = ${index}`,
  );
}

/** The database as it was when its ledger had so many entries. */
async function putBack(database: Database, size: number): Promise<void> {
  await asSuperuser(
    database,
    `delete from ledger_submission where id in (select submission from ledger_entry where index >= ${size});
     delete from ledger_entry where index >= ${size};
     delete from ledger_checkpoint where size > ${size}`,
  );
}

async function asSuperuser(database: Database, statement: string): Promise<void> {
  await database.runScript(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin;`,
  );
}
