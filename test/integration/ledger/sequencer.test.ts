import { afterEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Signer } from "../../../src/custody/signer.ts";
import type { Database } from "../../../src/database/open.ts";
import { appendOnlyTables } from "../../../src/database/schema.ts";
import { transact } from "../../../src/database/transact.ts";
import { openLedger, type RunningLedger } from "../../../src/ledger/open.ts";
import { makeReceipt } from "../../../src/ledger/receipt.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { readTile } from "../../../src/ledger/tiles.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { openCheckpoint } from "../../../src/merkle/checkpoint.ts";
import {
  encodeVerificationKey,
  parseVerificationKey,
  type VerificationKey,
} from "../../../src/merkle/note.ts";
import { parseTilePath } from "../../../src/merkle/tile.ts";
import { parseTlogProof, verifyTlogProof } from "../../../src/merkle/tlog-proof.ts";
import { forEachDatabase } from "../../support/database.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";

forEachDatabase("the sequencer", (open) => {
  const running: RunningLedger[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map((ledger) => ledger.stop()));
  });

  async function start(database: Database, signer: Signer, node = "one"): Promise<RunningLedger> {
    const ledger = await openLedger({
      database,
      signer,
      store: null,
      node,
      now: () => new Date(),
      onFailure: () => {},
    });
    running.push(ledger);
    return ledger;
  }

  async function submitOne(
    database: Database,
    body: { readonly [name: string]: string },
  ): Promise<bigint> {
    return transact(database.db, (tx) =>
      submit(tx, { kind: "vault.initialized", time: new Date(), body }),
    );
  }

  async function verified(database: Database, signer: Signer) {
    return verifyLedger(sourceOf(database), {
      verificationKey: encodeVerificationKey(signer.name, signer.publicKey),
    });
  }

  test("a submission gets its place, a signed checkpoint and a receipt that verifies offline", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await start(database, signer);
    const submission = await submitOne(database, { vault: "one" });
    ledger.wake();
    const place = await ledger.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    expect(place.index).toBe(0);
    const receipt = await makeReceipt(database.db, place);
    const proof = parseTlogProof(receipt.proof);
    if (proof === null) throw new Error("the receipt does not parse");
    expect(verifyTlogProof(proof, place.leaf, keyOf(signer)).verified).toBe(true);
  });

  test("six hundred submissions by sixteen at a time keep one chain without a gap", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await start(database, signer);
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let n = 0; n < 38; n += 1) {
        const submission = await submitOne(database, { vault: `${writer}-${n}` });
        ledger.wake();
        if (n % 10 === 0)
          await ledger.settle(submission, { after: "checkpoint", timeoutMs: 20_000 });
      }
    });
    await Promise.all(writers);
    await until(async () => (await newest(database)) === 608);
    const report = await verified(database, signer);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ size: 608, verified: true });
    expect(await sql`select 1 from ledger_pending`.execute(database.db)).toMatchObject({
      rows: [],
    });
  });

  test("while the signer refuses, nothing is settled as covered and readiness is red; when it is back, all is covered", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await start(database, signer);
    signer.refuses = true;
    const submission = await submitOne(database, { vault: "one" });
    ledger.wake();
    await expect(
      ledger.settle(submission, { after: "checkpoint", timeoutMs: 600 }),
    ).rejects.toMatchObject({ code: "ledger_unavailable" });
    await expect(ledger.check()).rejects.toMatchObject({ code: "signer_unavailable" });
    expect(await newest(database)).toBe(0);
    signer.refuses = false;
    await ledger.settle(submission, { after: "checkpoint", timeoutMs: 60_000 });
    // Whoever waits is answered before the pass ends that says that all is well.
    await until(
      async () =>
        await ledger.check().then(
          () => true,
          () => false,
        ),
    );
    expect((await verified(database, signer)).verified).toBe(true);
  });

  test("a transaction that rolls back leaves no submission", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    await start(database, signer);
    const failing = transact(database.db, async (tx) => {
      await submit(tx, { kind: "vault.initialized", time: new Date(), body: { vault: "never" } });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await sql`select 1 from ledger_submission`.execute(database.db)).toMatchObject({
      rows: [],
    });
  });

  test("a restarted sequencer goes on from the stored edge", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    for (let run = 0; run < 4; run += 1) {
      const ledger = await start(database, signer);
      const ids = await Promise.all(
        Array.from({ length: 70 }, (_, n) => submitOne(database, { vault: `${run}-${n}` })),
      );
      ledger.wake();
      await Promise.all(
        ids.map((id) => ledger.settle(id, { after: "checkpoint", timeoutMs: 10_000 })),
      );
      await ledger.stop();
    }
    expect(await verified(database, signer)).toMatchObject({
      size: 280,
      verified: true,
      findings: [],
    });
  });

  test("it refuses to continue a ledger whose entries do not lead to its newest checkpoint", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const first = await start(database, signer);
    const submission = await submitOne(database, { vault: "one" });
    first.wake();
    await first.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    await first.stop();
    await asSuperuser(database, "update ledger_entry set leaf = decode(repeat('00', 32), 'hex')");
    const second = await start(database, signer);
    await until(
      async () =>
        (await second.check().then(
          () => "fine",
          (error: { code: string }) => error.code,
        )) === "record_tampered",
    );
    const later = await submitOne(database, { vault: "two" });
    second.wake();
    await expect(
      second.settle(later, { after: "checkpoint", timeoutMs: 500 }),
    ).rejects.toMatchObject({ code: "ledger_unavailable" });
  });

  test("it refuses to continue under another signing key", async () => {
    const database = await open();
    const first = await start(database, new TestSigner());
    const submission = await submitOne(database, { vault: "one" });
    first.wake();
    await first.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    await first.stop();
    const second = await start(database, new TestSigner());
    await until(
      async () =>
        (await second.check().then(
          () => "fine",
          (error: { code: string }) => error.code,
        )) === "record_tampered",
    );
  });

  test("append-only tables refuse update, delete and truncate", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const ledger = await start(database, signer);
    const submission = await submitOne(database, { vault: "one" });
    ledger.wake();
    await ledger.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    expect(appendOnlyTables.length).toBeGreaterThanOrEqual(8);
    for (const table of appendOnlyTables) {
      const column = await ordinaryColumn(database, table);
      const statements = {
        DELETE: `delete from ${table}`,
        TRUNCATE: `truncate ${table} cascade`,
        UPDATE: `update ${table} set ${column} = ${column}`,
      };
      for (const [operation, statement] of Object.entries(statements)) {
        await expect(sql.raw(statement).execute(database.db)).rejects.toThrow(
          new RegExp(`append-only: ${operation} refused`),
        );
      }
    }
  });
});

