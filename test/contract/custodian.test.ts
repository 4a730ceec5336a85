import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAwsKms } from "../../src/custody/aws-kms.ts";
import { openAwsKmsCustodian } from "../../src/custody/aws-kms-custodian.ts";
import { openSoftCustodian } from "../../src/custody/soft-custodian.ts";
import { withFaults } from "../support/faults.ts";
import { provideAwsCredentials } from "../support/kms-credentials.ts";
import { startKmsServer } from "../support/kms-server.ts";
import { type CustodianUnderTest, custodianContract } from "./custodian.ts";

async function openSoft(): Promise<CustodianUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "weightvault-custodian-"));
  const file = join(folder, "kek");
  return {
    custodian: await openSoftCustodian({ mayMake: true, file, environment: "development" }),
    breakDown: () => rm(file),
    close: () => rm(folder, { recursive: true }),
  };
}

custodianContract("the soft key custodian", openSoft);

custodianContract("a custodian that can be made to fail, and is not", async () => {
  const opened = await openSoft();
  return { ...opened, custodian: withFaults(opened.custodian).port };
});

provideAwsCredentials();

custodianContract("the AWS KMS custodian", async () => {
  const { endpoint, region, keyArn, stop } = await startKmsServer();
  const kms = openAwsKms({ region, endpoint, timeoutMs: 20_000 });
  return {
    custodian: await openAwsKmsCustodian({ kms, keyArn }),
    breakDown: stop,
    close: async () => {
      kms.close();
      await stop();
    },
  };
});
