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
  const open = async () =>
    await openSoftCustodian({ mayMake: false, file, environment: "development" });
  return {
    custodian: await openSoftCustodian({ mayMake: true, file, environment: "development" }),
    rotate: async () => {
      const custodian = await open();
      await custodian.renew();
      return custodian;
    },
    disableOlder: async () => {
      await rm(file, { force: true });
      return await open();
    },
    breakDown: () => rm(`${file}.2`),
    close: () => rm(folder, { recursive: true }),
  };
}

custodianContract("the soft key custodian", openSoft);

custodianContract("a custodian that can be made to fail, and is not", async () => {
  const opened = await openSoft();
  const rotate = async () => withFaults(await opened.rotate()).port;
  return { ...opened, custodian: withFaults(opened.custodian).port, rotate };
});

provideAwsCredentials();

custodianContract("the AWS KMS custodian", async () => {
  const server = await startKmsServer();
  const { endpoint, region, keyArn, otherKeyArn, stop } = server;
  const kms = openAwsKms({ region, endpoint, timeoutMs: 20_000 });
  const rotate = async () =>
    await openAwsKmsCustodian({ kms, keyArn: otherKeyArn, unwrapArns: [keyArn] });
  return {
    custodian: await openAwsKmsCustodian({ kms, keyArn }),
    rotate,
    disableOlder: async () => {
      server.disable(keyArn);
      return await rotate();
    },
    breakDown: stop,
    close: async () => {
      kms.close();
      await stop();
    },
  };
});
