import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSoftSigner } from "../../src/custody/soft-signer.ts";
import { withFaults } from "../support/faults.ts";
import { type SignerUnderTest, signerContract } from "./signer.ts";

async function openSoft(): Promise<SignerUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-signer-"));
  const file = join(folder, "ledger-key.pem");
  const name = "vault.example/ledger";
  return {
    signer: await openSoftSigner({ mayMake: true, file, name, environment: "development" }),
    breakDown: () => rm(file),
    close: () => rm(folder, { recursive: true }),
  };
}

signerContract("the soft signer", openSoft);

signerContract("a signer that can be made to fail, and is not", async () => {
  const opened = await openSoft();
  return { ...opened, signer: withFaults(opened.signer).port };
});
