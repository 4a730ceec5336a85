import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newRecipientKeyPair } from "../../../src/crypto/enclosure.ts";
import { folderSource } from "../../../src/ledger/source-folder.ts";
import { verifyLedger } from "../../../src/ledger/verify.ts";
import { releaseEnclosed } from "../../../src/vault/release.ts";
import { type Cast, model, stage, unitedStates } from "../../support/actors.ts";
import { forEachDatabase } from "../../support/database.ts";
import { startVault, type TestVault } from "../../support/vault.ts";

forEachDatabase("a release that waits until it is published", (open) => {
  let t: TestVault;
  let cast: Cast;

  beforeAll(async () => {
    t = await startVault({
      database: await open(),
      publishes: true,
      limits: { releaseAfter: "published", releaseWaitMs: 10_000 },
    });
    cast = await stage(t.vault, { bytes: Buffer.from("weights") });
  });
  afterAll(async () => await t.stop());

  async function take() {
    const { publicKey } = await newRecipientKeyPair();
    return await releaseEnclosed(t.vault, cast.reader.caller, {
      ...model,
      revision: "main",
      paths: null,
      way: "enclosed",
      recipientKey: publicKey,
      destination: unitedStates,
    });
  }

  test("keys are given out when the store's own checkpoint covers the decision", async () => {
    const { enclosed } = await take();
    if (enclosed === null) throw new Error("not allowed");
    const source = folderSource(join(t.folder, "store", "blobs", "ledger"));
    const report = await verifyLedger(source, { verificationKey: t.verificationKey });
    expect(report).toMatchObject({ verified: true });
    expect(report.size).toBeGreaterThan(enclosed.place.index);
  });
});
