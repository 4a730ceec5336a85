import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAwsKms } from "../../src/custody/aws-kms.ts";
import { longestMessage, openAwsKmsSigner } from "../../src/custody/aws-kms-signer.ts";
import { openSoftSigner } from "../../src/custody/soft-signer.ts";
import { withFaults } from "../support/faults.ts";
import { provideAwsCredentials } from "../support/kms-credentials.ts";
import { startKmsServer } from "../support/kms-server.ts";
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

provideAwsCredentials();

signerContract(
  "the AWS KMS signer",
  async () => {
    const { endpoint, region, signingKeyArn, stop } = await startKmsServer();
    const kms = openAwsKms({ region, endpoint, timeoutMs: 20_000 });
    return {
      signer: await openAwsKmsSigner({
        kms,
        keyArn: signingKeyArn,
        name: "vault.example/ledger",
      }),
      breakDown: stop,
      close: async () => {
        kms.close();
        await stop();
      },
    };
  },
  { shortestMessage: 1, longestMessage },
);
