import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keepKeys, mlDsaHint, mlDsaKeyFile, mlDsaKeysIn } from "../../../src/cli/exported-keys.ts";
import { encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { parseVerificationKey } from "../../../src/merkle/note.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

const parsed = parseVerificationKey(verificationKey);
if (parsed === null) throw new Error("the signer has no key");
const key = { key: parsed, text: verificationKey, isPinned: true, rotations: [] };
const [first, second] = [mlDsaKey(), mlDsaKey()];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-keys-"));
});
afterAll(async () => await rm(folder, { recursive: true }));

test("an ML-DSA-44 key is kept under its own id: one that follows stands beside it, and a copy of the copy has both", async () => {
  await keepKeys(folder, key, [first]);
  await keepKeys(folder, key, [second]);
  const files = [mlDsaKeyFile(first.keyId), mlDsaKeyFile(second.keyId)].toSorted();
  expect((await readdir(folder)).toSorted()).toEqual([...files, "verification-key"]);
  const kept = await readFile(join(folder, mlDsaKeyFile(first.keyId)), "utf8");
  expect(kept).toBe(`${encodeCosignerKey(first)}\n`);
  const ids = (await mlDsaKeysIn(folder)).map(({ keyId }) => keyId);
  expect(ids).toEqual([first.keyId, second.keyId].toSorted());
});

test("a hint names the ML-DSA-44 keys of a folder to whoever demands none, and to nobody else", async () => {
  expect(await mlDsaHint(folder, undefined)).toMatch(first.keyId);
  expect(await mlDsaHint(folder, undefined)).toMatch(/compare one with what you were handed/);
  expect(await mlDsaHint(folder, encodeCosignerKey(first))).toBeNull();
  expect(await mlDsaHint(join(folder, "elsewhere"), undefined)).toBeNull();
});

test("another ledger's ML-DSA-44 key is not kept, and a key that stands under another's id is neither replaced nor passed on", async () => {
  const others = freshCosigner("other.example/ledger", "ml-dsa-44").key;
  const integrity = { exit: "integrity" };
  await expect(keepKeys(folder, key, [others])).rejects.toMatchObject(integrity);
  const file = join(folder, mlDsaKeyFile(first.keyId));
  const wrong = `${encodeCosignerKey(second)}\n`;
  await writeFile(file, wrong);
  await expect(keepKeys(folder, key, [first])).rejects.toMatchObject(integrity);
  expect(await readFile(file, "utf8")).toBe(wrong);
  await expect(mlDsaKeysIn(folder)).rejects.toMatchObject(integrity);
});

function mlDsaKey() {
  return freshCosigner(signer.name, "ml-dsa-44").key;
}
