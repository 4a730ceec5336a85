import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sql } from "kysely";
import type { Database } from "../../../src/database/open.ts";
import { Refusal } from "../../../src/errors.ts";
import { nothingKnown, publishTimestamps } from "../../../src/ledger/publish-timestamps.ts";
import { rebuildLedger } from "../../../src/ledger/rebuild.ts";
import { rebuildTimestamps, stamperOf } from "../../../src/ledger/rebuild-timestamps.ts";
import { readSeries } from "../../../src/ledger/series.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { storeSource, storeTimestamps } from "../../../src/ledger/source-store.ts";
import type { TimestampPlace } from "../../../src/ledger/source-timestamps.ts";
import { readStampedAt } from "../../../src/ledger/timestamp-token.ts";
import { Timestamping } from "../../../src/ledger/timestamping.ts";
import { encodeNote, parseNote } from "../../../src/merkle/note.ts";
import { successionOf } from "../../../src/merkle/rotation.ts";
import { openMemory } from "../../support/database.ts";
import {
  keyOf,
  openStoreFolder,
  type StoreFolder,
  settleAll,
  startNode,
  submitMany,
} from "../../support/log.ts";
import { TestSigner } from "../../support/test-signer.ts";
import { signedStamp } from "../../support/timestamp/signed.ts";
import { unsignedStamp } from "../../support/timestamp/unsigned.ts";
import { until } from "../../support/until.ts";
import { serveHere } from "../../support/witness.ts";

const signer = new TestSigner();
const stampedAt = new Date("2026-11-23T09:00:00.000Z");
let folder: StoreFolder;
let original: Database;

const none = { kept: 0, refused: 0, unvouched: 0, unread: 0, isCut: false, isUntold: false };
const everyPage = { after: null, limit: 256, isStamped: false };
const read = async (name: string) => await readFile(join(folder.published, "timestamp", name));
/** What the stamp in the store says of the checkpoint beside it. */
const stampedAtIn = async (size: string) =>
  readStampedAt(await read(`${size}.tsr`), parseNote(await read(`${size}.checkpoint`))?.text ?? "");
const publish = async (known = nothingKnown()) =>
  await publishTimestamps({ db: original.db, store: folder.store }, known);

async function stamp(database: Database, size: number): Promise<Buffer> {
  const [row] = (await readSeries(database.db, everyPage)).filter((each) => each.size === size);
  const response = unsignedStamp(parseNote(row?.note ?? "")?.text ?? "", stampedAt);
  await database.db
    .insertInto("ledger_timestamp")
    .values({ size: BigInt(size), response, stamped_at: stampedAt })
    .execute();
  return response;
}

beforeAll(async () => {
  folder = await openStoreFolder();
  original = await openMemory();
  const ledger = await startNode({ database: original, signer, store: folder.store });
  for (const count of [3, 4, 5])
    await settleAll(ledger, await submitMany(original, count), "published");
  await ledger.stop();
});
afterAll(async () => {
  await original.close();
  await folder.remove();
});

test("every checkpoint that was signed is in the series, page by page none missing and none twice", async () => {
  const whole = await readSeries(original.db, everyPage);
  expect(whole.at(-1)?.size).toBe(12);
  const paged = [];
  for (let after: number | null = null; ; after = paged.at(-1)?.size ?? null) {
    const page = await readSeries(original.db, { after, limit: 2, isStamped: false });
    paged.push(...page);
    if (page.length < 2) break;
  }
  expect(paged).toEqual(whole);
});

test("each stamp is published once beside the checkpoint that it is of, none before that is covered, and all are rebuilt", async () => {
  const sizes = (await readSeries(original.db, everyPage)).map(({ size }) => size);
  const older = sizes[0] ?? 0;
  const responses = [await stamp(original, older), await stamp(original, 12)];
  const covering = await readFile(join(folder.published, "checkpoint"));
  // What another node has published may still be smaller.
  const [first] = await readSeries(original.db, { ...everyPage, limit: 1 });
  await writeFile(join(folder.published, "checkpoint"), first?.note ?? "");
  expect(await publish()).toBe(false);
  expect((await readdir(join(folder.published, "timestamp"))).toSorted()).toEqual([
    `${older}.checkpoint`,
    `${older}.tsr`,
  ]);
  await writeFile(join(folder.published, "checkpoint"), covering);
  expect(await publish()).toBe(true);
  expect([await read(`${older}.tsr`), await read("12.tsr")]).toEqual(responses);

  const stray = unsignedStamp("another text", stampedAt);
  await writeFile(join(folder.published, "timestamp", "7777.tsr"), stray);
  await writeFile(join(folder.published, "timestamp", "7777.checkpoint"), first?.note ?? "");
  for (const source of [folderSource(folder.published), storeSource(folder.store)]) {
    const database = await openMemory();
    try {
      const made = await rebuildLedger({ database, source, key: keyOf(signer) });
      expect(made.timestamps).toEqual({ ...none, kept: 2, refused: 1 });
      const kept = await readSeries(database.db, { ...everyPage, isStamped: true });
      expect(kept.map(({ size, timestamp }) => [size, timestamp])).toEqual([
        [older, responses[0]],
        [12, responses[1]],
      ]);
      const row = await database.db
        .selectFrom("ledger_timestamp")
        .select("stamped_at")
        .executeTakeFirstOrThrow();
      expect(row.stamped_at).toEqual(stampedAt);
    } finally {
      await database.close();
    }
  }
  await rm(join(folder.published, "timestamp", "7777.tsr"));
});

