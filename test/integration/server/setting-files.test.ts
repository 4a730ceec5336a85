import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { newCosigningPem } from "../../../src/custody/cosigning-key.ts";
import { encodeCosignerKey } from "../../../src/merkle/cosignature.ts";
import { encodeVerificationKey } from "../../../src/merkle/note.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { refusedStart } from "../../support/server-process.ts";
import { freshCosigner, freshSigner } from "../../unit/merkle/signed-texts.ts";
import { embeddedPlace } from "./served.ts";

/** Puts files into the place's folder, readable to their owner alone, and gives where each lies. */
async function filesIn(folder: string, files: Readonly<Record<string, string | Buffer>>) {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), content, { mode: name === "kek" ? 0o644 : 0o600 });
  return (name: string) => join(folder, name);
}

/** A refused start's problems, each with its setting. */
async function problemsOf(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { code, said } = await refusedStart(env);
  expect({ code, said }).toEqual({
    code: 1,
    said: expect.stringMatching(/^weightvault does not start: the configuration is not usable:\n/),
  });
  return said.trimEnd().split("\n").slice(1);
}

test("one start tells of every file that a setting names and that cannot be used, and makes nothing", async () => {
  await using place = await embeddedPlace();
  const at = await filesIn(place.folder, {
    policy: "witness a\n",
    ed25519: newCosigningPem("ed25519"),
    stamps: "no PEM",
    "model-1": "no PEM",
    "model-2": newCosigningPem("ed25519"),
    "tls-key": "no PEM",
    "ledger-key.pem": "no PEM",
    kek: Buffer.alloc(32),
  });
  const problems = await problemsOf({
    ...place.env,
    WEIGHTVAULT_WITNESS_POLICY: at("policy"),
    WEIGHTVAULT_LEDGER_ML_DSA_KEYS: `${at("ed25519")},${at("absent")}`,
    WEIGHTVAULT_TIMESTAMP_URL: "http://127.0.0.1:9/",
    WEIGHTVAULT_TIMESTAMP_CERTIFICATE: at("stamps"),
    WEIGHTVAULT_MODEL_SIGNING_KEYS: `${at("model-1")},${at("model-2")}`,
    WEIGHTVAULT_TLS_CERTIFICATE: at("absent"),
    WEIGHTVAULT_TLS_KEY: at("tls-key"),
    WEIGHTVAULT_SCREENING_LIST: at("absent"),
  });
  expect(problems).toEqual([
    `  WEIGHTVAULT_DATA: the key file ${at("kek")} must have mode 0600`,
    `  WEIGHTVAULT_DATA: the key file ${at("ledger-key.pem")} is not a private key in PEM`,
    `  WEIGHTVAULT_LEDGER_ML_DSA_KEYS: the key file ${at("ed25519")} is not an ML-DSA-44 key`,
    `  WEIGHTVAULT_LEDGER_ML_DSA_KEYS: the key file ${at("absent")} is missing: \`weightvault custody init\` makes it once`,
    expect.stringMatching(
      new RegExp(
        `^  WEIGHTVAULT_WITNESS_POLICY: the witness policy ${at("policy")} is not a policy`,
      ),
    ),
    `  WEIGHTVAULT_TIMESTAMP_CERTIFICATE: the time-stamping certificate ${at("stamps")} is no certificate in PEM`,
    `  WEIGHTVAULT_MODEL_SIGNING_KEYS: the model signing keys ${at("model-1")}: there is no public key or certificate in PEM`,
    `  WEIGHTVAULT_MODEL_SIGNING_KEYS: the model signing keys ${at("model-2")}: a private key is neither a public key nor a certificate`,
    `  WEIGHTVAULT_TLS_CERTIFICATE: ${at("absent")} is no file`,
    `  WEIGHTVAULT_TLS_KEY: ${at("tls-key")} is no private key that TLS can use`,
    `  WEIGHTVAULT_SCREENING_LIST: the denied-party list ${at("absent")} cannot be read`,
  ]);
});

test("files that are each whole and do not go together are told with the others", async () => {
  await using place = await embeddedPlace();
  const validAt = new Date();
  const [own, other] = [
    await makeCertificate({ name: "vault.example", validAt }),
    await makeCertificate({ name: "vault.example", validAt }),
  ];
  const witness = encodeCosignerKey(freshCosigner("w.example/1").key);
  const log = freshSigner("localhost/weightvault").key;
  const mlDsa = newCosigningPem("ml-dsa-44");
  const at = await filesIn(place.folder, {
    policy: `log ${encodeVerificationKey(log.name, log.publicKey)}\nwitness a ${witness} https://w.example\nquorum a\n`,
    "ledger-key.pem": newCosigningPem("ed25519"),
    one: mlDsa,
    two: mlDsa,
    certificate: own.pem,
    key: other.privateKey.export({ type: "pkcs8", format: "pem" }),
  });
  const problems = await problemsOf({
    ...place.env,
    WEIGHTVAULT_WITNESS_POLICY: at("policy"),
    WEIGHTVAULT_LEDGER_ML_DSA_KEYS: `${at("one")},${at("two")}`,
    WEIGHTVAULT_TLS_CERTIFICATE: at("certificate"),
    WEIGHTVAULT_TLS_KEY: at("key"),
  });
  expect(problems).toEqual([
    `  WEIGHTVAULT_LEDGER_ML_DSA_KEYS: the key file ${at("two")} holds the same key as another`,
    `  WEIGHTVAULT_WITNESS_POLICY: the witness policy ${at("policy")} lists other logs than this ledger`,
    `  WEIGHTVAULT_TLS_CERTIFICATE, WEIGHTVAULT_TLS_KEY: the certificate is not of the key`,
  ]);
});

test("the PIN of a token is looked for before the token is", async () => {
  await using place = await embeddedPlace();
  const at = await filesIn(place.folder, { pin: "\n", policy: "quorum none\n" });
  const token = {
    WEIGHTVAULT_CUSTODIAN: "pkcs11",
    WEIGHTVAULT_SIGNER: "pkcs11",
    WEIGHTVAULT_PKCS11_MODULE: "/absent.so",
    WEIGHTVAULT_PKCS11_TOKEN: "weightvault",
    WEIGHTVAULT_WITNESS_POLICY: at("policy"),
    WEIGHTVAULT_TIMESTAMP_URL: "http://127.0.0.1:9/",
    WEIGHTVAULT_TIMESTAMP_CERTIFICATE: at("absent"),
  };
  for (const [name, why] of [
    ["pin", "is empty"],
    ["absent", "is missing"],
  ] as const)
    expect(
      await problemsOf({ ...place.env, ...token, WEIGHTVAULT_PKCS11_PIN_FILE: at(name) }),
    ).toEqual([
      `  WEIGHTVAULT_PKCS11_PIN_FILE: the key file ${at(name)} ${why}`,
      `  WEIGHTVAULT_WITNESS_POLICY: the witness policy ${at("policy")} asks for no witness`,
      `  WEIGHTVAULT_TIMESTAMP_CERTIFICATE: the time-stamping certificate ${at("absent")} is no file`,
    ]);
});
