import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { readConfig } from "../../../src/config.ts";
import { openCustody } from "../../../src/custodians.ts";
import { type AwsKms, openAwsKms } from "../../../src/custody/aws-kms.ts";
import { openAwsKmsCustodian } from "../../../src/custody/aws-kms-custodian.ts";
import { openAwsKmsSigner } from "../../../src/custody/aws-kms-signer.ts";
import type { Custodian } from "../../../src/custody/custodian.ts";
import type { Signer } from "../../../src/custody/signer.ts";
import { provideAwsCredentials } from "../../support/kms-credentials.ts";
import { type KmsFault, type KmsServer, startKmsServer } from "../../support/kms-server.ts";

provideAwsCredentials();

const context = { "weightvault:object": "1", "weightvault:repository": "2" };
const name = "vault.example/ledger";

/** As AWS words it, account and role included. */
const accessDenied: KmsFault = {
  status: 400,
  type: "AccessDeniedException",
  message:
    "User: arn:aws:sts::111122223333:assumed-role/vault/node is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:111122223333:key/1234abcd because no resource-based policy allows the kms:Decrypt action",
};
const throttled: KmsFault = {
  status: 400,
  type: "ThrottlingException",
  message: "You have exceeded the rate at which you may call KMS. Reduce the frequency.",
};
const internal: KmsFault = { status: 500, type: "KMSInternalException", message: "" };

let server: KmsServer;
let kms: AwsKms;
let custodian: Custodian;
let signer: Signer;

beforeEach(async () => {
  server = await startKmsServer();
  const { region, endpoint, keyArn, signingKeyArn } = server;
  kms = openAwsKms({ region, endpoint, timeoutMs: 20_000 });
  custodian = await openAwsKmsCustodian({ kms, keyArn });
  signer = await openAwsKmsSigner({ kms, keyArn: signingKeyArn, name });
});

afterEach(async () => {
  kms.close();
  await server.stop();
});

/** How often an operation was asked for while `work` went on. */
async function asked(operation: string, work: () => Promise<unknown>): Promise<number> {
  const before = server.asked.length;
  await work();
  return server.asked.slice(before).filter((each) => each === operation).length;
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return await work.then(
    () => ({ code: "none", message: "" }),
    (error: { code: string; message: string }) => error,
  );
}

describe("faults that pass", () => {
  test.each<[string, KmsFault]>([
    ["a throttled call", throttled],
    ["an internal error", internal],
    ["a cut connection", "cut"],
  ])("%s is made again", async (_, fault) => {
    server.arm("Decrypt", fault);
    expect(await asked("Decrypt", () => custodian.generate(context))).toBe(2);
  });

  test("an attempt that hangs is given up and made again", async () => {
    const { region, endpoint, signingKeyArn } = server;
    const hasty = openAwsKms({ region, endpoint, timeoutMs: 500 });
    server.arm("Sign", "silence");
    const patient = { ...hasty, deadlineMs: 60_000 };
    const open = () => openAwsKmsSigner({ kms: patient, keyArn: signingKeyArn, name });
    expect(await asked("Sign", open)).toBeGreaterThan(1);
    hasty.close();
  });

  test.each<[string, KmsFault]>([
    ["throttling", throttled],
    ["an internal error", internal],
    ["a cut connection", "cut"],
  ])("%s that does not end after four attempts is an outage", async (_, fault) => {
    server.arm("GenerateDataKey", fault, 9);
    server.arm("Sign", fault, 9);
    const calls = await asked("GenerateDataKey", async () => {
      expect((await failure(custodian.generate(context))).code).toBe("custodian_unavailable");
    });
    expect(calls).toBe(4);
    expect((await failure(signer.sign(Buffer.from("x")))).code).toBe("signer_unavailable");
  });

  test("an answer that never comes is an outage at the deadline of the whole call", async () => {
    server.arm("Decrypt", "silence", 99);
    const quick = { ...kms, deadlineMs: 300 };
    const hasty = await failure(openAwsKmsCustodian({ kms: quick, keyArn: server.keyArn }));
    expect(hasty.code).toBe("custodian_unavailable");
  });
});