/** What a superuser can do who sets the triggers aside. */
async function asSuperuser(database: Database, statement: string): Promise<void> {
  await database.runScript(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin;`,
  );
}

/** One that an update may name: an identity column is refused before any trigger. */
async function ordinaryColumn({ db }: Database, table: string): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select quote_ident(attname) as name from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and attidentity = ''
    order by attnum limit 1`.execute(db);
  const [column] = rows;
  if (column === undefined) throw new Error(`${table} has no column`);
  return column.name;
}

async function newest(database: Database): Promise<number> {
  const row = await database.db
    .selectFrom("ledger_checkpoint")
    .select("size")
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  return Number(row?.size ?? 0n);
}

function keyOf(signer: Signer): VerificationKey {
  const key = parseVerificationKey(encodeVerificationKey(signer.name, signer.publicKey));
  if (key === null) throw new Error("the signer has no key");
  return key;
}

function sourceOf(database: Database) {
  return {
    checkpoint: async () => {
      const row = await database.db
        .selectFrom("ledger_checkpoint")
        .select("note")
        .orderBy("size", "desc")
        .limit(1)
        .executeTakeFirstOrThrow();
      expect(
        openCheckpoint(row.note, { name: "none", keyId: "00000000", publicKey: Buffer.alloc(32) })
          ?.verdict,
      ).toBe("unsigned");
      return Buffer.from(row.note, "utf8");
    },
    tile: async (path: string) => {
      const tile = parseTilePath(path);
      return tile === null ? null : await readTile(database.db, tile);
    },
  };
}
