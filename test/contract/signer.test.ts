import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAwsKms } from "../../src/custody/aws-kms.ts";
import { longestMessage, openAwsKmsSigner } from "../../src/custody/aws-kms-signer.ts";
import type { SignatureAlgorithm } from "../../src/custody/signer.ts";
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

/** On a server of its own, with the key of that algorithm. */
async function openOnKms(algorithm: SignatureAlgorithm): Promise<SignerUnderTest> {
  const { endpoint, region, signingKeyArn, p256KeyArn, stop } = await startKmsServer();
  const kms = openAwsKms({ region, endpoint, timeoutMs: 20_000 });
  return {
    signer: await openAwsKmsSigner({
      kms,
      keyArn: algorithm === "ed25519" ? signingKeyArn : p256KeyArn,
      name: "vault.example/ledger",
      algorithm,
    }),
    breakDown: stop,
    close: async () => {
      kms.close();
      await stop();
    },
  };
}

signerContract("the AWS KMS signer", async () => await openOnKms("ed25519"), {
  shortestMessage: 1,
  longestMessage,
});

signerContract("the AWS KMS signer of P-256", async () => await openOnKms("ecdsa-p256"), {
  shortestMessage: 1,
  longestMessage,
  algorithm: "ecdsa-p256",
});
