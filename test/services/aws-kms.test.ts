import { CreateKeyCommand, DisableKeyCommand } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type AwsKms, openAwsKms } from "../../src/custody/aws-kms.ts";
import { openAwsKmsCustodian } from "../../src/custody/aws-kms-custodian.ts";
import { openAwsKmsSigner } from "../../src/custody/aws-kms-signer.ts";
import { custodianContract } from "../contract/custodian.ts";
import { signerContract } from "../contract/signer.ts";
import { provideAwsCredentials } from "../support/kms-credentials.ts";
import { type LocalKmsServer, preparedLocalKms, startLocalKms } from "../support/local-kms.ts";

const found = preparedLocalKms();
if ("absent" in found) console.warn(`the tests on local-kms are skipped: ${found.absent}`);
const describeLocalKms = "absent" in found ? describe.skip : describe;
const context = { "weightvault:object": "1", "weightvault:repository": "2" };

provideAwsCredentials();

/** A server with a client, and what makes keys on it. */
async function start(): Promise<{
  readonly server: LocalKmsServer;
  readonly kms: AwsKms;
  readonly newKey: () => Promise<string>;
}> {
  if ("absent" in found) throw new Error(found.absent);
  const server = await startLocalKms(found);
  const { endpoint, region } = server;
  const kms = openAwsKms({ endpoint, region, timeoutMs: 20_000 });
  const newKey = async () =>
    String((await kms.client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn);
  return { server, kms, newKey };
}

describeLocalKms("on local-kms", () => {
  // Longer messages than KMS takes raw go to it as digests.
  signerContract(
    "the AWS KMS signer of P-256",
    async () => {
      const { server, kms } = await start();
      const made = await kms.client.send(
        new CreateKeyCommand({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }),
      );
      const keyArn = String(made.KeyMetadata?.Arn);
      const name = "vault.example/ledger";
      return {
        signer: await openAwsKmsSigner({ kms, keyArn, name, algorithm: "ecdsa-p256" }),
        breakDown: server.stop,
        close: async () => {
          kms.close();
          await server.stop();
        },
      };
    },
    { shortestMessage: 1, longestMessage: 65_536, algorithm: "ecdsa-p256" },
  );

  // It does not authenticate the key's ARN that its ciphertexts begin with, as KMS does: those bytes are not flipped here.
  custodianContract(
    "the AWS KMS custodian",
    async () => {
      const { server, kms, newKey } = await start();
      const [older, newer] = [await newKey(), await newKey()];
      const rotate = async () =>
        await openAwsKmsCustodian({ kms, keyArn: newer, unwrapArns: [older] });
      return {
        custodian: await openAwsKmsCustodian({ kms, keyArn: older }),
        rotate,
        disableOlder: async () => {
          await kms.client.send(new DisableKeyCommand({ KeyId: older }));
          return await rotate();
        },
        breakDown: server.stop,
        close: async () => {
          kms.close();
          await server.stop();
        },
      };
    },
    { bitsFlippedFrom: (wrapped) => 8 * (1 + wrapped.readUInt8(0)) },
  );

  describe("a key", () => {
    let started: Awaited<ReturnType<typeof start>>;

    beforeAll(async () => {
      started = await start();
    });

    afterAll(async () => {
      started.kms.close();
      await started.server.stop();
    });

    test("that is disabled refuses, and what it wrapped is not called damaged", async () => {
      const { kms, newKey } = started;
      const keyArn = await newKey();
      const custodian = await openAwsKmsCustodian({ kms, keyArn });
      const { wrapped } = await custodian.generate(context);
      await kms.client.send(new DisableKeyCommand({ KeyId: keyArn }));
      await expect(custodian.unwrap(wrapped, context, custodian.keyId)).rejects.toMatchObject({
        code: "custodian_refused",
      });
      await expect(custodian.check()).rejects.toMatchObject({ code: "custodian_refused" });
    });

    test("that another one of the server wrapped under is rejected", async () => {
      const { kms, newKey } = started;
      const one = await openAwsKmsCustodian({ kms, keyArn: await newKey() });
      const other = await openAwsKmsCustodian({ kms, keyArn: await newKey() });
      const { wrapped } = await one.generate(context);
      await expect(other.unwrap(wrapped, context, other.keyId)).rejects.toMatchObject({
        code: "wrapped_key_rejected",
      });
    });

    test("is not taken for a signer where it is for encryption", async () => {
      const { kms, newKey } = started;
      await expect(
        openAwsKmsSigner({ kms, keyArn: await newKey(), name: "vault.example/ledger" }),
      ).rejects.toMatchObject({ code: "signer_refused" });
    });

    test("of Ed25519 is none that local-kms makes, so the signer's contract runs on the tests' own server", async () => {
      const { kms } = started;
      await expect(
        kms.client.send(
          new CreateKeyCommand({ KeySpec: "ECC_NIST_EDWARDS25519", KeyUsage: "SIGN_VERIFY" }),
        ),
      ).rejects.toThrow(/ECC_NIST_EDWARDS25519|KeySpec|CustomerMasterKeySpec/);
    });
  });
});
