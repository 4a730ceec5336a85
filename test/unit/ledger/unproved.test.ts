import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { watchOnce } from "../../../src/cli/ledger-monitor.ts";
import type { TileSource, UnprovedBudget } from "../../../src/ledger/source.ts";
import { findRotations } from "../../../src/ledger/source-rotations.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeBundle } from "../../../src/merkle/bundle.ts";
import { signCheckpoint } from "../../../src/merkle/checkpoint.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { parseTilePath, tileWidth } from "../../../src/merkle/tile.ts";
import { leafHash } from "../../../src/merkle/tree.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, record } from "../../vectors/ledger/story.ts";

const [first, second, stranger] = [fixedSigner(7), fixedSigner(8), fixedSigner(9)];
const key = parseVerificationKey(first.verificationKey);
if (key === null) throw new Error("the fixed key does not parse");
const pinned = { key, text: first.verificationKey, isPinned: true, rotations: [] };
const ample: UnprovedBudget = { fetches: 1_000, bytes: 2 ** 30, timeoutMs: 600_000 };

/** A ledger of that name without end, which somebody serves who knows nothing but the name. */
async function endless(unproved: UnprovedBudget, { answers = true, signer = stranger } = {}) {
  const records = Array.from({ length: tileWidth }, () => record("token.revoked", {}));
  const entries = encodeAll(records);
  const [bundle, leaves] = [encodeBundle(entries), Buffer.concat(entries.map(leafHash))];
  const root = Buffer.alloc(32);
  const checkpoint = Buffer.from(
    await signCheckpoint({ origin: first.name, size: 2 ** 40, root }, signer),
  );
  const served = { fetches: 0, bytes: 0 };
  const give = async (bytes: Buffer) => {
    served.fetches += 1;
    served.bytes += bytes.length;
    return await (answers ? bytes : new Promise<Buffer>(() => {}));
  };
  const source: TileSource = {
    checkpoint: async () => checkpoint,
    tile: async (path) => await give(parseTilePath(path)?.level === "entries" ? bundle : leaves),
    unproved,
  };
  return { source, served, bundleBytes: bundle.length };
}

async function findingsOf(source: TileSource) {
  const { verified, findings } = await verifyLedger(source, {
    verificationKey: first.verificationKey,
  });
  expect(verified).toBe(false);
  return findings.map(({ code, message }) => `${code}: ${message}`).join();
}

test("a checkpoint that no known key signed is followed for so many fetches, bytes and seconds and no further, and the message says so", async () => {
  const few = await endless({ ...ample, fetches: 40 });
  expect(await findingsOf(few.source)).toMatch(
    /^checkpoint_unsigned: .*covers 1099511627776 entries, and 40 fetches named no key/,
  );
  expect(few.served.fetches).toBeLessThanOrEqual(40);
  const small = await endless({ ...ample, bytes: 300_000 });
  expect(await findingsOf(small.source)).toMatch(/and 300000 bytes named no key/);
  // What was under way when the last byte was counted may still come.
  expect(small.served.bytes).toBeLessThan(300_000 + 20 * small.bundleBytes);
  const silent = await endless({ ...ample, timeoutMs: 50 }, { answers: false });
  expect(await findingsOf(silent.source)).toMatch(/and 0.05 seconds of reading named no key/);
});

test("rotations are not looked for without end in a ledger that anybody may have made", async () => {
  const { source, served } = await endless({ ...ample, fetches: 40 });
  expect(await findRotations(source, key)).toEqual([]);
  expect(served.fetches).toBeLessThanOrEqual(40);
});

test("a monitor alarms on a checkpoint that no known key signed, and does not follow it without end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-monitor-"));
  try {
    const now = () => new Date("2026-11-23T09:00:00.000Z");
    const watch = async (source: TileSource) =>
      await watchOnce({ source, key: pinned, folder, unreachableLimitMs: 0, now });
    const hostile = await endless({ ...ample, fetches: 40 });
    const alarm = { isAlarm: true, code: "checkpoint_invalid" };
    expect(await watch(hostile.source)).toMatchObject(alarm);
    const files = await filesOf(encodeAll(beginning), first);
    expect(await watch(memorySource(files))).toMatchObject({ code: "first" });
    // The tiles of the true ledger, and entries without end behind them.
    const { source, served } = await endless({ ...ample, fetches: 40 });
    const grown: TileSource = {
      ...source,
      tile: async (path) =>
        (await source.tile(path)) && (files.get(path) ?? (await source.tile(path))),
    };
    expect(await watch(grown)).toMatchObject(alarm);
    expect(served.fetches).toBeLessThanOrEqual(80);
    expect(await watch(memorySource(files))).toMatchObject({ code: "same" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a key that the source's rotations lead to, from the pinned one, is known, and what it signed is read whole", async () => {
  const statement = await signRotation(first, second, nothingSigned);
  const records = [...beginning, record("ledger.key-rotated", { statement })];
  const long = [...records, ...Array.from({ length: 600 }, () => record("a.b", {}))];
  const unproved = { ...ample, fetches: 2 };
  const source = { ...memorySource(await filesOf(encodeAll(long), second)), unproved };
  const told = [{ index: beginning.length, statement }];
  const codesUnder = async (rotations: TileSource["rotations"]) => {
    const { findings } = await verifyLedger(
      rotations === undefined ? source : { ...source, rotations },
      { verificationKey: first.verificationKey },
    );
    return findings.map(({ code }) => code);
  };
  expect(await codesUnder(undefined)).toEqual(["checkpoint_unsigned"]);
  expect(await codesUnder(async () => told)).not.toContain("checkpoint_unsigned");
  expect(await findRotations({ ...source, rotations: async () => told }, key)).toEqual(told);
  const untrue = [{ index: 1, statement: await signRotation(stranger, second, nothingSigned) }];
  expect(await codesUnder(async () => untrue)).toEqual(["checkpoint_unsigned"]);
});

test("a key that the pinned one has replaced is no better than a stranger's, whatever rotations the source tells", async () => {
  const { source, served } = await endless({ ...ample, fetches: 40 }, { signer: first });
  const statement = await signRotation(first, second, nothingSigned);
  const rotations = async () => [{ index: 2 ** 40, statement }];
  const tile: TileSource["tile"] = async (path) => {
    if (served.fetches >= 80) throw new RangeError("it was read on and on");
    return await source.tile(path);
  };
  const { findings } = await verifyLedger(
    { ...source, rotations, tile },
    { verificationKey: second.verificationKey },
  );
  expect(findings.map(({ code }) => code)).toEqual(["checkpoint_unsigned"]);
  expect(served.fetches).toBeLessThanOrEqual(40);
});
