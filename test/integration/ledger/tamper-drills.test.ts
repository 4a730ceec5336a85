import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sql } from "kysely";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import { type Database, openPostgres } from "../../../src/database/open.ts";
import { openLedger, type RunningLedger } from "../../../src/ledger/open.ts";
import { assertPublishedFrom } from "../../../src/ledger/published.ts";
import type { TileSource } from "../../../src/ledger/source.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { type KeptCheckpoint, verifyLedger } from "../../../src/ledger/verify.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { encodeVerificationKey } from "../../../src/merkle/note.ts";
import { type Policy, parsePolicy } from "../../../src/merkle/policy.ts";
import { cloneDatabase, hasPostgres, openMemory } from "../../support/database.ts";
import { storedLedger } from "../../support/ledger.ts";
import { keyOf, openStoreFolder, type StoreFolder, submitMany } from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { until } from "../../support/until.ts";
import { startWitness, type TestWitness } from "../../support/witness.ts";

/**
 * Who can write to the database, to the store, or runs the nodes tries what they can do to the record. Each drill says what is done, and what
 * whoever looks is told. One honest ledger of 300 entries, published and witnessed, is drilled again and again: a database's drill is
 * rolled back, a store's is done to a copy. `docs/tamper.md` is the table of these.
 */
const [yesterdaySize, size] = [270, 300];
const now = () => new Date("2026-11-23T09:00:00.000Z");
const signer = new TestSigner();
const verificationKey = encodeVerificationKey(signer.name, signer.publicKey);

let honest: Database;
let folder: StoreFolder;
let witness: TestWitness;
let policy: Policy;
/** What an auditor kept: the checkpoints of yesterday and of today. */
let kept: { readonly yesterday: KeptCheckpoint; readonly today: KeptCheckpoint };
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  folder = await openStoreFolder();
  ends.push(folder.remove);
  witness = await startWitness({ name: "witness.example/w1", logs: [keyOf(signer)] });
  ends.push(async () => await witness[Symbol.asyncDispose]());
  const parsed = parsePolicy(Buffer.from(`${witness.line("lab")}quorum lab\n`));
  if ("problem" in parsed) throw new Error(parsed.problem);
  policy = parsed.policy;
  honest = await openOne();
  await grow(honest, [yesterdaySize], { store: folder.store, policy });
  const yesterday = await storedLedger(honest).checkpoint();
  await grow(honest, [size - yesterdaySize], { store: folder.store, policy });
  const today = await storedLedger(honest).checkpoint();
  kept = {
    yesterday: { name: "yesterday's", bytes: yesterday ?? "" },
    today: { name: "today's", bytes: today ?? "" },
  };
}, 120_000);

