import { expect, test } from "@jest/globals";
import { Failure } from "../../../src/cli/failure.ts";
import { pinnedKey } from "../../../src/cli/ledger-key.ts";
import { fixedSigner } from "../../vectors/ledger/build.ts";

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
