import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { transact } from "../../../src/database/transact.ts";
import { isRefusal } from "../../../src/errors.ts";
import { cosignedCheckpoint, keepCosignature } from "../../../src/ledger/cosigned.ts";
import { openLedger, type RunningLedger } from "../../../src/ledger/open.ts";
import { makeReceipt, newestCheckpoint } from "../../../src/ledger/receipt.ts";
import { submit } from "../../../src/ledger/submit.ts";
import { askWitness } from "../../../src/ledger/witness-client.ts";
import { parseCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { type CosignerKey, cosign } from "../../../src/merkle/cosignature.ts";
import { keyIdOf, parseNote } from "../../../src/merkle/note.ts";
import { isQuorum, type Policy, parsePolicy, signedWitnesses } from "../../../src/merkle/policy.ts";
import { parseTlogProof } from "../../../src/merkle/tlog-proof.ts";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { forEachDatabase } from "../../support/database.ts";
import { openStoreFolder } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";
import { startWitness, type TestWitness } from "../../support/witness.ts";

function policyOf(text: string): Policy {
  const parsed = parsePolicy(Buffer.from(text));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.policy;
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => "fine",
    (error: { code?: string }) => error.code ?? "no code",
  );

forEachDatabase("the witnessed ledger", (open) => {
  const running: AsyncDisposable[] = [];
  const told: unknown[] = [];
  afterEach(async () => {
    for (const each of running.splice(0).toReversed()) await each[Symbol.asyncDispose]();
    told.length = 0;
  });

  async function witness(signer: TestSigner, name: string): Promise<TestWitness> {
    const { publicKey } = signer;
    const key = { name: signer.name, publicKey, keyId: keyIdOf(signer.name, publicKey) };
    const started = await startWitness({ name: `w.example/${name}`, logs: [key] });
    running.push(started);
    return started;
  }

  async function start(
    database: Database,
    signer: TestSigner,
    policy: Policy,
    node = "one",
    store: BlobStore | null = null,
  ): Promise<RunningLedger> {
    const ledger = await openLedger({
      database,
      store,
      signer,
      node,
      policy,
      now: () => new Date(),
      onFailure: (error) => told.push(error),
    });
    running.push({ [Symbol.asyncDispose]: async () => await ledger.stop() });
    return ledger;
  }

  async function submitOne(
    database: Database,
    ledger: RunningLedger,
    vault = "one",
  ): Promise<bigint> {
    const id = await transact(database.db, (tx) =>
      submit(tx, { kind: "vault.initialized", time: new Date(), body: { vault } }),
    );
    ledger.wake();
    return id;
  }

  test("an entry settles as witnessed when a checkpoint that covers it has its quorum, which its receipt and the served checkpoint carry", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [a, b] = [await witness(signer, "a"), await witness(signer, "b")];
    const policy = policyOf(`${a.line("a")}${b.line("b")}group both all a b\nquorum both\n`);
    const ledger = await start(database, signer, policy);
    for (const vault of ["one", "two", "three"]) {
      const submission = await submitOne(database, ledger, vault);
      const place = await ledger.settle(submission, { after: "witnessed", timeoutMs: 10_000 });
      const { proof } = await makeReceipt(database.db, place);
      const note = parseNote(parseTlogProof(proof)?.checkpoint ?? "");
      if (note === null) throw new Error("the receipt has no checkpoint");
      expect(isQuorum(policy, signedWitnesses(policy, note))).toBe(true);
      expect(parseCheckpoint(note.text)?.size).toBeGreaterThan(place.index);
    }
    const served = parseNote((await cosignedCheckpoint(database.db))?.note ?? "");
    if (served === null) throw new Error("no checkpoint is served");
    expect(signedWitnesses(policy, served)).toEqual(new Set(["a", "b"]));
    await ledger.checkWitnesses(0);
    expect(told).toEqual([]);
  });

  test("what is published has the cosignatures that the served checkpoint has, soon after the witnesses cosigned it", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [a, b] = [await witness(signer, "a"), await witness(signer, "b")];
    const policy = policyOf(`${a.line("a")}${b.line("b")}group both all a b\nquorum both\n`);
    const { store, published, remove } = await openStoreFolder();
    running.push({ [Symbol.asyncDispose]: remove });
    const ledger = await start(database, signer, policy, "one", store);
    const submission = await submitOne(database, ledger);
    await ledger.settle(submission, { after: "witnessed", timeoutMs: 10_000 });
    const served = (await cosignedCheckpoint(database.db))?.note;
    const file = join(published, "checkpoint");
    await until(async () => (await readFile(file, "utf8").catch(() => "")) === served);
    const note = parseNote(served ?? "");
    expect(note === null ? null : signedWitnesses(policy, note)).toEqual(new Set(["a", "b"]));
  });

  test("while the quorum is missing nothing settles as witnessed and the check is red; a checkpoint still settles, and when the witness is back all is well", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [a, b] = [await witness(signer, "a"), await witness(signer, "b")];
    b.refuses = (_, response) => response.writeHead(503).end();
    const policy = policyOf(`${a.line("a")}${b.line("b")}group both all a b\nquorum both\n`);
    const ledger = await start(database, signer, policy);
    const submission = await submitOne(database, ledger);
    await ledger.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    const waiting = ledger.settle(submission, { after: "witnessed", timeoutMs: 700 });
    expect(await codeOf(waiting)).toBe("witnesses_unavailable");
    await until(async () => (await codeOf(ledger.checkWitnesses(0))) === "witnesses_unavailable");
    await until(() => told.length > 0);
    expect(told).toMatchObject([{ code: "witnesses_unavailable" }]);
    b.refuses = null;
    await ledger.settle(submission, { after: "witnessed", timeoutMs: 20_000 });
    await ledger.checkWitnesses(0);
  });

  test("a witness that hangs holds up neither the ledger nor the others of a quorum", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [a, b] = [await witness(signer, "a"), await witness(signer, "b")];
    b.refuses = () => {};
    const policy = policyOf(`${a.line("a")}${b.line("b")}group one any a b\nquorum one\n`);
    const ledger = await start(database, signer, policy);
    for (const vault of ["one", "two", "three"])
      await ledger.settle(await submitOne(database, ledger, vault), {
        after: "witnessed",
        timeoutMs: 4_000,
      });
  });

  test("a witness that holds another size is asked again from that size", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const a = await witness(signer, "a");
    const policy = policyOf(`${a.line("a")}quorum a\n`);
    const first = await start(database, signer, policy);
    for (const vault of ["one", "two", "three"])
      await first.settle(await submitOne(database, first, vault), {
        after: "witnessed",
        timeoutMs: 10_000,
      });
    await running.pop()?.[Symbol.asyncDispose]();
    // As after a crash between the witness's answer and its storing: the witness holds more than is known here.
    await asSuperuser(database, "delete from ledger_cosignature");
    const second = await start(database, signer, policy);
    await second.settle(await submitOne(database, second, "four"), {
      after: "witnessed",
      timeoutMs: 10_000,
    });
    expect(a.answers.map(({ status }) => status)).toContain(409);
    expect(told).toEqual([]);
  });

  test("a database restored to an older state, then grown otherwise, finds no quorum, and the operator is told why", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const a = await witness(signer, "a");
    const policy = policyOf(`${a.line("a")}quorum a\n`);
    const first = await start(database, signer, policy);
    for (const vault of ["one", "two", "three"])
      await first.settle(await submitOne(database, first, vault), {
        after: "witnessed",
        timeoutMs: 10_000,
      });
    await running.pop()?.[Symbol.asyncDispose]();
    const restored = await open();
    const second = await start(restored, signer, policy);
    const submission = await submitOne(restored, second, "another past");
    expect(await codeOf(second.settle(submission, { after: "witnessed", timeoutMs: 1_500 }))).toBe(
      "witnesses_unavailable",
    );
    await until(() =>
      told.some(
        (each) => isRefusal(each, "record_tampered") && each.message.includes("rolled back"),
      ),
    );
    for (const vault of ["five", "six", "seven"])
      await second.settle(await submitOne(restored, second, vault), {
        after: "checkpoint",
        timeoutMs: 5_000,
      });
    expect(await codeOf(second.settle(submission, { after: "witnessed", timeoutMs: 1_500 }))).toBe(
      "witnesses_unavailable",
    );
    expect(
      a.answers.filter(({ status }) => status === 200).every(({ size }) => (size ?? 9) <= 3),
    ).toBe(true);
  });

  test("an answer that is no cosignature of the witness's own is stored by nobody", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const [a, stranger] = [await witness(signer, "a"), await witness(signer, "a")];
    const ledger = await start(database, signer, policyOf(`${a.line("a")}quorum a\n`));
    const listeners: readonly RequestListener[] = [
      (_, response) => response.end("hello\n"),
      (_, response) => response.end(),
      (_, response) => response.end(`— w.example/a ${"A".repeat(100_000)}\n`),
      (_, response) => response.writeHead(409).end("many\n"),
      (_, response) => response.writeHead(302, { location: stranger.url }).end(),
      (_, response) => response.writeHead(404).end(),
      (_, response) => response.destroy(),
      (request, response) => {
        const chunks: Buffer[] = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk));
        request.on("end", () => {
          void stranger.witness
            .addCheckpoint(Buffer.concat(chunks))
            .then((answer) => response.end(answer.body));
        });
      },
    ];
    const request = { oldSize: 0, proof: [], checkpoint: "" };
    for (const listener of listeners) {
      a.refuses = listener;
      const submission = await submitOne(database, ledger);
      await ledger.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
      const checkpoint = (await newestCheckpoint(database.db))?.note ?? "";
      const asked = { key: a.cosigner.key, url: a.url };
      const reply = await askWitness(asked, { ...request, checkpoint }, AbortSignal.timeout(5_000));
      expect(["refused", "unavailable"]).toContain(reply.kind);
    }
    expect((await sql`select 1 from ledger_cosignature`.execute(database.db)).rows).toEqual([]);
  });

  test("a cosignature that a database administrator put in counts for nothing", async () => {
    const [database, signer] = [await open(), new TestSigner()];
    const a = await witness(signer, "a");
    a.refuses = (_, response) => response.writeHead(500).end();
    const ledger = await start(database, signer, policyOf(`${a.line("a")}quorum a\n`));
    const submission = await submitOne(database, ledger);
    const { index } = await ledger.settle(submission, { after: "checkpoint", timeoutMs: 5_000 });
    const served = await cosignedCheckpoint(database.db);
    const text = parseNote(served?.note ?? "")?.text ?? "";
    // Made by another key under the witness's name and id.
    const forger = await startWitness({ name: "w.example/a", logs: [] });
    running.push(forger);
    const cosignature = await cosign(text, forger.cosigner, 5);
    const { name, keyId }: CosignerKey = a.cosigner.key;
    await keepCosignature(database.db, index + 1, {
      ...cosignature,
      name,
      keyId,
      cosignedAt: new Date(5_000),
    });
    expect(await codeOf(ledger.settle(submission, { after: "witnessed", timeoutMs: 700 }))).toBe(
      "witnesses_unavailable",
    );
  });
});

/** What a superuser can do who sets the triggers aside. */
async function asSuperuser(database: Database, statement: string): Promise<void> {
  await database.runScript(
    `set session_replication_role = replica; ${statement}; set session_replication_role = origin;`,
  );
}