afterAll(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

type Growing = Partial<Pick<Parameters<typeof openLedger>[0], "store" | "policy">>;

/** A database with that many entries, batch by batch. The same sizes and label give the same entries. */
async function databaseOf(batches: readonly number[], label = "entry"): Promise<Database> {
  const database = await openOne();
  await grow(database, batches, {}, label);
  return database;
}

/** On PostgreSQL where the run has one: a database of one's own is there at once. */
async function openOne(): Promise<Database> {
  if (!hasPostgres) {
    const database = await openMemory();
    ends.push(async () => await database.close());
    return database;
  }
  const { url, drop } = await cloneDatabase();
  ends.push(drop);
  const database = openPostgres({ url });
  ends.push(async () => await database.close());
  return database;
}

async function grow(
  database: Database,
  batches: readonly number[],
  { store = null, policy: asked = null }: Growing,
  label = "entry",
): Promise<void> {
  const { ledger, stop } = await startOn(database, { store, policy: asked });
  for (const count of batches) {
    const last = (await submitMany(database, count, label)).at(-1) ?? 0n;
    ledger.wake();
    await ledger.settle(last, { after: "checkpoint", timeoutMs: 30_000 });
    if (store !== null) await ledger.settle(last, { after: "published", timeoutMs: 30_000 });
    if (asked !== null) await ledger.settle(last, { after: "witnessed", timeoutMs: 30_000 });
  }
  await stop();
}

/** A node on the database, and what it tells its operator. */
async function startOn(
  database: Database,
  { store = null, policy: asked = null }: Growing,
): Promise<{ ledger: RunningLedger; told: string[]; stop: () => Promise<void> }> {
  const told: string[] = [];
  const onFailure = (error: unknown) => told.push(Error.isError(error) ? error.message : "");
  const options = { database, signer, store, policy: asked, node: "one", now, onFailure };
  const ledger = await openLedger(options);
  return { ledger, told, stop: async () => await ledger.stop() };
}

/** What the verifier finds, a line for each finding. */
async function found(
  source: TileSource,
  olderCheckpoints: readonly KeptCheckpoint[] = [],
): Promise<readonly string[]> {
  const { findings } = await verifyLedger(source, { verificationKey, olderCheckpoints });
  return findings.map(({ code, message }) => `${code}: ${message}`);
}

/** What a superuser does, who sets triggers aside; `look` sees the database as it is then, and all of it is undone. */
async function superuser<Seen>(
  deeds: readonly string[],
  look: (database: Database) => Promise<Seen>,
): Promise<Seen> {
  const undo = new Error("the drill is over");
  let seen: { readonly value: Seen } | null = null;
  await honest.db
    .transaction()
    .execute(async (tx) => {
      for (const deed of ["set local session_replication_role = replica", ...deeds])
        await sql.raw(deed).execute(tx.withoutPlugins());
      seen = { value: await look({ ...honest, db: tx.withoutPlugins() }) };
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  if (seen === null) throw new Error("the drill did not take place");
  return (seen as { readonly value: Seen }).value;
}

const foundIn = async (database: Database) => await found(storedLedger(database));

/** What a start says of the database beside the published ledger. */
async function startSays(database: Database, store = folder.store): Promise<string> {
  return await assertPublishedFrom({ db: database.db, store, signer }).then(
    () => "nothing",
    (error: Error) => error.message,
  );
}

/** What the operator is told when a node goes on from the database, until it says what is expected. */
async function expectTold(database: Database, growing: Growing, says: RegExp): Promise<void> {
  const { told, stop } = await startOn(database, growing);
  try {
    await until(() => told.some((each) => says.test(each)), { seconds: 30 });
  } finally {
    await stop();
  }
  expect(told).toContainEqual(expect.stringMatching(says));
}

const edited = (index: number) =>
  `convert_to(replace(convert_from(bytes, 'utf8'), '"entry ', '"other '), 'utf8') where index = ${index}`;

describe("a database superuser", () => {
  test("who does nothing leaves a ledger that verifies, from yesterday's checkpoint on, with its witness's cosignature", async () => {
    expect(await found(storedLedger(honest), [kept.yesterday, kept.today])).toEqual([]);
    expect(await found(folderSource(folder.published), [kept.yesterday])).toEqual([]);
    expect(await startSays(honest)).toBe("nothing");
    expect(witness.answers.some((answer) => answer.status === 200 && answer.size === size)).toBe(
      true,
    );
  });

  test("edits an entry: the verifier names it, and the next one, whose chain breaks on it", async () => {
    const deed = `update ledger_entry set bytes = ${edited(123)}`;
    expect(await superuser([deed], foundIn)).toEqual([
      "leaf_mismatch: entry 123 does not have the hash in tile/0/000",
      "chain_broken: entry 124 does not follow the entry before it",
      "tile_mismatch: tile/1/000.p/1 is not the tile that the entries make",
      "root_mismatch: the entries do not make the root that the checkpoint signs",
    ]);
  });

  test("edits an entry and its hashes: the chain and the signed root still tell", async () => {
    const deeds = [
      `update ledger_entry set bytes = ${edited(280)}`,
      "update ledger_entry set leaf = sha256('\\x00'::bytea || bytes) where index = 280",
    ];
    expect(await superuser(deeds, foundIn)).toEqual([
      "chain_broken: entry 281 does not follow the entry before it",
      "root_mismatch: the entries do not make the root that the checkpoint signs",
    ]);
  });

  test("deletes an entry: the verifier names the bundle that is short of it", async () => {
    const deed = "delete from ledger_entry where index = 123";
    expect((await superuser([deed], foundIn)).join("\n")).toMatch(
      /entries_(missing|malformed): tile\/entries\/000 .*nothing after it can be verified/,
    );
  });

  test("deletes an entry and closes the gap: the verifier names the entry that stands in its place", async () => {
    const deeds = [
      "delete from ledger_entry where index = 5",
      "update ledger_entry set index = index - 1 where index = 6",
      "insert into ledger_entry (index, submission, bytes, leaf) select 6, 0, bytes, leaf from ledger_entry where index = 5",
    ];
    expect(await superuser(deeds, foundIn)).toEqual(
      expect.arrayContaining([
        "index_mismatch: the entry at 5 says that it is 6",
        "chain_broken: entry 5 does not follow the entry before it",
        "root_mismatch: the entries do not make the root that the checkpoint signs",
      ]),
    );
  });

  test("reorders two entries: the verifier says which stand in whose place", async () => {
    const deed = `update ledger_entry as entry set bytes = other.bytes from ledger_entry as other
      where (entry.index, other.index) in ((10, 11), (11, 10))`;
    expect(await superuser([deed], foundIn)).toEqual(
      expect.arrayContaining([
        "index_mismatch: the entry at 10 says that it is 11",
        "index_mismatch: the entry at 11 says that it is 10",
        "chain_broken: entry 10 does not follow the entry before it",
      ]),
    );
  });

  test("deletes the newest entries and their checkpoints: the start says so, and an auditor's checkpoint does", async () => {
    const deeds = [
      `delete from ledger_checkpoint where size > ${yesterdaySize}`,
      `delete from ledger_entry where index >= ${yesterdaySize}`,
    ];
    const seen = await superuser(deeds, async (database) => ({
      start: await startSays(database),
      alone: await foundIn(database),
      held: await found(storedLedger(database), [kept.today]),
    }));
    expect(seen.start).toMatch(/published checkpoint has 300 .*newest has 270: an older state/);
    expect(seen).toMatchObject({
      alone: [],
      held: [
        "rolled_back: the ledger has 270 entries; today's shows that it had 300: its tail was deleted, or an older state was put back",
      ],
    });
  });

  test("replaces the head by one of their own key: the start refuses it, and the verifier says who did not sign", async () => {
    const stranger = new TestSigner();
    const note = await signCheckpoint(
      { origin: signer.name, size, root: Buffer.alloc(32, 7) },
      stranger,
    );
    const deed = `update ledger_checkpoint set root = decode('${"07".repeat(32)}', 'hex'), note = '${note}' where size = ${size}`;
    const seen = await superuser([deed], async (database) => ({
      start: await startSays(database),
      verifier: await foundIn(database),
    }));
    expect(seen.start).toMatch(/300 entries both and different roots/);
    expect(seen.verifier).toEqual([`checkpoint_unsigned: it is not signed by ${signer.name}`]);
  });

  test("appends an entry behind the ledger's back: the next node does not sign it, and says which it is", async () => {
    const victim = await databaseOf([4]);
    await victim.runScript(`insert into ledger_submission (kind, time, body) values ('vault.initialized', now(), '{"vault":"slipped in"}');
      insert into ledger_entry (index, submission, bytes, leaf)
      select 4, max(id), '{}'::bytea, sha256(decode('007b7d', 'hex')) from ledger_submission`);
    await expectTold(
      victim,
      {},
      /entry 4, which no checkpoint covers yet, is not what was submitted.*appended/,
    );
  });

  test("submits an entry of their own making: it is recorded as it is, and the verifier says what it lacks", async () => {
    const victim = await databaseOf([4]);
    await victim.runScript(`with made as (insert into ledger_submission (kind, time, body)
      values ('grant.made', '2026-11-23T09:00:00Z', '{"grant":"00000000-0000-4000-8000-000000000001"}') returning id)
      insert into ledger_pending (submission) select id from made`);
    await grow(victim, [1], {});
    expect((await foundIn(victim)).join("\n")).toMatch(/caller_missing: .*grant\.made.*/);
  });

  test("restores yesterday's backup: the start says so, an auditor's checkpoint does, and the witness does", async () => {
    const backup = await databaseOf([yesterdaySize]);
    expect(await found(storedLedger(backup), [kept.today])).toEqual([
      expect.stringMatching(/^rolled_back: .*270 entries; today's shows that it had 300/),
    ]);
    expect(await startSays(backup)).toMatch(
      /an older state of the database was put back, by a backup/,
    );
    // Also where the store was restored with it, and nothing published contradicts it.
    await expectTold(
      backup,
      { policy },
      /lab has cosigned 300 entries.*now has 270: it was rolled back/,
    );
  });
});

describe("a store admin", () => {
  async function copy(): Promise<string> {
    const to = await mkdtemp(join(tmpdir(), "weightvault-drill-"));
    ends.push(async () => await rm(to, { recursive: true, force: true }));
    await cp(folder.published, to, { recursive: true });
    return to;
  }

  async function flip(file: string, at: number): Promise<void> {
    const bytes = await readFile(file);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await rm(file);
    await writeFile(file, bytes);
  }

  test("changes a tile: the verifier names it, and the entry that no longer has its hash there", async () => {
    const to = await copy();
    await flip(join(to, "tile/0/000"), 32 * 9);
    expect(await found(folderSource(to))).toEqual([
      "leaf_mismatch: entry 9 does not have the hash in tile/0/000",
    ]);
  });

  test("removes tiles: the verifier names each", async () => {
    const to = await copy();
    await rm(join(to, "tile/0/000"));
    expect(await found(folderSource(to))).toEqual(["tile_missing: tile/0/000 is missing"]);
    await rm(join(to, "tile/entries/000"));
    expect(await found(folderSource(to))).toEqual([
      "entries_missing: tile/entries/000 is missing; nothing after it can be verified",
    ]);
  });

  test("changes an entry in its bundle: the verifier names it", async () => {
    const to = await copy();
    const file = join(to, "tile/entries/000");
    const at = (await readFile(file)).indexOf('"entry 40"');
    await flip(file, at + 7);
    expect(await found(folderSource(to))).toEqual(
      expect.arrayContaining([
        "leaf_mismatch: entry 39 does not have the hash in tile/0/000",
        "chain_broken: entry 40 does not follow the entry before it",
      ]),
    );
  });

  test("removes the checkpoint: the verifier says that nothing vouches for the entries", async () => {
    const to = await copy();
    await rm(join(to, "checkpoint"));
    expect(await found(folderSource(to))).toEqual([
      "checkpoint_missing: there is no checkpoint, so nothing vouches for the entries",
    ]);
  });

  test("puts an older checkpoint back: the vault goes on from its own, and whoever saw a newer one is told, a monitor for example", async () => {
    const [to, state] = [await copy(), await copy()];
    const key = { key: keyOf(signer), text: verificationKey, isPinned: true, rotations: [] };
    const monitor = { source: folderSource(to), key, folder: state, unreachableLimitMs: 0, now };
    expect(await watchOnce(monitor)).toMatchObject({ isAlarm: false, code: "first", size });
    await writeFile(join(to, "checkpoint"), kept.yesterday.bytes);
    expect(await watchOnce(monitor)).toMatchObject({
      isAlarm: true,
      code: "rolled_back",
      message: "the ledger has 270 entries; it had 300",
    });
    // It is a checkpoint that the ledger had, so that nothing else contradicts it.
    expect(await found(folderSource(to))).toEqual([]);
    expect(await found(folderSource(to), [kept.today])).toEqual([
      expect.stringMatching(/270 entries; today's shows that it had 300.*older state was put back/),
    ]);
  });

  test("puts a checkpoint of another key in its place: the start refuses, and the verifier says who did not sign", async () => {
    const to = await openStoreFolder();
    ends.push(to.remove);
    const stranger = new TestSigner();
    const checkpoint = { origin: signer.name, size, root: Buffer.alloc(32) };
    const note = Buffer.from(await signCheckpoint(checkpoint, stranger));
    await to.store.replace("ledger/checkpoint", note, null);
    expect(await startSays(honest, to.store)).toMatch(
      /not signed by this ledger's key.*Somebody replaced it/,
    );
    expect(await found(folderSource(to.published))).toEqual([
      `checkpoint_unsigned: it is not signed by ${signer.name}`,
    ]);
  });
});

describe("an operator who runs two nodes with two databases under one key", () => {
  let second: Database;
  beforeAll(async () => {
    second = await databaseOf([size], "another");
  }, 120_000);

  test("with one store: the second does not start, and says that two databases were written", async () => {
    expect(await startSays(second)).toMatch(/300 entries both and different roots: two databases/);
  });

  test("with two stores: their two checkpoints of one size are a fork to whoever holds both", async () => {
    expect(await found(storedLedger(second), [kept.today])).toEqual([
      "fork: two checkpoints of 300 entries have different roots: today's and the newest",
    ]);
  });

  test("with a witness: it cosigns one of them alone, at the same size and beyond it, and the operator is told", async () => {
    await expectTold(second, { policy }, /lab holds another ledger of 300 entries.*two databases/);
    await grow(second, [5], {}, "more");
    await expectTold(
      second,
      { policy },
      /300 entries that the witness lab has cosigned are not the first/,
    );
    const cosigned = witness.answers.filter(({ status }) => status === 200);
    expect(cosigned.every((answer) => (answer.size ?? 0) <= size)).toBe(true);
  });
});
