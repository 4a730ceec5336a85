import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "@jest/globals";
import { isRefusal } from "../../../src/errors.ts";
import { type Entry, parseEntry } from "../../../src/ledger/entry.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { BundleDigester } from "../../../src/ledger/verify-digest.ts";
import { DigestPool } from "../../../src/ledger/verify-pool.ts";
import { BundleText, readTexts } from "../../../src/ledger/verify-text.ts";
import { encodeBundle, parseBundle } from "../../../src/merkle/bundle.ts";
import {
  encodeAll,
  type Files,
  filesOf,
  fixedSigner,
  memorySource,
} from "../../vectors/ledger/build.ts";
import { beginning, decided, delivered, idOf, record } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);

const { verificationKey } = signer;

/** More entries than threads are started for, with something wrong in the middle of them. */
function longStory() {
  const records = [...beginning];
  for (let at = 0; records.length < 17_000; at += 1)
    records.push(
      decided(at % 3 === 0 ? "denied" : "allowed", `release ${at}`),
      at % 3 === 0 ? record("weather.changed") : delivered(`release ${at}`),
    );
  return records.with(9_000, record("release.delivered", { release: idOf("never"), bytes: "1" }));
}

const entries = encodeAll(longStory());

test("threads find exactly what one finds", async () => {
  const files = await filesOf(entries, signer);
  const bundle = files.get("tile/entries/020") ?? Buffer.alloc(0);
  bundle.writeUInt8(bundle.readUInt8(500) ^ 1, 500);
  const verify = async (threads: number) =>
    await verifyLedger(memorySource(files), { verificationKey, threads });
  const [alone, together] = [await verify(0), await verify(2)];
  expect(alone.errors).toBeGreaterThan(3);
  expect(together).toEqual(alone);
});

/** What nothing was done to; damage replaces files and leaves their bytes alone. */
const pristine = filesOf(entries, signer);

async function folderOf(files: Files) {
  const path = await mkdtemp(join(tmpdir(), "weightvault-threads-"));
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), bytes);
  }
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true }) };
}

/** What somebody can do to the files of a ledger, each where it is found by another rule. */
const damages: readonly (readonly [string, (files: Files) => void])[] = [
  ["nothing", () => undefined],
  ["a leaf tile that is missing", (files) => files.delete("tile/0/003")],
  ["a leaf tile that is cut", (files) => cut(files, "tile/0/004")],
  ["a bundle in another's place", (files) => swap(files, "tile/entries/005", "tile/entries/006")],
  ["a bundle that is cut", (files) => cut(files, "tile/entries/050")],
  ["a bundle that is missing", (files) => files.delete("tile/entries/060")],
];

function cut(files: Files, path: string): void {
  files.set(path, (files.get(path) ?? Buffer.alloc(0)).subarray(0, -1));
}

function swap(files: Files, one: string, other: string): void {
  const bytes = files.get(one) ?? Buffer.alloc(0);
  files.set(one, files.get(other) ?? Buffer.alloc(0));
  files.set(other, bytes);
}

test.each(damages)(
  "threads that read a folder themselves find what one finds that is handed the bytes: %s",
  async (_, damage) => {
    const files = new Map(await pristine);
    damage(files);
    await using folder = await folderOf(files);
    const handed = await verifyLedger(memorySource(files), { verificationKey });
    for (const threads of [1, 2])
      expect(await verifyLedger(folderSource(folder.path), { verificationKey, threads })).toEqual(
        handed,
      );
  },
);

test("a file that a thread cannot read is refused as it is by the folder", async () => {
  await using pool = new DigestPool(1);
  const folder = join(tmpdir(), "x".repeat(5_000));
  const read = pool.digestStored({ folder, number: 0, isParsed: true });
  const refused = await read.catch((error: unknown) => error);
  expect(isRefusal(refused) && refused.code).toBe("ledger_unavailable");
  expect(isRefusal(refused) && refused.message).toContain("cannot be read");
});

test("a thread that has enough to do is helped, and both give the same", async () => {
  await using folder = await folderOf(await pristine);
  await using pool = new DigestPool(1);
  const reads = Array.from({ length: 8 }, () =>
    pool.digestStored({ folder: folder.path, number: 7, isParsed: true }),
  );
  expect(pool.isBusy).toBe(true);
  const [first, ...others] = await Promise.all(reads);
  expect(first?.digested?.digest.count).toBe(256);
  for (const other of others) {
    expect(other.leafBytes).toBe(first?.leafBytes);
    expect(other.digested?.texts).toEqual(first?.digested?.texts);
    expect([...(other.digested?.digest.leaves ?? [])]).toEqual([
      ...(first?.digested?.digest.leaves ?? []),
    ]);
  }
});

