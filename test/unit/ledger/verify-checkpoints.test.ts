import { expect, test } from "@jest/globals";
import { type VerifyOptions, verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { story } from "../../vectors/ledger/story.ts";

const signer = fixedSigner(7);
const entries = encodeAll(story());
const other = encodeAll(story().with(30, story()[40] ?? { kind: "a.b", body: {} }));

const checkpoint = async (size: number, of = entries): Promise<Buffer> =>
  (await filesOf(of.slice(0, size), signer)).get("checkpoint") ?? Buffer.alloc(0);

async function codes(size: number, options: Partial<VerifyOptions>): Promise<readonly string[]> {
  const source = memorySource(await filesOf(entries.slice(0, size), signer));
  const report = await verifyLedger(source, {
    verificationKey: signer.verificationKey,
    ...options,
  });
  return report.findings
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code}: ${message}`);
}

const kept = async (...notes: readonly Promise<Buffer>[]) =>
  (await Promise.all(notes)).map((bytes, at) => ({ name: `kept-${at}`, bytes }));

test("a ledger that grew through every checkpoint that was kept verifies", async () => {
  const olderCheckpoints = await kept(
    ...[0, 1, 17, 255, 256, 257, 299, 300].map((size) => checkpoint(size)),
  );
  expect(await codes(300, { olderCheckpoints })).toEqual([]);
});

test("a deleted tail is named against any checkpoint that covered it", async () => {
  const olderCheckpoints = await kept(checkpoint(100), checkpoint(290));
  expect(await codes(280, { olderCheckpoints })).toEqual([
    "rolled_back: the ledger has 280 entries; kept-1 shows that it had 290: its tail was deleted, or an older state was put back",
  ]);
});

test("a fork between two kept checkpoints is named with both, and the one that is not the ledger's", async () => {
  const olderCheckpoints = await kept(checkpoint(100), checkpoint(100, other));
  expect(await codes(300, { olderCheckpoints })).toEqual([
    "fork: two checkpoints of 100 entries have different roots: kept-1 and kept-0",
    "history_rewritten: the first 100 entries are not those that kept-1 signs",
  ]);
});

test("entries that are missing do not hide that a kept checkpoint is of another past", async () => {
  const olderCheckpoints = await kept(checkpoint(100), checkpoint(100, other), checkpoint(280));
  const missing = "tile/entries/001.p/44";
  const found = async (...paths: readonly string[]) => {
    const files = new Map(await filesOf(entries.slice(0, 300), signer));
    for (const path of paths) files.delete(path);
    const { verificationKey } = signer;
    const report = await verifyLedger(memorySource(files), { verificationKey, olderCheckpoints });
    const errors = report.findings.filter(({ severity }) => severity === "error");
    return errors.map(({ code }) => code);
  };
  expect(await found(missing)).toEqual(["entries_missing", "fork", "history_rewritten"]);
  // Leaf hashes that do not make the signed root show no past.
  expect(await found(missing, "tile/0/001.p/44")).toEqual(["entries_missing", "fork"]);
});

test("where entries are missing and no checkpoint was kept, nothing is read for its sake", async () => {
  const files = new Map(await filesOf(encodeAll([...story(), ...story().slice(17)]), signer));
  files.delete("tile/entries/000");
  const plain = memorySource(files);
  const read: string[] = [];
  const tile = async (path: string) => {
    read.push(path);
    return await plain.tile(path);
  };
  const { verificationKey } = signer;
  const verify = async (options: Partial<VerifyOptions>) => {
    read.length = 0;
    await verifyLedger({ ...plain, tile }, { verificationKey, ...options });
    return read.filter((path) => path === "tile/0/000").length;
  };
  const without = await verify({});
  expect(await verify({ olderCheckpoints: await kept(checkpoint(100)) })).toBe(without + 1);
});

test("of a series of checkpoints one may be missing, two neighbours may not", async () => {
  const mostEntriesPerCheckpoint = 20;
  const series = [20, 40, 60, 80, 100, 120];
  const without = async (...missing: number[]) =>
    await codes(120, {
      mostEntriesPerCheckpoint,
      olderCheckpoints: await kept(
        ...series.filter((size) => !missing.includes(size)).map((size) => checkpoint(size)),
      ),
    });
  expect(await without()).toEqual([]);
  expect(await without(40, 80)).toEqual([]);
  expect(await without(60, 80)).toEqual([
    "checkpoints_missing: between the checkpoints of 40 and of 100 entries at least two neighbours are missing",
  ]);
});

test("two bundles that changed places are two findings, and not one for each entry", async () => {
  const long = encodeAll([...story(), ...story().slice(17)]);
  const files = await filesOf(long, signer);
  const [one, two] = ["tile/entries/000", "tile/entries/001"].map((path) => files.get(path));
  files
    .set("tile/entries/000", two ?? Buffer.alloc(0))
    .set("tile/entries/001", one ?? Buffer.alloc(0));
  const report = await verifyLedger(memorySource(files), {
    verificationKey: signer.verificationKey,
  });
  const moved = report.findings.filter(({ code }) => code === "file_moved");
  expect(moved.map(({ message }) => message)).toEqual([
    "tile/entries/000 holds the entries of tile/entries/001: a file was moved",
    "tile/entries/001 holds the entries of tile/entries/000: a file was moved",
  ]);
  expect(report.findings.filter(({ code }) => code === "index_mismatch")).toEqual([]);
});
