import { expect, test } from "@jest/globals";
import { type Report, type VerifyOptions, verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { story } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const entries = encodeAll(story());
const other = encodeAll(story().with(30, story()[40] ?? { kind: "a.b", body: {} }));
const size = 300;

const note = async (at: number, of = entries, by = signer): Promise<string> =>
  (await filesOf(of.slice(0, at), by)).get("checkpoint")?.toString("utf8") ?? "";

const sizes = Array.from({ length: 15 }, (_, at) => (at + 1) * 20);
const series = async (wanted: readonly number[], of = entries) =>
  await Promise.all(wanted.map(async (at) => await note(at, of)));
const whole = await series(sizes);
const without = (...missing: readonly number[]) =>
  whole.filter((_, at) => !missing.includes(sizes[at] ?? 0));

async function* each(notes: readonly string[]) {
  for (const checkpoint of notes) yield checkpoint === "" ? null : { checkpoint };
}

async function judged(
  kept: readonly string[],
  own: readonly string[] | null,
  { of = entries.slice(0, size), from = 0, ...options }: JudgedOptions = {},
): Promise<Report> {
  return await verifyLedger(memorySource(await filesOf(of, signer)), {
    verificationKey: signer.verificationKey,
    olderSeries: { name: "old/checkpoints.jsonl", checkpoints: each(kept) },
    ...(own === null ? {} : { series: { checkpoints: each(own), most: 20, from } }),
    ...options,
  });
}

type JudgedOptions = Partial<VerifyOptions> & {
  readonly of?: readonly Buffer[];
  readonly from?: number;
};

const errorsOf = ({ findings }: Report): readonly string[] =>
  findings
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code}: ${message}`);

const errors = async (...asked: Parameters<typeof judged>): Promise<readonly string[]> =>
  errorsOf(await judged(...asked));

const lacks = (at: number, more = "") =>
  `checkpoints_missing: the series lacks the checkpoint of ${at} entries, which was signed: old/checkpoints.jsonl shows it${more}`;

test("a ledger whose series has every checkpoint of an older copy's verifies, and says to how many it was held", async () => {
  const report = await judged(whole.slice(0, 10), whole);
  expect([errorsOf(report), report.series, report.olderSeries]).toEqual([
    [],
    { checkpoints: 15 },
    { checkpoints: 10 },
  ]);
  expect(await errors(whole, whole)).toEqual([]);
  expect(await errors([], whole)).toEqual([]);
  expect(await errors([await note(0), ...whole], [await note(0), ...whole])).toEqual([]);
});

test("one checkpoint that an older series shows and the newer one lacks is told, wherever it stood, and neighbours as one finding", async () => {
  expect(await errors(whole, without(20))).toEqual([lacks(20)]);
  expect(await errors(whole, without(140, 240))).toEqual([lacks(140), lacks(240)]);
  expect(await errors(whole, without(300))).toEqual([lacks(300)]);
  const few = sizes.filter((at) => at >= 100 && at <= 160);
  expect(await errors(whole, without(...few), { from: 180 })).toEqual([]);
  expect(await errors(without(120), without(100, 120, 140))).toEqual([
    lacks(100, "; so it is with 1 more after it, up to 140 entries"),
    expect.stringContaining("between the checkpoints of 80 and of 160 entries"),
  ]);
});

test("a ledger that was rebuilt need not have what was kept from before, which is still held to its entries", async () => {
  const after = whole.filter((_, at) => (sizes[at] ?? 0) > 200);
  expect(await errors(whole, after, { from: 201 })).toEqual([]);
  expect(await errors(whole, after, { from: 0 })).toHaveLength(2);
  const rewritten = whole.with(4, await note(100, other));
  expect(await errors(rewritten, after, { from: 201 })).toEqual([
    "history_rewritten: the first 100 entries are not those that the checkpoint of 100 entries in old/checkpoints.jsonl signs",
  ]);
});

test("an older series of another past, of more entries, or beside another checkpoint of the same size is told", async () => {
  const forged = await series([20, 40, 60, 80], other);
  expect(await errors(forged, whole)).toEqual([
    "fork: two checkpoints of 40 entries have different roots: the checkpoint of 40 entries in old/checkpoints.jsonl and the series; so it is with 2 more after it, up to 80 entries",
  ]);
  expect(await errors(await series([20, 35, 50], other), whole)).toEqual([
    "history_rewritten: the first 35 entries are not those that the checkpoint of 35 entries in old/checkpoints.jsonl signs; so it is with 1 more after it, up to 50 entries",
  ]);
  const of = entries.slice(0, 250);
  expect(await errors(whole, whole.slice(0, 12), { of })).toEqual([
    "rolled_back: the ledger has 250 entries; the checkpoint of 260 entries in old/checkpoints.jsonl shows that it had more: its tail was deleted, or an older state was put back; so it is with 2 more after it, up to 300 entries",
  ]);
  const newest = await note(300, other);
  expect(await errors([newest], whole.slice(0, -1))).toEqual([
    "fork: two checkpoints of 300 entries have different roots: the checkpoint of 300 entries in old/checkpoints.jsonl and the newest",
  ]);
});

test("what no key of the ledger signed, stands out of order or is no checkpoint is told of the older series and held against no other", async () => {
  const foreign = await note(10, entries, fixedSigner(8));
  expect(await errors([foreign, foreign, ...whole], whole)).toEqual([
    "older_checkpoint_invalid: the checkpoint of 10 entries in old/checkpoints.jsonl is not signed by vault.example/ledger; so it is with 1 more after it, up to 10 entries",
  ]);
  expect(await errors(["", ...whole, whole[2] ?? ""], whole)).toEqual([
    "series_malformed: number 1 of old/checkpoints.jsonl is no signed checkpoint",
    "series_malformed: the checkpoint of 60 entries in old/checkpoints.jsonl stands behind the one of 300",
  ]);
  expect(await errors([...whole.slice(0, 3), await note(60, other)], whole)).toEqual([
    "fork: two checkpoints of 60 entries in old/checkpoints.jsonl differ",
  ]);
});

test("a ledger without a series of its own is held to an older one, and where that is claimed to be all, to its steps", async () => {
  expect(await errors(whole, null)).toEqual([]);
  expect(await errors(await series([40, 60], other), null)).toEqual([
    expect.stringContaining("history_rewritten: the first 40 entries"),
  ]);
  const claimed = { mostEntriesPerCheckpoint: 20 };
  expect(await errors(whole, null, claimed)).toEqual([]);
  expect(await errors(without(100, 120), null, claimed)).toEqual([
    "checkpoints_missing: between the checkpoints of 80 and of 140 entries at least two neighbours are missing",
  ]);
  const olderCheckpoints = [{ name: "kept", bytes: await note(120) }];
  expect(await errors(without(100, 120), null, { ...claimed, olderCheckpoints })).toEqual([]);
  expect(await errors(whole.slice(0, 10), null, claimed)).toHaveLength(1);
});

test("series_absent is a notice where a ledger came without the series that it could have, or with an empty one, and nowhere else", async () => {
  const source = memorySource(await filesOf(entries.slice(0, size), signer));
  const absent = async (options: Pick<VerifyOptions, "series">) => {
    const report = await verifyLedger(source, {
      verificationKey: signer.verificationKey,
      ...options,
    });
    const codes = report.findings.map(({ severity, code }) => `${severity} ${code}`);
    return [report.verified, codes.filter((code) => code.endsWith("series_absent"))];
  };
  expect(await absent({ series: null })).toEqual([true, ["notice series_absent"]]);
  expect(await absent({})).toEqual([true, []]);
  const come = (notes: readonly string[]) => ({ checkpoints: each(notes), most: 300, from: 0 });
  expect(await absent({ series: come(whole) })).toEqual([true, []]);
  expect(await absent({ series: come([]) })).toEqual([true, ["notice series_absent"]]);
});

test("of an older series and the newer one no more than a checkpoint each is held at a time", async () => {
  const held = { kept: 0, own: 0, most: 0 };
  const counting = async function* (of: "kept" | "own") {
    for (const checkpoint of whole) {
      held[of] += 1;
      held.most = Math.max(held.most, Math.abs(held.kept - held.own));
      yield { checkpoint };
    }
  };
  const report = await judged([], null, {
    olderSeries: { name: "old", checkpoints: counting("kept") },
    series: { checkpoints: counting("own"), most: 20, from: 0 },
  });
  expect([errorsOf(report), held]).toEqual([[], { kept: 15, own: 15, most: 1 }]);
});
