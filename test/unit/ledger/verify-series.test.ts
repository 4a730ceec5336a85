import { expect, test } from "@jest/globals";
import { type VerifyOptions, verifyLedger } from "../../../src/ledger/verify.ts";
import type { KeptCheckpoint } from "../../../src/ledger/verify-checkpoints.ts";
import { signRotation } from "../../../src/merkle/rotation.ts";
import { leafHash, rootOf } from "../../../src/merkle/tree.ts";
import {
  encodeAll,
  type Files,
  type FixedSigner,
  filesOf,
  fixedSigner,
  memorySource,
} from "../../vectors/ledger/build.ts";
import { beginning, record, story } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const entries = encodeAll(story());
const other = encodeAll(story().with(30, story()[40] ?? { kind: "a.b", body: {} }));
const size = 300;

const note = async (at: number, of = entries, by = signer): Promise<string> =>
  (await filesOf(of.slice(0, at), by)).get("checkpoint")?.toString("utf8") ?? "";

async function* each(notes: readonly string[]) {
  for (const checkpoint of notes) yield checkpoint === "" ? null : { checkpoint };
}

async function judged(
  notes: readonly string[],
  {
    most = 20,
    from = 0,
    of = entries.slice(0, size),
    by = signer,
    olderCheckpoints = [],
  }: {
    readonly most?: number;
    readonly from?: number;
    readonly of?: readonly Buffer[];
    readonly by?: FixedSigner;
    readonly olderCheckpoints?: readonly KeptCheckpoint[];
  } = {},
): Promise<readonly string[]> {
  return await errorsOf(await filesOf(of, by), notes, { most, from, olderCheckpoints });
}

