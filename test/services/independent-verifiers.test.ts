import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { exportLedger } from "../../src/cli/ledger-export.ts";
import type { Database } from "../../src/database/open.ts";
import { openLedger } from "../../src/ledger/open.ts";
import { openCheckpoint } from "../../src/merkle/checkpoint.ts";
import { encodeCosignerKey } from "../../src/merkle/cosignature.ts";
import { encodeVerificationKey, parseVerificationKey } from "../../src/merkle/note.ts";
import { Api } from "../support/api.ts";
import { castOver } from "../support/api-cast.ts";
import { openMemory } from "../support/database.ts";
import { buildGoProgram } from "../support/go-program.ts";
import { storedLedger } from "../support/ledger.ts";
import { keyOf, settleAll, startNode, submitMany as submit } from "../support/log.ts";
import { startTestServer } from "../support/server.ts";
import { TestSigner } from "../support/test-signer.ts";
import { until } from "../support/until.ts";
import { freshCosigner } from "../unit/merkle/signed-texts.ts";

/** Around the edges of the first tile, and beyond the first tile of level 1 (256 * 256 entries). */
const sizes = [1, 255, 256, 257, 70_000] as const;

const program = buildGoProgram(fileURLToPath(new URL("./go", import.meta.url)));
if ("absent" in program) console.warn(`No independent verifier runs: ${program.absent}`);

/** Runs where the independent verifiers can be built. */
const testBuilt = "absent" in program ? test.skip : test;

const folder = mkdtempSync(join(tmpdir(), "weightvault-verifiers-"));
const folders = sizes.map((size) => join(folder, String(size)));
const signer = new TestSigner();
const verificationKey = encodeVerificationKey(signer.name, signer.publicKey);

/** The ledger's own ML-DSA-44 key, whose signature the others' tools verify as well. */
const cosigner = freshCosigner(signer.name, "ml-dsa-44");

function check(key: string, ...copies: readonly string[]) {
  if ("absent" in program) throw new Error(program.absent);
  return spawnSync(program.binary, [key, ...copies], {
    encoding: "utf8",
    timeout: 120_000,
    env: { ...process.env, LEDGER_ML_DSA_KEY: encodeCosignerKey(cosigner.key) },
  });
}

/** The same of a log at an address: the server answers in this process, which must not wait at a standstill. */
async function checkServed(key: string, address: string, authorization: string) {
  if ("absent" in program) throw new Error(program.absent);
  const child = spawn(program.binary, [key, address], {
    env: { ...process.env, LEDGER_AUTHORIZATION: authorization },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    promise,
  ]);
  return { status, stdout, stderr };
}

/** Puts entries into the outbox as `submit` does, thousands at a time. */
async function submitMany(database: Database, count: number): Promise<void> {
  await sql`
    with submitted as (
      insert into ledger_submission (kind, subject, time, body)
      select 'token.revoked', null, timestamptz '2026-01-01' + number * interval '1 second',
             convert_to('{"by":null,"token":"' || gen_random_uuid() || '"}', 'UTF8')
      from generate_series(1, ${count}::int) as number
      returning id)
    insert into ledger_pending (submission) select id from submitted`.execute(database.db);
}

async function signedSize(database: Database): Promise<number> {
  const row = await database.db
    .selectFrom("ledger_checkpoint")
    .select("note")
    .orderBy("size", "desc")
    .limit(1)
    .executeTakeFirst();
  const key = parseVerificationKey(verificationKey);
  if (row === undefined || key === null) return 0;
  return openCheckpoint(row.note, key)?.checkpoint.size ?? 0;
}

/** The vault's own sequencer writes the log; the command line's export copies it at each size. */
beforeAll(async () => {
  if ("absent" in program) return;
  await using stack = new AsyncDisposableStack();
  const database = await openMemory();
  stack.defer(async () => await database.close());
  const ledger = await openLedger({
    database,
    signer,
    cosigners: [cosigner],
    store: null,
    node: "one",
    now: () => new Date(),
    onFailure: () => {},
  });
  stack.defer(async () => await ledger.stop());
  const key = parseVerificationKey(verificationKey);
  if (key === null) throw new Error("the signer has no verification key");
  let before = 0;
  for (const [at, size] of sizes.entries()) {
    while (before < size) {
      const count = Math.min(5_000, size - before);
      await submitMany(database, count);
      before += count;
      ledger.wake();
      const reached = before;
      await until(async () => (await signedSize(database)) === reached, { seconds: 60 });
    }
    const ledgerKey = { key, text: verificationKey, isPinned: true, rotations: [] };
    const { signal } = new AbortController();
    await exportLedger(storedLedger(database), ledgerKey, { folder: folders[at] ?? "", signal });
  }
}, 240_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (!("absent" in program)) program.remove();
});

