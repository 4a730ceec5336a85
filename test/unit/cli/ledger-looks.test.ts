import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Looks } from "../../../src/cli/ledger-looks.ts";
import { MeaningWatch } from "../../../src/cli/ledger-meaning.ts";
import type { TileSource } from "../../../src/ledger/source.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import {
  encodeAll,
  filesOf,
  fixedSigner,
  memorySource,
  type Recorded,
} from "../../vectors/ledger/build.ts";
import { beginning, record } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const key = parseVerificationKey(signer.verificationKey);
if (key === null) throw new Error("the signer has no key");
const pinned = { key, text: signer.verificationKey, isPinned: true, rotations: [] };
const now = () => new Date("2026-11-23T09:00:00.000Z");
const long = [...beginning, ...Array.from({ length: 900 }, () => record("a.b", {}))];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-looks-"));
});
afterEach(async () => await rm(folder, { recursive: true }));

/** A ledger whose server holds one tile back until it is let go. */
async function served(records: readonly Recorded[], held: string | null) {
  const plain = memorySource(await filesOf(encodeAll(records), signer));
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const read: string[] = [];
  const source: TileSource = {
    ...plain,
    tile: async (path) => {
      read.push(path);
      if (path === held) {
        reached.resolve();
        await gate.promise;
      }
      return await plain.tile(path);
    },
  };
  let isOpen = false;
  const letGo = () => {
    isOpen = true;
    gate.resolve();
  };
  return { source, read, reached: reached.promise, isLetGo: () => isOpen, letGo };
}

/** Looks whose time is over when the held tile is asked for, and never once it was let go. */
function looksAt(
  { source, reached, isLetGo }: Omit<Awaited<ReturnType<typeof served>>, "read" | "letGo">,
  meaning?: MeaningWatch,
) {
  const monitor = { source, key: pinned, folder, unreachableLimitMs: 0, now };
  return new Looks({
    monitor: meaning === undefined ? monitor : { ...monitor, meaning },
    withinMs: 60_000,
    wait: async () => await (isLetGo() ? Promise.withResolvers<void>().promise : reached),
    stopping: new AbortController(),
  });
}

const seen = async (records: readonly Recorded[]) => {
  const looks = looksAt(await served(records, null));
  return await looks.next();
};

const bundlesIn = (read: readonly string[]) =>
  read.filter((path) => path.startsWith("tile/entries/")).map((path) => path.slice(13, 16));

const tooSlow = {
  isAlarm: true,
  code: "too_slow",
  message: expect.stringContaining("was not verified within 60 seconds"),
};

test("a server that answers each tile just in time is an alarm once a look has lasted its time, and the first look goes on at the next one until it is through", async () => {
  const ledger = await served(long, "tile/entries/002");
  const meaning = new MeaningWatch({ graceMs: 0, everyMs: 0, tell: () => {} });
  const looks = looksAt(ledger, meaning);
  expect(await looks.next()).toMatchObject(tooSlow);
  expect(await looks.next()).toMatchObject(tooSlow);
  expect(await readdir(folder)).toEqual([]);
  ledger.letGo();
  expect(await looks.next()).toMatchObject({ code: "first", isAlarm: false, size: long.length });
  expect(bundlesIn(ledger.read).filter((number) => number === "000")).toHaveLength(1);
});

test("the growth of a ledger that was too slow is read on where it was cut off by a process that starts anew, and is verified then", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const slow = await served(long, "tile/entries/002");
  const looks = looksAt(slow);
  expect(await looks.next()).toMatchObject(tooSlow);
  await looks.stop();
  expect(await looks.next()).toBeNull();
  // It has grown meanwhile, as an honest ledger does.
  const longer = [...long, ...Array.from({ length: 300 }, () => record("a.b", {}))];
  const again = await served(longer, null);
  expect(await looksAt(again).next()).toMatchObject({ code: "grown", size: longer.length });
  expect(bundlesIn(again.read)).toEqual(["002", "003", "004"]);
  expect((await readdir(join(folder, "checkpoints"))).toSorted()).toEqual(
    [`${beginning.length}`, `${longer.length}`].toSorted(),
  );
  expect(await seen(longer)).toMatchObject({ code: "same" });
});

const cutOff = async (records: readonly Recorded[], held = "tile/entries/002") => {
  const looks = looksAt(await served(records, held));
  expect(await looks.next()).toMatchObject(tooSlow);
  await looks.stop();
};

test("a ledger that no longer leads to a checkpoint that it signed and held back is an alarm, though that was never read to its end", async () => {
  const other = long.with(700, record("a.c", {}));
  const grown = [...other, ...Array.from({ length: 300 }, () => record("a.b", {}))];
  const shorter = long.slice(0, 600);
  for (const [records, code] of [
    [grown, "inconsistent"],
    [other, "fork"],
    [shorter, "rolled_back"],
    [beginning, "rolled_back"],
  ] as const) {
    await rm(folder, { recursive: true });
    expect(await seen(beginning)).toMatchObject({ code: "first" });
    await cutOff(long);
    expect(await seen(records)).toMatchObject({ code, isAlarm: true });
    // What was read on the way is read anew.
    const state = JSON.parse(await readFile(join(folder, "state.json"), "utf8"));
    expect(state.growth?.read ?? null).toBeNull();
    // What was signed is kept as evidence, both of them where what was read towards the one is forgotten.
    const kept = (await readdir(join(folder, "contradicting"))).map((name) => name.split("-")[0]);
    const sizes = code === "inconsistent" ? [long.length, records.length] : [records.length];
    expect(new Set(kept)).toEqual(new Set(sizes.map(String)));
  }
});