test("a rebuild that is given the authority's certificate brings back the stamps alone that it vouches for, and counts the others", async () => {
  const copy = join(folder.published, "..", "vouched");
  await cp(folder.published, copy, { recursive: true });
  const text = parseNote(await readFile(join(copy, "timestamp", "12.checkpoint")))?.text ?? "";
  const { response, pem } = await signedStamp({ about: text });
  await writeFile(join(copy, "timestamp", "12.tsr"), response);
  const rebuilt = async (certificates: string | null) => {
    const database = await openMemory();
    try {
      const source = folderSource(copy);
      const from = { database, source, key: keyOf(signer), timestampCertificates: certificates };
      const { timestamps } = await rebuildLedger(from);
      const kept = await readSeries(database.db, { ...everyPage, isStamped: true });
      return { timestamps, sizes: kept.map(({ size }) => size) };
    } finally {
      await database.close();
    }
  };
  const vouched = { ...none, kept: 1, unvouched: 1 };
  expect(await rebuilt(pem)).toEqual({ timestamps: vouched, sizes: [12] });
  const { pem: another } = await signedStamp({ about: text });
  expect(await rebuilt(another)).toEqual({ timestamps: { ...none, unvouched: 2 }, sizes: [] });
  expect(await rebuilt(null)).toMatchObject({ timestamps: { ...none, kept: 2 } });
  await expect(rebuilt("no PEM")).rejects.toMatchObject({ code: "configuration_invalid" });
});

test("whatever number of names, and whatever that cannot be read, somebody puts where the timestamps lie, the ledger is rebuilt with those that are its own", async () => {
  const [older] = await readSeries(original.db, { ...everyPage, isStamped: true });
  const place = storeTimestamps(folder.store);
  const planted = 101_000;
  async function* names() {
    for (let each = 0; each < planted; each += 1) yield `${1_000 + each}.tsr`;
    yield* [`${older?.size}.tsr`, `${older?.size}.tsr`, "5.tsr", "notes", "12.tsr"];
  }
  const timestamps: TimestampPlace = {
    ...place,
    names,
    checkpoint: async (size) => {
      if (size === 12) throw new Refusal("store_unavailable", "it is locked away");
      return size === 5 ? Buffer.from("no checkpoint") : await place.checkpoint(size);
    },
  };
  const source = { ...storeSource(folder.store), timestamps };
  const [one, two] = [await openMemory(), await openMemory()];
  try {
    const from = { source, key: keyOf(signer) };
    const whole = await rebuildLedger({ ...from, database: one });
    const expected = { ...none, kept: 2, refused: planted + 1, unread: 1 };
    expect(whole).toMatchObject({ size: 12, timestamps: expected });
    const away = async () => {
      throw new Refusal("store_unavailable", "the store is away");
    };
    let isBegun = false;
    const outage = {
      ...source,
      checkpoint: async () => (isBegun ? await away() : await source.checkpoint()),
      timestamps: {
        ...timestamps,
        checkpoint: async () => {
          isBegun = true;
          return await away();
        },
      },
    };
    await expect(rebuildLedger({ ...from, source: outage, database: two })).rejects.toMatchObject({
      code: "store_unavailable",
    });
    const keys = successionOf(keyOf(signer), []);
    const of = { keys, origin: signer.name, size: 12, stamper: await stamperOf(null) };
    const cut = await two.db
      .transaction()
      .execute(async (tx) => await rebuildTimestamps(tx, source, { ...of, mostNames: 1_000 }));
    expect(cut).toEqual({ ...none, refused: 1_000, isCut: true });
  } finally {
    await one.close();
    await two.close();
  }
});

