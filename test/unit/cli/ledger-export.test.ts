import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { exportLedger } from "../../../src/cli/ledger-export.ts";
import { showEntries } from "../../../src/cli/ledger-show.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { nothingSigned, signRotation } from "../../../src/merkle/rotation.ts";
import { encodeAll, filesOf, fixedSigner, memorySource } from "../../vectors/ledger/build.ts";
import { beginning, record } from "../../vectors/ledger/story.ts";

test("a copy of the ledger goes on after its key was replaced, under the key that it began with; another ledger's is refused", async () => {
  const [first, second, stranger] = [fixedSigner(7), fixedSigner(8), fixedSigner(9)];
  const statement = await signRotation(first, second, nothingSigned);
  const records = [...beginning, record("ledger.key-rotated", { statement })];
  const entries = encodeAll([...records, record("token.revoked", {})]);
  const rotations = [{ index: records.length - 1, statement }];
  const folder = await mkdtemp(join(tmpdir(), "weightvault-export-"));
  const copy = async (signer: typeof first, size: number) => {
    const key = parseVerificationKey(signer.verificationKey);
    if (key === null) throw new Error("the signer has no key");
    const trusted = { key, text: signer.verificationKey, isPinned: false, rotations };
    const source = memorySource(await filesOf(entries.slice(0, size), signer));
    const { signal } = new AbortController();
    return await exportLedger(source, trusted, { folder, signal });
  };
  try {
    await copy(first, records.length);
    expect(await copy(second, entries.length)).toMatchObject({ size: entries.length });
    const kept = await readFile(join(folder, "verification-key"), "utf8");
    expect(kept.trim()).toBe(first.verificationKey);
    await expect(copy(stranger, entries.length)).rejects.toMatchObject({ exit: "integrity" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("neither shown nor exported is a ledger that only a key from before the trusted one signed, whatever rotations its server tells", async () => {
  const [first, second] = [fixedSigner(7), fixedSigner(8)];
  const statement = await signRotation(first, second, nothingSigned);
  const records = [...beginning, record("ledger.key-rotated", { statement })];
  const source = memorySource(await filesOf(encodeAll(records), first));
  const rotations = [{ index: records.length - 1, statement }];
  const under = (text: string) => {
    const key = parseVerificationKey(text);
    if (key === null) throw new Error("the signer has no key");
    return { key, text, isPinned: true, rotations };
  };
  const choose = async () => [0];
  const replaced = { exit: "integrity", message: expect.stringMatching(/another had replaced/) };
  const folder = await mkdtemp(join(tmpdir(), "weightvault-export-"));
  try {
    const newer = under(second.verificationKey);
    await expect(showEntries(source, newer, choose)).rejects.toMatchObject(replaced);
    const { signal } = new AbortController();
    await expect(exportLedger(source, newer, { folder, signal })).rejects.toMatchObject(replaced);
    expect(await showEntries(source, under(first.verificationKey), choose)).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
