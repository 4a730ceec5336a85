import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
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