describe("refusals", () => {
  test("a denied call is a refusal at once, made once, and repeats nothing of what KMS said", async () => {
    server.arm("GenerateDataKey", accessDenied, 9);
    const calls = await asked("GenerateDataKey", async () => {
      const { code, message } = await failure(custodian.check());
      expect(code).toBe("custodian_refused");
      expect(message).toContain("AccessDeniedException");
      expect(message).not.toMatch(/arn:|111122223333|assumed-role/u);
    });
    expect(calls).toBe(1);
    server.arm("Sign", accessDenied);
    expect((await failure(signer.check())).code).toBe("signer_refused");
  });

  test("a disabled key refuses, and a wrapped key under it is not called damaged", async () => {
    const { wrapped } = await custodian.generate(context);
    server.disable(server.keyArn);
    server.disable(server.signingKeyArn);
    const { code, message } = await failure(custodian.unwrap(wrapped, context, custodian.keyId));
    expect(code).toBe("custodian_refused");
    expect(message).toContain("DisabledException");
    expect((await failure(custodian.check())).code).toBe("custodian_refused");
    expect((await failure(signer.check())).code).toBe("signer_refused");
  });

  test("a re-wrap is made inside KMS, with the context on both sides, and proved by opening both", async () => {
    const { wrapped, keyId } = await custodian.generate(context);
    const { keyArn, otherKeyArn } = server;
    const rotated = await openAwsKmsCustodian({ kms, keyArn: otherKeyArn, unwrapArns: [keyArn] });
    const before = server.asked.length;
    expect((await rotated.rewrap(wrapped, context, keyId)).keyId).toBe(otherKeyArn);
    expect(server.asked.slice(before)).toEqual(["ReEncrypt", "Decrypt", "Decrypt"]);
  });

  test("an answer to a re-wrap under another key than the new one is not taken", async () => {
    const { wrapped, keyId } = await custodian.generate(context);
    const { keyArn, otherKeyArn } = server;
    const rotated = await openAwsKmsCustodian({ kms, keyArn: otherKeyArn, unwrapArns: [keyArn] });
    server.answerAs("ReEncrypt", keyArn);
    expect((await failure(rotated.rewrap(wrapped, context, keyId))).code).toBe("custodian_refused");
  });

  test("a wrap under a disabled older key says that its key is disabled, and an outage is still an outage", async () => {
    const { wrapped, keyId } = await custodian.generate(context);
    const { keyArn, otherKeyArn } = server;
    const rotated = await openAwsKmsCustodian({ kms, keyArn: otherKeyArn, unwrapArns: [keyArn] });
    server.arm("ReEncrypt", throttled, 9);
    expect((await failure(rotated.rewrap(wrapped, context, keyId))).code).toBe(
      "custodian_unavailable",
    );
    server.disable(keyArn);
    const refused = await failure(rotated.unwrap(wrapped, context, keyId));
    expect(refused.code).toBe("custodian_refused");
    expect(refused.message).toMatch(/^the key in AWS KMS is disabled.*DisabledException/);
    expect(refused.message).not.toContain("arn:");
  });

  test("a key that does not exist, or is of another kind, does not open", async () => {
    const { signingKeyArn, keyArn } = server;
    const absent = `${keyArn.slice(0, -4)}0000`;
    expect((await failure(openAwsKmsCustodian({ kms, keyArn: absent }))).code).toBe(
      "custodian_refused",
    );
    expect((await failure(openAwsKmsCustodian({ kms, keyArn: signingKeyArn }))).code).toBe(
      "custodian_refused",
    );
    expect((await failure(openAwsKmsSigner({ kms, keyArn, name }))).code).toBe("signer_refused");
  });

  test("a P-256 key does not open unless it was asked for, nor an Ed25519 key where P-256 was", async () => {
    const { signingKeyArn, p256KeyArn } = server;
    for (const [keyArn, algorithm, takes] of [
      [p256KeyArn, "ed25519", "ECC_NIST_P256, which WEIGHTVAULT_LEDGER_SIGNATURE=ecdsa-p256 takes"],
      [
        signingKeyArn,
        "ecdsa-p256",
        "ECC_NIST_EDWARDS25519, which WEIGHTVAULT_LEDGER_SIGNATURE=ed25519 takes",
      ],
    ] as const) {
      const refused = await failure(openAwsKmsSigner({ kms, keyArn, name, algorithm }));
      expect(refused).toMatchObject({
        code: "configuration_invalid",
        message: expect.stringContaining(takes),
      });
    }
    const env = {
      WEIGHTVAULT_SIGNER: "aws-kms",
      WEIGHTVAULT_CUSTODIAN: "aws-kms",
      WEIGHTVAULT_KMS_REGION: server.region,
      WEIGHTVAULT_KMS_ENDPOINT: server.endpoint,
      WEIGHTVAULT_KMS_TIMEOUT_MS: "20000",
      WEIGHTVAULT_KMS_KEY: server.keyArn,
      WEIGHTVAULT_KMS_SIGNING_KEY: p256KeyArn,
      WEIGHTVAULT_KMS_NEXT_SIGNING_KEY: signingKeyArn,
      WEIGHTVAULT_LEDGER_NEXT_SIGNATURE: "ed25519",
    };
    const options = { folder: ".", mayMake: false };
    expect((await failure(openCustody(readConfig(env), options))).code).toBe(
      "configuration_invalid",
    );
    const asked = readConfig({ ...env, WEIGHTVAULT_LEDGER_SIGNATURE: "ecdsa-p256" });
    const custody = await openCustody(asked, options);
    const next = await custody.openNextSigner();
    expect([custody.signer.publicKey.length, next.signer.publicKey.length]).toEqual([91, 32]);
    expect(await next.install()).toContain("and WEIGHTVAULT_LEDGER_SIGNATURE=ed25519;");
    await custody.close();
  });

  test("a key wrapped under another key of the same account is rejected", async () => {
    const other = await openAwsKmsCustodian({ kms, keyArn: server.otherKeyArn });
    const { wrapped } = await other.generate(context);
    expect((await failure(custodian.unwrap(wrapped, context, custodian.keyId))).code).toBe(
      "wrapped_key_rejected",
    );
  });

  test.each(["GenerateDataKey", "Encrypt", "Decrypt"])(
    "an answer to %s under another key than the one named is not taken",
    async (operation) => {
      const { dataKey } = await custodian.generate(context);
      server.answerAs(operation, server.otherKeyArn);
      const used = operation === "GenerateDataKey" ? custodian.generate(context) : null;
      expect((await failure(used ?? custodian.wrap(dataKey, context))).code).toBe(
        "custodian_refused",
      );
    },
  );

  test("a signature under another key than the one named is not given out", async () => {
    server.answerAs("Sign", server.keyArn);
    expect((await failure(signer.sign(Buffer.from("x")))).code).toBe("signer_refused");
  });
});

test("a message longer than KMS signs at once is refused before it is sent", async () => {
  const before = server.asked.length;
  await expect(signer.sign(Buffer.alloc(4_097))).rejects.toThrow(RangeError);
  expect(server.asked).toHaveLength(before);
});
