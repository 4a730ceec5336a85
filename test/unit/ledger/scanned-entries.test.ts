import { expect, test } from "@jest/globals";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { encodeAll, filesOf, memorySource } from "../../vectors/ledger/build.ts";
import { story } from "../../vectors/ledger/story.ts";
import { signer, verificationKey } from "../../vectors/ledger/tell.ts";

test("each entry that the verifier shows is written as JSON as it stands in the ledger", async () => {
  const entries = encodeAll(story());
  const shown: unknown[] = [];
  await verifyLedger(memorySource(await filesOf(entries, signer)), {
    verificationKey,
    replay: (entry) => {
      shown.push(JSON.parse(JSON.stringify(entry)));
      return null;
    },
  });
  expect(shown).toEqual(entries.map((bytes) => JSON.parse(bytes.toString("utf8"))));
});
