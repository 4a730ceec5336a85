import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type Disclosed, exportExcerpt } from "../../../src/cli/ledger-excerpt.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { encodeAll, filesOf, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, decided } from "../../vectors/ledger/story.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";

const key = parseVerificationKey(verificationKey);
if (key === null) throw new Error("the signer has no key");
const pinned = { key, text: verificationKey, isPinned: true, rotations: [] };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-excerpt-"));
  await mkdir(join(folder, "in"));
});
afterEach(async () => await rm(folder, { recursive: true }));

async function exported(release: string | null, disclosed: Disclosed) {
  const denied = decided("denied", "r", release === null ? {} : { release });
  const source = memorySource(await filesOf(encodeAll([...beginning, denied]), signer));
  return await exportExcerpt(source, pinned, {
    folder: join(folder, "in", "part"),
    selection: { thing: null, from: "2020-01-01T00:00:00.000Z", until: null },
    disclose: async () => disclosed,
  });
}

test("a server that names a rulebook by no digest writes no file outside of the excerpt", async () => {
  for (const digest of ["../../../taken", `${"a".repeat(64)}/../../../../taken`, ""]) {
    const disclosed = { evidence: {}, rulebook: { digest, content: {} } };
    await expect(exported(null, disclosed)).rejects.toMatchObject({ exit: "integrity" });
    expect(await readdir(folder)).toEqual(["in"]);
    expect(await readdir(join(folder, "in"))).toEqual([]);
  }
});

test("a ledger that names a release by no id writes no file outside of the excerpt", async () => {
  const excerpt = await exported("../../../taken", { evidence: {}, rulebook: null });
  expect(excerpt.evidence).toEqual([]);
  expect(await readdir(folder)).toEqual(["in"]);
  expect(await readdir(join(folder, "in", "part", "evidence"))).toEqual([]);
});

const some = encodeAll([
  ...beginning,
  ...Array.from({ length: 300 }, (_, at) => decided("denied", `number ${at}`)),
]);
const everything = { thing: null, from: "2020-01-01T00:00:00.000Z", until: null };

test("entries that are written side by side ask for each bundle once, and each file holds its own entry", async () => {
  const source = memorySource(await filesOf(some, signer));
  const asked: string[] = [];
  const counting: typeof source = {
    ...source,
    tile: async (path) => {
      asked.push(path);
      await new Promise((resolve) => setImmediate(resolve));
      return await source.tile(path);
    },
  };
  const part = join(folder, "in", "part");
  const to = { folder: part, selection: everything, disclose: null };
  const { entries } = await exportExcerpt(counting, pinned, to);
  expect(entries).toEqual([...some.keys()]);
  for (const [index, bytes] of some.entries())
    expect(await readFile(join(part, "entries", `${index}.json`))).toEqual(bytes);
  const bundles = asked.filter((path) => path.startsWith("tile/entries/"));
  // Once where the whole ledger is verified, and once for all that are in the excerpt.
  expect(bundles.toSorted()).toEqual([...new Set(bundles), ...new Set(bundles)].toSorted());
});

test("an excerpt whose bundle is gone once it was verified is not there, nor any part of it", async () => {
  const source = memorySource(await filesOf(some, signer));
  let reads = 0;
  const failing: typeof source = {
    ...source,
    tile: async (path) => {
      if (path === "tile/entries/000") reads += 1;
      return path === "tile/entries/000" && reads > 1 ? null : await source.tile(path);
    },
  };
  const to = { folder: join(folder, "in", "part"), selection: everything, disclose: null };
  await expect(exportExcerpt(failing, pinned, to)).rejects.toMatchObject({ exit: "integrity" });
  expect(reads).toBe(2);
  expect(await readdir(join(folder, "in"))).toEqual([]);
});
