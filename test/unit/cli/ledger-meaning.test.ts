import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type MeaningOptions, MeaningWatch } from "../../../src/cli/ledger-meaning.ts";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import type { Finding } from "../../../src/ledger/findings.ts";
import type { TileSource } from "../../../src/ledger/source.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import {
  encodeAll,
  filesOf,
  fixedSigner,
  memorySource,
  type Recorded,
} from "../../vectors/ledger/build.ts";
import { beginning, decided, delivered, record } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const key = parseVerificationKey(signer.verificationKey);
if (key === null) throw new Error("the signer has no key");
const pinned = { key, text: signer.verificationKey, isPinned: true, rotations: [] };
const minuteMs = 60_000;
/** Entries are a second apart from here on. */
const beginMs = Date.UTC(2026, 0, 1);

let folder: string;
let told: Finding[];
/** How often the first bundle of entries was read. */
let reads: number;
let nowMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-meaning-"));
  [told, reads, nowMs] = [[], 0, beginMs + minuteMs];
});
afterEach(async () => await rm(folder, { recursive: true }));

const started = (options: Partial<MeaningOptions> = {}) =>
  new MeaningWatch({
    graceMs: 10 * minuteMs,
    everyMs: 0,
    tell: (finding) => told.push(finding),
    ...options,
  });

async function look(
  meaning: MeaningWatch,
  records: readonly Recorded[],
  change: (source: TileSource) => TileSource = (source) => source,
) {
  const plain = memorySource(await filesOf(encodeAll(records), signer));
  const source = change({
    ...plain,
    tile: async (path) => {
      if (path.startsWith("tile/entries/000")) reads += 1;
      return await plain.tile(path);
    },
  });
  const now = () => new Date(nowMs);
  return await watchOnce({ source, key: pinned, folder, unreachableLimitMs: 0, now, meaning });
}

const codes = () => told.splice(0).map(({ code, index }) => [code, index]);
const unallowed = delivered("never allowed");
const at = beginning.length;

test("a finding about new entries is told once, with its code and entry, and the watch goes on", async () => {
  const meaning = started();
  expect(await look(meaning, beginning)).toMatchObject({ code: "first", isAlarm: false });
  const bad = [...beginning, unallowed];
  expect(await look(meaning, bad)).toMatchObject({ code: "grown", isAlarm: false, findings: 1 });
  expect(codes()).toEqual([["outcome_without_allowed", at]]);
  expect(await look(meaning, bad)).toMatchObject({ code: "same" });
  const more = [...bad, decided("allowed", "second"), delivered("second"), unallowed];
  expect(await look(meaning, more)).toMatchObject({ code: "grown", findings: 1 });
  expect(codes()).toEqual([["outcome_without_allowed", at + 3]]);
});

test("what the first look finds is told too, and watched on from there", async () => {
  expect(await look(started(), [...beginning, unallowed])).toMatchObject({ code: "first" });
  expect(codes()).toEqual([["outcome_without_allowed", at]]);
});

test("new entries are held to what entries before them said, without reading these again", async () => {
  const meaning = started();
  const before = [...beginning, ...Array.from({ length: 300 }, () => record("a.b"))];
  const first = [...before, decided("allowed", "second")];
  await look(meaning, first);
  reads = 0;
  await look(meaning, [...first, delivered("second")]);
  expect([codes(), reads]).toEqual([[], 0]);
  await look(meaning, [...first, delivered("second"), delivered("second")]);
  expect(codes()).toEqual([["second_outcome", first.length + 1]]);
});

test("a new process reads the ledger once more, and tells what was not told before", async () => {
  const bad = [...beginning, unallowed, decided("allowed", "second")];
  await look(started(), bad);
  expect(codes()).toEqual([["outcome_without_allowed", at]]);
  const more = [...bad, delivered("second"), delivered("second")];
  expect(await look(started(), more)).toMatchObject({ code: "grown", findings: 1 });
  expect(codes()).toEqual([["second_outcome", at + 3]]);
  await look(started(), more);
  expect(codes()).toEqual([]);
  expect(JSON.parse(await readFile(join(folder, "state.json"), "utf8"))).toMatchObject({
    meaning: { size: more.length },
  });
});