test("without threads one bundle's memory is another's, so that a long ledger does not fill it", async () => {
  const files = await pristine;
  await using pool = new DigestPool(0);
  const digest = async (path: string) => {
    const bundle = files.get(path) ?? Buffer.alloc(0);
    return await pool.digest({ bundle, width: 256, leafTile: null, isParsed: true });
  };
  const first = await digest("tile/entries/007");
  const second = await digest("tile/entries/008");
  expect(second.digest.text.buffer).toBe(first.digest.text.buffer);
  expect(second.texts).not.toEqual(first.texts);
});

const whole = { isLinked: false, decisionEnd: null };

/** The entries of a text, in order. */
function entriesOf(text: Parameters<typeof readTexts>[0]) {
  return readTexts(text).flatMap((each) => JSON.parse(each) as Record<string, unknown>[]);
}

test("a text outgrows the memory that it was given, and is whole", () => {
  const text = new BundleText(1, new ArrayBuffer(8));
  const entry = Buffer.from(JSON.stringify({ body: { decision: { a: 1 }, b: "c" } }));
  const other = Buffer.from(JSON.stringify({ name: "\u00e9".repeat(100_000) }));
  text.addNull();
  text.addPlain(entry, whole);
  text.addPlain(entry, { ...whole, decisionEnd: '{"body":{"decision":{"a":1}'.length });
  text.addEntry(other);
  expect(entriesOf(text.end())).toEqual([
    null,
    { body: { decision: { a: 1 }, b: "c" } },
    { body: { decision: 0, b: "c" } },
    { name: "\u00e9".repeat(100_000) },
  ]);
});

test("a long text comes in parts that are quickly read, with every entry once and in order", () => {
  const text = new BundleText(0);
  const numbers = Array.from({ length: 300 }, (_, number) => number);
  for (const number of numbers)
    text.addPlain(Buffer.from(JSON.stringify({ number, filling: "x".repeat(1_000) })), whole);
  const made = text.end();
  expect(readTexts(made).length).toBeGreaterThan(3);
  for (const each of readTexts(made)) expect(each.length).toBeLessThan(131_072);
  expect(entriesOf(made).map(({ number }) => number)).toEqual(numbers);
});

test("an entry that follows the one before it goes without its link and its time, and tells both to whoever asks", async () => {
  const files = await pristine;
  const bundle = files.get("tile/entries/007") ?? Buffer.alloc(0);
  const [first, second] = entriesOf(
    new BundleDigester().digest({ bundle, width: 256, leafTile: null, isParsed: true }),
  );
  expect(Object.keys(first ?? {})).toEqual(["body", "index", "kind", "previous", "time"]);
  expect(Object.keys(second ?? {})).toEqual(["body", "index", "kind"]);
  const told: Entry[] = [];
  const replay = ({ index, previous, time, kind, body }: Entry) => {
    told.push({ index, previous, time, kind, body });
    return null;
  };
  const report = await verifyLedger(memorySource(files), { verificationKey, replay });
  expect(report.errors).toBe(1);
  const from = 7 * 256;
  expect(told.slice(from, from + 256)).toEqual((parseBundle(bundle) ?? []).map(parseEntry));
});

test("a decision that many entries share is read once, and the same in every one of them", () => {
  const entries = encodeAll([...beginning, decided("allowed", "a"), decided("allowed", "b")]);
  const { decisions, newDecisions, ...text } = new BundleDigester().digest({
    bundle: encodeBundle(entries),
    width: entries.length,
    leafTile: null,
    isParsed: true,
  });
  expect(newDecisions.length).toBe(1);
  expect([...decisions].slice(-2)).toEqual([0, 0]);
  const { body, ...last } = entriesOf(text).at(-1) ?? {};
  const { decision, ...written } = parseEntry(entries.at(-1) ?? Buffer.alloc(0))?.body ?? {};
  expect(last).toMatchObject({ kind: "release.allowed" });
  expect(body).toEqual({ ...written, decision: 0 });
  expect(JSON.parse(newDecisions[0] ?? "")).toEqual(decision);
});

test("a thread that ends fails what waits for it and all that comes after", async () => {
  const work = { bundle: new Uint8Array(0), width: 0, leafTile: null, isParsed: true };
  const pool = new DigestPool(1);
  const waiting = pool.digest(work);
  const failed = waiting.catch((error: unknown) => String(error));
  await pool[Symbol.asyncDispose]();
  expect(await failed).toContain("a thread that verifies the ledger ended");
  await expect(pool.digest(work)).rejects.toThrow("a thread that verifies the ledger ended");
});

test.each([0, 2])(
  "bundles that arrive out of order, with %d threads, are read in order",
  async (threads) => {
    const files = await filesOf(entries, signer);
    const source = memorySource(files);
    const late = Promise.withResolvers<void>();
    const verified = verifyLedger(
      {
        ...source,
        // The first bundle comes after the second, which then is the first to hold a decision.
        tile: async (path) => {
          if (path === "tile/entries/000") await late.promise;
          if (path === "tile/entries/001") setImmediate(late.resolve);
          return await source.tile(path);
        },
      },
      { verificationKey, threads },
    );
    const inOrder = await verifyLedger(source, { verificationKey });
    expect(await verified).toEqual(inOrder);
  },
);