test("a rebuild says that nobody told which timestamps there are, as long as the ledger itself is there", async () => {
  async function* names(): AsyncGenerator<string> {
    yield* [];
    throw new Refusal("not_found", "it is no vault");
  }
  const source = storeSource(folder.store);
  const timestamps = { ...storeTimestamps(folder.store), names };
  const { timestamps: _, ...silent } = source;
  const database = await openMemory();
  const rebuilt = async (from: typeof silent) => {
    const keys = successionOf(keyOf(signer), []);
    const of = { keys, origin: signer.name, size: 12, stamper: await stamperOf(null) };
    return await database.db
      .transaction()
      .execute(async (tx) => await rebuildTimestamps(tx, from, of));
  };
  try {
    for (const from of [{ ...source, timestamps }, silent])
      expect(await rebuilt(from)).toEqual({ ...none, isUntold: true });
    const gone = { ...source, timestamps, checkpoint: async () => null };
    await expect(rebuilt(gone)).rejects.toMatchObject({ code: "ledger_unavailable" });
  } finally {
    await database.close();
  }
});

test("a ledger that was rebuilt from a cosigned checkpoint takes the stamp of that one in the store for its own, and no other for it", async () => {
  const at = join(folder.published, "checkpoint");
  const covering = await readFile(at, "utf8");
  const { text, signatures } = parseNote(covering) ?? { text: "", signatures: [] };
  const witness = { name: "witness.example/w", keyId: "00000001", signature: Buffer.alloc(72, 7) };
  await writeFile(at, encodeNote({ text, signatures: [...signatures, witness] }));
  const database = await openMemory();
  try {
    const { db } = database;
    const source = storeSource(folder.store);
    const rebuilt = await rebuildLedger({ database, source, key: keyOf(signer) });
    expect(rebuilt.timestamps).toEqual({ ...none, kept: 2 });
    expect(await publishTimestamps({ db, store: folder.store }, nothingKnown())).toBe(true);

    const beside = join(folder.published, "timestamp", "12.checkpoint");
    const [kept, other] = [await readFile(beside), { ...witness, name: "other.example/w" }];
    for (const changed of [[witness], [...signatures, other]]) {
      await writeFile(beside, encodeNote({ text, signatures: changed }));
      await expect(
        publishTimestamps({ db, store: folder.store }, nothingKnown()),
      ).rejects.toMatchObject({ code: "record_tampered" });
    }
    await writeFile(beside, kept);
  } finally {
    await database.close();
    await writeFile(at, covering);
  }
});

test("a stamp in the store that is another than the database's stays, and is told", async () => {
  await writeFile(join(folder.published, "timestamp", "12.tsr"), "another");
  // A node that was just told of its own stamps, and not of what the store has.
  await expect(publish({ sizes: new Set(), wasLookedAt: true })).rejects.toMatchObject({
    code: "record_tampered",
  });
  expect((await read("12.tsr")).toString()).toBe("another");
});

test("a node that starts compares the newest stamps in the store with its own, and tells of one that the ledger does not have", async () => {
  const other = expect.stringContaining("other bytes under timestamp/12.tsr");
  const known = nothingKnown();
  await expect(publish(known)).rejects.toMatchObject({ code: "record_tampered", message: other });
  expect((await read("12.tsr")).toString()).toBe("another");
  // It is told, and what comes later does not wait for it.
  expect(await publish(known)).toBe(true);

  await rm(join(folder.published, "timestamp", "12.tsr"));
  await writeFile(join(folder.published, "timestamp", "9.tsr"), "planted");
  const strange = expect.stringMatching(/does not have, 1 of them, one under timestamp\/9\.tsr:/);
  await expect(publish()).rejects.toMatchObject({ code: "record_tampered", message: strange });
  expect((await read("9.tsr")).toString()).toBe("planted");
  // The ledger's own is there again all the same.
  expect(await stampedAtIn("12")).toEqual(stampedAt);
  await rm(join(folder.published, "timestamp", "9.tsr"));
  expect(await publish()).toBe(true);
});