test("looks by processes of their own judge growth each time, and what entries mean at their interval, leaving none out", async () => {
  const seldom = () => started({ everyMs: 60 * minuteMs });
  await look(seldom(), beginning);
  const bad = [...beginning, unallowed];
  expect(await look(seldom(), bad)).toMatchObject({ code: "grown" });
  expect(codes()).toEqual([]);
  nowMs += 60 * minuteMs;
  expect(await look(seldom(), bad)).toMatchObject({ code: "same", findings: 1 });
  expect(codes()).toEqual([["outcome_without_allowed", at]]);
});

test("a release without an outcome is told once its time has run out, once, also after a restart", async () => {
  const meaning = started();
  const open = [...beginning, decided("allowed", "second")];
  await look(meaning, open);
  nowMs = beginMs + at * 1_000 + 10 * minuteMs - 1;
  await look(meaning, open);
  expect(codes()).toEqual([]);
  nowMs += 1;
  await look(meaning, open);
  expect(codes()).toEqual([["release_open", at]]);
  nowMs += minuteMs;
  await look(meaning, open);
  await look(started(), open);
  expect(codes()).toEqual([]);
});

test("an allowance that comes late, of a time long past, is told as one without an outcome", async () => {
  const meaning = started();
  nowMs = beginMs + 100 * minuteMs;
  await look(meaning, beginning);
  const late = { ...decided("allowed", "second"), time: new Date(beginMs + 9_000).toISOString() };
  await look(meaning, [...beginning, late]);
  expect(codes()).toEqual([["release_open", at]]);
});

test("entries that were shown and not signed leave nothing behind", async () => {
  const meaning = started();
  await look(meaning, beginning);
  const honest = [...beginning, decided("allowed", "second"), delivered("second")];
  // The server shows an outcome too many under the honest checkpoint, and then the truth.
  const lie = await filesOf(
    encodeAll([...beginning, decided("allowed", "second"), unallowed]),
    signer,
  );
  const lying = await look(meaning, honest, (source) => ({
    ...source,
    tile: async (path) =>
      path.startsWith("tile/entries/") ? (lie.get(path) ?? null) : await source.tile(path),
  }));
  expect(lying).toMatchObject({ isAlarm: true, code: "inconsistent" });
  expect(codes()).toEqual([]);
  expect(await look(meaning, honest)).toMatchObject({ code: "grown", isAlarm: false });
  expect(codes()).toEqual([]);
});

test("what a decision made again differs in is told with its code", async () => {
  const meaning = started({
    replay: ({ kind, index }) =>
      kind === "release.allowed"
        ? { code: "license_out_of_scope", message: `entry ${index} rests on no license` }
        : null,
  });
  await look(meaning, beginning);
  await look(meaning, [...beginning, decided("allowed", "second"), delivered("second")]);
  expect(codes()).toEqual([["license_out_of_scope", at]]);
});

test("what is wrong with the keys that new entries name is told as well", async () => {
  const meaning = started();
  await look(meaning, beginning);
  const taken = [...beginning, record("ledger.key-taken-up", { keyId: "00000000" })];
  expect(await look(meaning, taken)).toMatchObject({ code: "grown", findings: 1 });
  expect(codes()).toEqual([["key_rotation_invalid", at]]);
  const [foreign, stranger] = [fixedSigner(8), fixedSigner(9)];
  const statement = await signRotation(foreign, stranger, nothingSigned);
  const named = ["none", statement].map((each) =>
    record("ledger.key-rotated", { statement: each }),
  );
  expect(await look(meaning, [...taken, ...named])).toMatchObject({ code: "grown", findings: 2 });
  expect(codes()).toEqual([
    ["key_rotation_invalid", at + 1],
    ["key_rotation_invalid", at + 2],
  ]);
});

test("a monitor whose clock was ahead and was put right tells of what comes afterwards", async () => {
  nowMs = beginMs + 365 * 24 * 60 * minuteMs;
  await look(started(), beginning);
  nowMs = beginMs + minuteMs;
  const meaning = started();
  const open = [...beginning, unallowed, decided("allowed", "second")];
  expect(await look(meaning, open)).toMatchObject({ code: "grown", findings: 1 });
  expect(codes()).toEqual([["outcome_without_allowed", at]]);
  nowMs += 20 * minuteMs;
  expect(await look(meaning, open)).toMatchObject({ code: "same", findings: 1 });
  expect(codes()).toEqual([["release_open", at + 1]]);
  await look(started(), open);
  expect(codes()).toEqual([]);
});
