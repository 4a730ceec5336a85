import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { ConfigurationError, readConfig, settings } from "../../src/config.ts";

const example = readFileSync(new URL("../../.env.example", import.meta.url), "utf8");

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

const production = {
  WEIGHTVAULT_ENV: "production",
  DATABASE_URL: "postgres://vault@db/weightvault",
  WEIGHTVAULT_STORE_COUNTRY: "US",
  WEIGHTVAULT_SITES: '[{"name":"hq","country":"US","networks":["10.0.0.0/8"]}]',
  WEIGHTVAULT_SCREENING_LIST: "/lists/consolidated.csv",
};

test(".env.example names exactly the settings that the configuration reads", () => {
  const named = [...example.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name);
  expect(new Set(named)).toEqual(new Set(Object.keys(settings)));
  expect(named).toHaveLength(Object.keys(settings).length);
});

test(".env.example states the defaults", () => {
  const stated = Object.fromEntries(
    [...example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const { stated: _, ...fromExample } = readConfig(stated);
  const { stated: __, ...fromNothing } = readConfig({});
  expect(fromExample).toEqual(fromNothing);
});

test("the empty environment gives the embedded default on loopback", () => {
  expect(readConfig({})).toMatchObject({
    environment: "development",
    databaseUrl: null,
    host: "127.0.0.1",
    dataFolder: "./data",
    releaseAfter: "checkpoint",
  });
});

test("records are kept for five years or longer, never shorter", () => {
  expect(readConfig({}).retentionYears).toBe(5);
  expect(readConfig({ WEIGHTVAULT_RETENTION_YEARS: "10" }).retentionYears).toBe(10);
  for (const years of ["4", "0", "-5", "4.9", "five"])
    expect(problemsOf({ WEIGHTVAULT_RETENTION_YEARS: years })).toHaveLength(1);
});

test("every bad setting is reported at once, and no value is repeated", () => {
  const problems = problemsOf({
    WEIGHTVAULT_PORT: "http",
    WEIGHTVAULT_STORE_COUNTRY: "usa",
    DATABASE_URL: "mysql://root:hunter2@db",
    WEIGHTVAULT_SITES: "[",
    WEIGHTVAULT_PROT: "1",
  });
  expect(problems).toHaveLength(5);
  expect(problems.join("\n")).not.toMatch(/hunter2|usa|http$/);
  for (const name of [
    "WEIGHTVAULT_PORT",
    "WEIGHTVAULT_STORE_COUNTRY",
    "DATABASE_URL",
    "WEIGHTVAULT_SITES",
    "WEIGHTVAULT_PROT",
  ]) {
    expect(problems.some((problem) => problem.startsWith(name))).toBe(true);
  }
});

test("a license ends on its printed date unless the operator says otherwise", () => {
  expect(readConfig({}).licenseExpiry).toBe("printed-date");
  const WEIGHTVAULT_LICENSE_EXPIRY = "first-business-day";
  expect(readConfig({ WEIGHTVAULT_LICENSE_EXPIRY }).licenseExpiry).toBe("first-business-day");
});

test("the command line's own settings may stand in the server's environment", () => {
  expect(
    problemsOf({ WEIGHTVAULT_TOKEN_FILE: "/run/token", WEIGHTVAULT_URL: "http://127.0.0.1:1" }),
  ).toEqual([]);
});

test("production states its database, store country, sites and list, and is then accepted", () => {
  expect(
    problemsOf({ WEIGHTVAULT_ENV: "production" }).map((problem) => problem.split(":")[0]),
  ).toEqual([
    "DATABASE_URL",
    "WEIGHTVAULT_STORE_COUNTRY",
    "WEIGHTVAULT_SITES",
    "WEIGHTVAULT_SCREENING_LIST",
  ]);
  expect(problemsOf(production)).toEqual([]);
});

test.each([
  [{ WEIGHTVAULT_HOST: "0.0.0.0" }, /not loopback/],
  [{ WEIGHTVAULT_TLS_KEY: "key.pem" }, /go together/],
  [{ WEIGHTVAULT_SCREENING_LIST: "http://lists.example/csl.json" }, /https/],
  [
    { WEIGHTVAULT_SITES: '[{"name":"hq","country":"US","networks":["10.0.0.0/99"]}]' },
    /WEIGHTVAULT_SITES/,
  ],
  [{ WEIGHTVAULT_RELEASE_AFTER: "never" }, /WEIGHTVAULT_RELEASE_AFTER/],
  [{ WEIGHTVAULT_LICENSE_EXPIRY: "next-year" }, /WEIGHTVAULT_LICENSE_EXPIRY/],
])("%j is refused", (env, problem) => {
  expect(problemsOf(env as Record<string, string>).join("\n")).toMatch(problem);
});

test("the configuration is frozen", () => {
  expect(Object.isFrozen(readConfig({}))).toBe(true);
});

test("a chosen custodian or signer needs its settings, all of them named at once", () => {
  expect(problemsOf({ WEIGHTVAULT_CUSTODIAN: "aws-kms", WEIGHTVAULT_SIGNER: "pkcs11" })).toEqual(
    [
      "WEIGHTVAULT_KMS_REGION",
      "WEIGHTVAULT_KMS_KEY",
      "WEIGHTVAULT_PKCS11_MODULE",
      "WEIGHTVAULT_PKCS11_TOKEN",
      "WEIGHTVAULT_PKCS11_PIN_FILE",
    ].map((name) => `${name}: the chosen custodian or signer needs it`),
  );
  expect(
    problemsOf({ WEIGHTVAULT_CUSTODIAN: "soft", WEIGHTVAULT_KMS_REGION: "us-east-1" }),
  ).toEqual([]);
});

const kms = {
  WEIGHTVAULT_CUSTODIAN: "aws-kms",
  WEIGHTVAULT_SIGNER: "aws-kms",
  WEIGHTVAULT_KMS_REGION: "us-east-1",
  WEIGHTVAULT_KMS_KEY:
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
  WEIGHTVAULT_KMS_SIGNING_KEY: "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd",
};

test.each([
  ["an alias", "arn:aws:kms:us-east-1:111122223333:alias/vault"],
  ["a bare id", "1234abcd-12ab-34cd-56ef-1234567890ab"],
  ["a key of another service", "arn:aws:s3:us-east-1:111122223333:key/1234abcd"],
  ["a key of another region", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"],
])("a KMS key is named by the ARN of a key in the region, and %s is none", (_, arn) => {
  expect(problemsOf(kms)).toEqual([]);
  const [problem, ...others] = problemsOf({ ...kms, WEIGHTVAULT_KMS_KEY: arn });
  expect(problem).toMatch(/^WEIGHTVAULT_KMS_KEY: /);
  expect(others).toEqual([]);
});

test("production speaks to a KMS by https alone, except on its own machine", () => {
  const at = (endpoint: string) =>
    problemsOf({ ...production, ...kms, WEIGHTVAULT_KMS_ENDPOINT: endpoint });
  for (const endpoint of ["https://kms.internal", "http://127.0.0.1:8080", "http://localhost"])
    expect(at(endpoint)).toEqual([]);
  for (const endpoint of [
    "http://kms:8080",
    "http://localhost.example",
    "http://127.0.0.1.example",
  ])
    expect(at(endpoint)).toEqual([expect.stringMatching(/^WEIGHTVAULT_KMS_ENDPOINT: /)]);
});

test("a store in a bucket has its name and prefix, and its settings are refused without it", () => {
  const read = (env: Readonly<Record<string, string>>) => readConfig(env).s3;
  expect(read({})).toBeNull();
  expect(read({ WEIGHTVAULT_STORE: "s3://weights" })).toEqual({
    bucket: "weights",
    prefix: "",
    endpoint: null,
    region: "us-east-1",
    isPathStyle: false,
    partMemoryBytes: 256 * 2 ** 20,
    addressSeconds: 300,
    objectLock: "off",
    objectLockDays: null,
  });
  const env = {
    WEIGHTVAULT_STORE: "s3://weights/lab/sealed",
    WEIGHTVAULT_S3_ENDPOINT: "http://127.0.0.1:7070",
    WEIGHTVAULT_S3_PATH_STYLE: "true",
    WEIGHTVAULT_S3_URL_SECONDS: "0",
  };
  const expected = { prefix: "lab/sealed", isPathStyle: true, addressSeconds: 0 };
  expect(read(env)).toMatchObject(expected);
  for (const store of [
    "weights",
    "s3://",
    "s3://We",
    "s3://a/b",
    "s3://weights/../x",
    "s3://weights/",
  ])
    expect(() => read({ WEIGHTVAULT_STORE: store })).toThrow(/WEIGHTVAULT_STORE/);
  expect(() => read({ WEIGHTVAULT_S3_PATH_STYLE: "true" })).toThrow(/WEIGHTVAULT_S3_PATH_STYLE/);
  const named = { ...env, WEIGHTVAULT_S3_ENDPOINT: "http://key:secret@host" };
  expect(() => read(named)).toThrow(/WEIGHTVAULT_S3_ENDPOINT/);
});

test("a lock of the ledger's tiles names its mode and its days, and is for a bucket alone", () => {
  const bucket = { WEIGHTVAULT_STORE: "s3://weights" };
  const mode = { WEIGHTVAULT_S3_OBJECT_LOCK: "compliance" };
  const days = { WEIGHTVAULT_S3_OBJECT_LOCK_DAYS: "1827" };
  expect(readConfig({ ...bucket, ...mode, ...days }).s3).toMatchObject({
    objectLock: "compliance",
    objectLockDays: 1_827,
  });
  const together = [expect.stringContaining("WEIGHTVAULT_S3_OBJECT_LOCK_DAYS go together")];
  expect(problemsOf({ ...bucket, ...mode })).toEqual(together);
  expect(problemsOf({ ...bucket, ...days })).toEqual(together);
  expect(problemsOf({ ...mode, ...days })).toEqual([
    expect.stringMatching(/^WEIGHTVAULT_S3_OBJECT_LOCK is for WEIGHTVAULT_STORE=s3/),
    expect.stringMatching(/^WEIGHTVAULT_S3_OBJECT_LOCK_DAYS is for WEIGHTVAULT_STORE=s3/),
  ]);
  for (const wrong of [
    { WEIGHTVAULT_S3_OBJECT_LOCK: "legal-hold" },
    { ...mode, WEIGHTVAULT_S3_OBJECT_LOCK_DAYS: "0" },
    { ...mode, WEIGHTVAULT_S3_OBJECT_LOCK_DAYS: "36501" },
  ])
    expect(() => readConfig({ ...bucket, ...wrong })).toThrow(/WEIGHTVAULT_S3_OBJECT_LOCK/);
});

test("P-256 signatures of the ledger are asked for by name, of a KMS or a token, and where no witness is to cosign", () => {
  const pair = (env: Readonly<Record<string, string>>) => {
    const { ledgerSignature, ledgerNextSignature } = readConfig(env);
    return [ledgerSignature, ledgerNextSignature];
  };
  const token = {
    WEIGHTVAULT_SIGNER: "pkcs11",
    WEIGHTVAULT_PKCS11_MODULE: "/usr/lib/hsm.so",
    WEIGHTVAULT_PKCS11_TOKEN: "vault",
    WEIGHTVAULT_PKCS11_PIN_FILE: "/run/pin",
  };
  const now = { WEIGHTVAULT_LEDGER_SIGNATURE: "ecdsa-p256" };
  const next = { WEIGHTVAULT_LEDGER_NEXT_SIGNATURE: "ecdsa-p256" };
  expect(pair(token)).toEqual(["ed25519", "ed25519"]);
  expect(pair({ ...token, ...now })).toEqual(["ecdsa-p256", "ecdsa-p256"]);
  expect(pair({ ...token, ...next })).toEqual(["ed25519", "ecdsa-p256"]);
  const back = { ...now, WEIGHTVAULT_LEDGER_NEXT_SIGNATURE: "ed25519" };
  expect(pair({ ...token, ...back })).toEqual(["ecdsa-p256", "ed25519"]);
  for (const asked of [now, next, back]) {
    expect(problemsOf(asked)).toEqual([
      "WEIGHTVAULT_LEDGER_SIGNATURE: the soft signer has Ed25519 keys alone",
    ]);
    expect(problemsOf({ ...token, ...asked, WEIGHTVAULT_WITNESS_POLICY: "policy" })).toEqual([
      expect.stringContaining("witnesses cosign no ledger"),
    ]);
  }
  expect(problemsOf({ WEIGHTVAULT_LEDGER_SIGNATURE: "ecdsa-p384" })).toHaveLength(1);
});

test("the ledger's own ML-DSA-44 keys are none, one, or two while they change", () => {
  const filesOf = (text: string) =>
    readConfig({ WEIGHTVAULT_LEDGER_ML_DSA_KEYS: text }).ledgerMlDsaKeyFiles;
  expect(readConfig({}).ledgerMlDsaKeyFiles).toEqual([]);
  expect(filesOf("/keys/one.pem, /keys/two.pem")).toEqual(["/keys/one.pem", "/keys/two.pem"]);
  expect(problemsOf({ WEIGHTVAULT_LEDGER_ML_DSA_KEYS: "1,2,3" })).toEqual([
    expect.stringContaining("WEIGHTVAULT_LEDGER_ML_DSA_KEYS"),
  ]);
});

test("releases that wait for witnesses need a policy that names them", () => {
  expect(problemsOf({ WEIGHTVAULT_RELEASE_AFTER: "witnessed" })).toEqual([
    expect.stringContaining("WEIGHTVAULT_WITNESS_POLICY"),
  ]);
  const env = { WEIGHTVAULT_RELEASE_AFTER: "witnessed", WEIGHTVAULT_WITNESS_POLICY: "p" };
  expect(readConfig(env)).toMatchObject({ releaseAfter: "witnessed", witnessPolicyFile: "p" });
});

test("a time-stamping authority comes with the certificate that its stamps must lead to", () => {
  for (const env of [
    { WEIGHTVAULT_TIMESTAMP_URL: "https://tsa.example" },
    { WEIGHTVAULT_TIMESTAMP_CERTIFICATE: "tsa.pem" },
  ])
    expect(problemsOf(env)).toEqual([expect.stringContaining("go together")]);
  const both = { WEIGHTVAULT_TIMESTAMP_URL: "ftp://tsa", WEIGHTVAULT_TIMESTAMP_CERTIFICATE: "p" };
  expect(problemsOf(both)).toEqual([expect.stringContaining("WEIGHTVAULT_TIMESTAMP_URL")]);
});