testBuilt(
  "others' tools verify the log under both its keys at every size, and its growth between all of them",
  () => {
    const { status, stdout, stderr } = check(verificationKey, ...folders);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const lines = stdout.trim().split("\n");
    const wanted = [
      ...sizes.flatMap((size) =>
        ["note formats", "tlog", "merkle", "fsck"].map((by) => `${size} ${by}`),
      ),
      ...sizes.flatMap((size, at) => sizes.slice(0, at).map((older) => `${older}-${size} grown`)),
      "tracked",
    ];
    expect([...lines].sort()).toEqual([...wanted].sort());
  },
);

testBuilt(
  "others' clients read and verify the log at the address where a running server serves it, with an auditor's token",
  async () => {
    const server = await startTestServer();
    try {
      const { auditor } = await castOver(new Api(server.url, null), await server.bootstrapToken());
      const { database } = server.vault;
      await submitMany(database, 600);
      server.vault.ledger.wake();
      const address = `${server.url}/ledger/`;
      const ask = async (token: string) =>
        await checkServed(server.verificationKey, address, `Bearer ${token}`);
      const auditing = new Api(server.url, auditor.token);
      await until(async () => {
        const answer = await auditing.fetch("GET", "/ledger/checkpoint");
        return Number((await answer.text()).split("\n")[1]) > 600;
      });
      const { status, stdout, stderr } = await ask(auditor.token);
      expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
      const held = stdout.match(/^[0-9]+ (?:note formats|tlog|merkle|fsck)$/gm);
      expect(held).toHaveLength(4);
      expect(await ask("nobody's")).toMatchObject({ status: 1 });
    } finally {
      await server.stop();
    }
  },
);

testBuilt("others' tools refuse the log under another key, and with one byte changed", () => {
  const another = new TestSigner();
  const key = encodeVerificationKey(another.name, another.publicKey);
  expect(check(key, folders[2] ?? "")).toMatchObject({ status: 1 });
  for (const [path, by] of [
    ["tile/entries/000", "fsck"],
    ["tile/0/000", "tlog"],
    ["checkpoint", "checkpoint"],
  ] as const) {
    const copy = join(folder, "changed");
    cpSync(folders[2] ?? "", copy, { recursive: true });
    const bytes = readFileSync(join(copy, path));
    // Within the 40th entry or leaf hash, which no sample stands on; in the checkpoint a digit of its size.
    const at = path === "checkpoint" ? bytes.indexOf("\n256\n") + 1 : Math.floor(bytes.length / 6);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(join(copy, path), bytes);
    const { status, stderr } = check(verificationKey, copy);
    expect({ path, status, isBy: stderr.includes(`${by}: `) }).toEqual({
      path,
      status: 1,
      isBy: true,
    });
    rmSync(copy, { recursive: true });
  }
});

testBuilt(
  "others' tools verify a log that a P-256 key signs beside an ML-DSA-44 key, under its own keys alone",
  async () => {
    await using stack = new AsyncDisposableStack();
    const database = await openMemory();
    stack.defer(async () => await database.close());
    const p256 = new TestSigner("ecdsa-p256");
    const ledger = await startNode({ database, signer: p256, store: null, cosigners: [cosigner] });
    stack.defer(async () => await ledger.stop());
    const text = encodeVerificationKey(p256.name, p256.publicKey);
    const ledgerKey = { key: keyOf(p256), text, isPinned: true, rotations: [] };
    const { signal } = new AbortController();
    const copies: string[] = [];
    for (const size of [3, 260]) {
      await settleAll(ledger, await submit(database, size - (copies.length === 0 ? 0 : 3)));
      const copy = join(folder, `p256-${size}`);
      await exportLedger(storedLedger(database), ledgerKey, { folder: copy, signal });
      copies.push(copy);
    }
    const { status, stdout, stderr } = check(text, ...copies);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("260 fsck");
    expect(stdout).toContain("3-260 grown");
    const other = new TestSigner("ecdsa-p256");
    for (const key of [encodeVerificationKey(other.name, other.publicKey), verificationKey])
      expect(check(key, ...copies)).toMatchObject({ status: 1 });
    expect(check(text, folders[0] ?? "")).toMatchObject({ status: 1 });
  },
);

testBuilt("others' tools find a log that did not grow from the one before", () => {
  const [older = "", newer = ""] = folders;
  const { status, stderr } = check(verificationKey, newer, older);
  expect({ status, isSaid: stderr.includes("from 255 to 1") }).toEqual({ status: 1, isSaid: true });
});