test("the checkpoint that an alarm is about is kept before those that were seen on the way, where there is room for one alone", async () => {
  const place = join(folder, "contradicting");
  const other = long.with(700, record("a.c", {}));
  const grown = [...other, ...Array.from({ length: 300 }, () => record("a.b", {}))];
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  await cutOff(long);
  await mkdir(place);
  for (let at = 0; at < 99; at += 1) await writeFile(join(place, `${at}-other`), "");
  expect(await seen(grown)).toMatchObject({
    code: "inconsistent",
    contradicting: expect.stringContaining(`${grown.length}-`),
  });
  expect(await readdir(place)).toHaveLength(100);
});

test("an alarm that a look came to is told, also where the watch is broken off by then", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const { source } = await served(beginning.with(3, beginning[4] ?? record("a.b", {})), null);
  const stopping = new AbortController();
  // It is asked for the time when the look has come to its end.
  const late = () => {
    stopping.abort();
    return now();
  };
  const monitor = { source, key: pinned, folder, unreachableLimitMs: 0, now: late };
  const looks = new Looks({ monitor, withinMs: 60_000, stopping });
  expect(await looks.next()).toMatchObject({ code: "fork", isAlarm: true });
  expect(stopping.signal.aborted).toBe(true);
});

test("a signed checkpoint counts where nothing of what it covers could be read", async () => {
  for (const [records, code, isAlarm] of [
    [long.with(700, record("a.c", {})), "fork", true],
    [beginning, "rolled_back", true],
    [long, "grown", false],
  ] as const) {
    await rm(folder, { recursive: true });
    expect(await seen(beginning)).toMatchObject({ code: "first" });
    // The old tree's right edge is the first thing that is asked for.
    await cutOff(long, "tile/0/000");
    expect(await seen(records)).toMatchObject({ code, isAlarm });
  }
});

test("a signed checkpoint is kept as evidence where the entries that it came with were broken", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const { source } = await served(long, null);
  const broken: TileSource = {
    ...source,
    tile: async (path) => (path === "tile/entries/002" ? Buffer.alloc(9) : await source.tile(path)),
  };
  const monitor = { source: broken, key: pinned, folder, unreachableLimitMs: 0, now };
  const looks = new Looks({ monitor, withinMs: 60_000, stopping: new AbortController() });
  const watched = await looks.next();
  expect(watched).toMatchObject({ code: "entries_broken", isAlarm: true });
  const evidence = await readFile(join(folder, watched?.contradicting ?? ""));
  expect(evidence).toEqual(await source.checkpoint());
  expect(await seen(long)).toMatchObject({ code: "grown", isAlarm: false });
});

test("what was watched from its empty beginning goes on where it was cut off", async () => {
  expect(await seen([])).toMatchObject({ code: "first", size: 0 });
  await cutOff(long, "tile/entries/000");
  expect(await seen(long)).toMatchObject({ code: "grown", size: long.length });
});

test("what was read before it was cut off and was not the ledger's is an alarm, and is read anew after that", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const lie = await served(long.with(300, record("a.c", {})), "tile/entries/002");
  const truth = await served(long, null);
  const checkpoint = async () => await truth.source.checkpoint();
  const looks = looksAt({ ...lie, source: { ...lie.source, checkpoint } });
  expect(await looks.next()).toMatchObject(tooSlow);
  await looks.stop();
  // The entry after those that were read names another one before it.
  expect(await seen(long)).toMatchObject({ code: "entries_broken", isAlarm: true });
  expect(await seen(long)).toMatchObject({ code: "grown", isAlarm: false });
});

test("growth that is verified stays so where the reading of what its entries mean is cut off", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const slow = await served(long, "tile/1/000.p/3");
  const watch = () => new MeaningWatch({ graceMs: 0, everyMs: 0, tell: () => {} });
  const looks = looksAt(slow, watch());
  expect(await looks.next()).toMatchObject({ code: "too_slow" });
  await looks.stop();
  const state = await readFile(join(folder, "state.json"), "utf8");
  expect(JSON.parse(state)).toMatchObject({ growth: null, meaning: null });
  expect(JSON.parse(state).checkpoint.split("\n")[1]).toBe(`${long.length}`);
});

test("a signed checkpoint that the ledger grew to counts also where the whole did not verify by then, and that alarm stays", async () => {
  expect(await seen(beginning)).toMatchObject({ code: "first" });
  const meaning = () => new MeaningWatch({ graceMs: 0, everyMs: 0, tell: () => {} });
  const { source } = await served(long, null);
  const damaged: TileSource = {
    ...source,
    tile: async (path) =>
      path === "tile/1/000.p/3" ? Buffer.alloc(3 * 32) : await source.tile(path),
  };
  for (const _ of [1, 2]) {
    const monitor = { source: damaged, key: pinned, folder, unreachableLimitMs: 0, now };
    const looks = new Looks({
      monitor: { ...monitor, meaning: meaning() },
      withinMs: 60_000,
      stopping: new AbortController(),
    });
    expect(await looks.next()).toMatchObject({ code: "ledger_unverified", isAlarm: true });
  }
  expect(await seen(long.slice(0, 600))).toMatchObject({ code: "rolled_back", isAlarm: true });
});