test("a node without stamps of its own lists the names in the store once, tells of strange ones once, and lists them again only where it could not tell", async () => {
  const database = await openMemory();
  try {
    const lists: string[] = [];
    let isAway = false;
    const store = new Proxy(folder.store, {
      get(target, name) {
        if (name === "list")
          return (prefix: string) => {
            lists.push(prefix);
            if (isAway) throw new Refusal("store_unavailable", "the store is away");
            return target.list(prefix);
          };
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    await mkdir(join(folder.published, "timestamp"), { recursive: true });
    await writeFile(join(folder.published, "timestamp", "9.tsr"), "planted");
    const known = nothingKnown();
    const attempt = async () => await publishTimestamps({ db: database.db, store }, known);
    isAway = true;
    await expect(attempt()).rejects.toMatchObject({ code: "store_unavailable" });
    isAway = false;
    await expect(attempt()).rejects.toMatchObject({ code: "record_tampered" });
    for (let times = 0; times < 3; times += 1) expect(await attempt()).toBe(true);
    expect(lists).toHaveLength(2);
  } finally {
    await rm(join(folder.published, "timestamp", "9.tsr"));
    await database.close();
  }
});

test("a link under the name of a stamp holds up no other stamp", async () => {
  const [older] = await readSeries(original.db, { ...everyPage, isStamped: true });
  const [link, last] = [`${older?.size}.tsr`, "12.tsr"];
  const at = (name: string) => join(folder.published, "timestamp", name);
  const kept = await read(link);
  for (const name of [link, last]) await rm(at(name));
  await symlink("/etc/hostname", at(link));
  await expect(publish()).rejects.toMatchObject({ code: "store_unavailable" });
  expect(await stampedAtIn("12")).toEqual(stampedAt);
  await rm(at(link));
  expect(await publish()).toBe(true);
  expect(await read(link)).toEqual(kept);
});

/** An authority whose answers are as `answer` makes them, and a node that asks it once an hour. */
async function stampingUnder(answer: RequestListener) {
  const asked = { times: 0 };
  const server = await serveHere((request, response) => {
    asked.times += 1;
    answer(request, response);
  });
  const told: unknown[] = [];
  const authority = { url: server.url, certificates: (await signedStamp()).pem };
  const timestamping = new Timestamping({
    database: original,
    store: folder.store,
    node: "stamping",
    authority,
    everyMs: 3_600_000,
    retryMs: 10,
    onFailure: (error) => told.push(error),
  });
  await sql`update ledger_lease set holder = 'stamping', expires_at = clock_timestamp() + interval '1 hour'`.execute(
    original.db,
  );
  timestamping.start();
  return {
    asked,
    told,
    [Symbol.asyncDispose]: async () => {
      await timestamping.stop();
      await server.close();
      await sql`update ledger_lease set expires_at = clock_timestamp() - interval '1 second'`.execute(
        original.db,
      );
    },
  };
}

const answering =
  (status: number, body: string | Buffer = ""): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  };

/** Lets the ledger grow, so that its newest checkpoint is not stamped. Gives its size. */
async function grow(): Promise<number> {
  const ledger = await startNode({ database: original, signer, store: folder.store });
  await settleAll(ledger, await submitMany(original, 1), "published");
  await ledger.stop();
  return Number((await readSeries(original.db, everyPage)).at(-1)?.size);
}

test("an authority that is away is asked again sooner than in an interval and told of once, and holds up no stamp that is there already", async () => {
  const size = await grow();
  const at = join(folder.published, "timestamp", "12.tsr");
  await rm(at);
  // A rejection for a system failure (RFC 3161, section 2.4.2: bit 25 of failInfo).
  const failing = Buffer.from("300c300a02010203050600000040", "hex");
  for (const answer of [answering(503), answering(429), answering(200, failing)]) {
    await using stamping = await stampingUnder(answer);
    await until(async () => stamping.asked.times >= 3);
    expect(stamping.told).toHaveLength(1);
    expect(stamping.told).toMatchObject([{ code: "timestamp_unavailable" }]);
    await until(async () => (await stampedAtIn("12").catch(() => null)) !== null);
    await rm(at);
  }
  const stamped = await readSeries(original.db, { ...everyPage, isStamped: true });
  expect(stamped.map((each) => each.size)).not.toContain(size);
});

test("an authority that refuses, or whose answer does not verify, is told of once and not asked again before the interval", async () => {
  await grow();
  // A rejection for a policy that the authority does not have (bit 15).
  const rejecting = Buffer.from("300a30080201020303000001", "hex");
  const answers = [answering(400), answering(200, "a page of a proxy"), answering(200, rejecting)];
  for (const answer of answers) {
    await using stamping = await stampingUnder(answer);
    await until(async () => stamping.told.length > 0);
    // Fifty times the pause after an outage.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(stamping.asked.times).toBe(1);
    expect(stamping.told).toMatchObject([{ code: "timestamp_refused" }]);
  }
});