async function errorsOf(
  files: Files,
  notes: readonly string[],
  {
    most = 20,
    from = 0,
    ...options
  }: { readonly most?: number; readonly from?: number } & Pick<
    VerifyOptions,
    "olderCheckpoints" | "olderSeries"
  > = {},
): Promise<readonly string[]> {
  const { findings } = await verifyLedger(memorySource(files), {
    verificationKey: signer.verificationKey,
    series: { checkpoints: each(notes), most, from },
    ...options,
  });
  return findings
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code}: ${message}`);
}

const sizes = Array.from({ length: 15 }, (_, at) => (at + 1) * 20);
const series = async (wanted: readonly number[]) =>
  await Promise.all(wanted.map(async (at) => await note(at)));
const without = async (...missing: readonly number[]) =>
  await series(sizes.filter((at) => !missing.includes(at)));

test("a whole series verifies, and says of how many checkpoints", async () => {
  expect(await judged(await series(sizes))).toEqual([]);
  expect(await judged(await series([0, ...sizes]))).toEqual([]);
  const report = await verifyLedger(memorySource(await filesOf(entries.slice(0, size), signer)), {
    verificationKey: signer.verificationKey,
    series: { checkpoints: each(await series(sizes)), most: 20, from: 0 },
  });
  expect(report.series).toEqual({ checkpoints: 15 });
});

test("of a series one checkpoint may be missing, two neighbours are told wherever they stood", async () => {
  expect(await judged(await without(40, 80, 300))).toEqual([]);
  const missing = (from: number, to: number) =>
    `checkpoints_missing: between the checkpoints of ${from} and of ${to} entries at least two neighbours are missing`;
  expect(await judged(await without(20, 40))).toEqual([missing(0, 60)]);
  expect(await judged(await without(100, 120))).toEqual([missing(80, 140)]);
  expect(await judged(await without(260, 280))).toEqual([missing(240, 300)]);
  expect(await judged([])).toEqual([missing(0, 300)]);
});

test("a ledger that was rebuilt is held to its series from then on", async () => {
  const after = await series(sizes.filter((at) => at > 200));
  expect(await judged(after, { from: 200 })).toEqual([]);
  expect(await judged(after)).toHaveLength(1);
  expect(await judged(after.slice(2), { from: 200 })).toHaveLength(1);
});

test("one checkpoint that somebody kept and the series lacks is told", async () => {
  const kept = [{ name: "watched/100", bytes: await note(100) }];
  expect(await judged(await series(sizes), { olderCheckpoints: kept })).toEqual([]);
  expect(await judged(await without(100), { olderCheckpoints: kept })).toEqual([
    "checkpoints_missing: the series lacks the checkpoint of 100 entries, which was signed: watched/100 shows it",
  ]);
});

test("a checkpoint of the series that is not of this past, or of this key, is told", async () => {
  const whole = await series(sizes);
  expect(await judged(whole.with(4, await note(100, other)))).toEqual([
    "history_rewritten: the first 100 entries are not those that the series's checkpoint of 100 entries signs",
  ]);
  expect(await judged([...whole, await note(300, other)])).toEqual([
    "fork: two checkpoints of 300 entries in the series differ",
  ]);
  expect(await judged(whole, { of: entries.slice(0, 290) })).toEqual([
    "rolled_back: the ledger has 290 entries; the series's checkpoint of 300 entries shows that it had more: its tail was deleted, or an older state was put back",
  ]);
  const foreign = await note(100, entries, fixedSigner(8));
  expect(await judged(whole.with(4, foreign))).toEqual([
    "older_checkpoint_invalid: the series's checkpoint of 100 entries is not signed by vault.example/ledger",
  ]);
});

test("where leaf hashes are missing or are others, that is told once, and no checkpoint of the series is called another past", async () => {
  const whole = await series(sizes);
  const unheld =
    "tile_mismatch: the leaf hashes do not make the root that is signed, so that no checkpoint of a series was held to them";
  const path = "tile/0/001.p/44";
  const missing = new Map(await filesOf(entries.slice(0, size), signer));
  missing.delete(path);
  expect(await errorsOf(missing, whole)).toEqual([`tile_missing: ${path} is missing`, unheld]);
  const changed = new Map(await filesOf(entries.slice(0, size), signer));
  const tile = Buffer.from(changed.get("tile/0/000") ?? []);
  changed.set("tile/0/000", tile.fill(0, 0, 32));
  expect(await errorsOf(changed, whole)).toEqual([
    "leaf_mismatch: entry 0 does not have the hash in tile/0/000",
    unheld,
  ]);
  const olderSeries = { name: "older", checkpoints: each(whole) };
  expect(await errorsOf(changed, await without(100), { olderSeries })).toContain(
    "checkpoints_missing: the series lacks the checkpoint of 100 entries, which was signed: older shows it",
  );
});

test("a series out of order, or with what is no checkpoint, is malformed", async () => {
  const whole = await series(sizes);
  expect(await judged([...whole.slice(0, 5), "", ...whole.slice(5)])).toEqual([
    "series_malformed: number 6 of the series is no signed checkpoint",
  ]);
  expect(await judged([...whole, whole[3] ?? ""])).toEqual([
    "series_malformed: the series's checkpoint of 80 entries stands behind the one of 300",
  ]);
});

test("a rotation of the key shows which checkpoints were signed by then", async () => {
  const next = fixedSigner(8);
  const root = rootOf(encodeAll(beginning.slice(0, 4)).map((entry) => leafHash(entry)));
  const statement = await signRotation(signer, next, { size: 4, root });
  const of = encodeAll([...beginning, record("ledger.key-rotated", { statement })]);
  const whole = await Promise.all(of.map(async (_, at) => await note(at + 1, of)));
  expect(await judged(whole, { of })).toEqual([]);
  const lacking = (at: number) =>
    `checkpoints_missing: the series lacks the checkpoint of ${at} entries, which was signed: the key's rotation (entry ${of.length - 1}) shows it`;
  expect(await judged(whole.toSpliced(3, 1), { of })).toEqual([lacking(4)]);
  expect(await judged(whole.slice(0, -1), { of })).toEqual([lacking(of.length)]);
});
