import { expect, test } from "@jest/globals";
import { Failure } from "../../../src/cli/failure.ts";
import { pinnedKey, pinnedMlDsaKey } from "../../../src/cli/ledger-key.ts";
import { encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";
import { freshCosigner } from "../merkle/signed-texts.ts";

const { verificationKey } = fixedSigner(7);

test("a key that is given goes before the environment's, and without either none is pinned", async () => {
  const env = { WEIGHTVAULT_LEDGER_KEY: fixedSigner(8).verificationKey };
  expect((await pinnedKey(env, verificationKey))?.text).toBe(verificationKey);
  expect((await pinnedKey(env, undefined))?.text).toBe(env.WEIGHTVAULT_LEDGER_KEY);
  expect(await pinnedKey({ WEIGHTVAULT_LEDGER_KEY: "" }, undefined)).toBeNull();
});

test("a key that is given as an empty text is refused, and not taken for none", async () => {
  await expect(pinnedKey({}, "")).rejects.toThrow(Failure);
});

test("the ledger's ML-DSA-44 key is taken under its own name and of its own algorithm alone", async () => {
  const ledger = { name: "vault.example/ledger" };
  const own = freshCosigner(ledger.name, "ml-dsa-44");
  expect(await pinnedMlDsaKey(undefined, ledger)).toBeNull();
  expect(await pinnedMlDsaKey(encodeCosignerKey(own.key), ledger)).toEqual(own.key);
  const witness = freshCosigner("w.example/1", "ml-dsa-44");
  const edwards = freshCosigner(ledger.name, "ed25519");
  const wrong = [witness.key, edwards.key].map(encodeCosignerKey);
  for (const given of [...wrong, verificationKey, "", "a+b"])
    await expect(pinnedMlDsaKey(given, ledger)).rejects.toThrow(Failure);
});

test("a file that cannot be read for the ML-DSA-44 key is named with what the system says of it", async () => {
  const reading = (file: string) => pinnedMlDsaKey(file, { name: "vault.example/ledger" });
  const long = "x".repeat(300);
  await expect(reading(long)).rejects.toThrow(
    `${long} cannot be opened: its name is too long (ENAMETOOLONG)`,
  );
  await expect(reading("/nowhere/key")).rejects.toThrow(
    'neither an ML-DSA-44 key nor a file that can be read: "/nowhere/key"',
  );
});
