import { z } from "zod";

/** A place of ours: requests from its networks come from its country. */
export type Site = {
  readonly name: string;
  readonly country: string;
  readonly networks: readonly string[];
};

export type Config = Readonly<z.output<typeof schema>> & {
  /** What the environment states itself and not only by default: production demands these. */
  readonly stated: { readonly storeCountry: boolean; readonly sites: boolean };
};

const country = z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 code in upper case");
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.number().min(least).max(most));
const commaList = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);
const bucketUrl = z
  .string()
  .regex(
    /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}){0,4}$/,
    "must be s3://bucket or s3://bucket/prefix",
  )
  .transform((text) => {
    const [bucket = "", ...prefix] = text.slice("s3://".length).split("/");
    return { bucket, prefix: prefix.join("/") };
  });
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, "must be a postgres:// URL");

/** Who keeps a key: a file of this machine, AWS KMS, or a PKCS #11 token. */
const keeper = z.enum(["soft", "aws-kms", "pkcs11"]);
/** What the ledger is signed with. C2SP verifiers all read Ed25519; P-256 is for an HSM that has no other. */
const signature = z.enum(["ed25519", "ecdsa-p256"]);
/** A key's ARN: an alias may be pointed elsewhere, and an id alone leaves account and region to whoever's credentials are found. */
const kmsKey = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
    "must be the ARN of a key, not of an alias",
  );

const sites = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue({ code: "custom", message: "must be JSON" });
      return z.NEVER;
    }
  })
  .pipe(
    z.array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9-]{1,64}$/, "must be lower-case letters, digits and dashes"),
        country,
        networks: z.array(z.union([z.cidrv4(), z.cidrv6()])).min(1),
      }),
    ),
  );

/** The site of the embedded default: the machine that it runs on, taken to stand in the United States. */
const loopbackSite: readonly Site[] = [
  { name: "local", country: "US", networks: ["127.0.0.0/8", "::1/128"] },
];

/** Every setting, once: its name in the environment, what it admits and what holds without it. */
export const settings = {
  WEIGHTVAULT_ENV: z.enum(["development", "production"]).default("development"),
  WEIGHTVAULT_DATA: z.string().min(1).default("./data"),
  WEIGHTVAULT_HOST: z.string().min(1).default("127.0.0.1"),
  WEIGHTVAULT_PORT: wholeNumber(0, 65_535).default(7373),
  WEIGHTVAULT_TLS_CERTIFICATE: z.string().min(1).optional(),
  WEIGHTVAULT_TLS_KEY: z.string().min(1).optional(),
  WEIGHTVAULT_TRUSTED_PROXIES: commaList.default([]),
  WEIGHTVAULT_STORE_COUNTRY: country.default("US"),
  WEIGHTVAULT_STORE: bucketUrl.optional(),
  WEIGHTVAULT_S3_ENDPOINT: z
    .string()
    .regex(/^https?:\/\/[^/@?#]+\/?$/, "must be an http: or https: address without a path")
    .optional(),
  WEIGHTVAULT_S3_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, "must be a region's name")
    .default("us-east-1"),
  WEIGHTVAULT_S3_PATH_STYLE: z.enum(["true", "false"]).default("false"),
  WEIGHTVAULT_S3_PART_MEMORY_MIB: wholeNumber(16, 1_048_576).default(256),
  /** How long an address at which a client reads a sealed object from the bucket lives; 0: all bytes go through the vault. */
  WEIGHTVAULT_S3_URL_SECONDS: wholeNumber(0, 3_600).default(300),
  /** How S3 Object Lock keeps the full tiles of the published ledger, and for how many days from their writing. */
  WEIGHTVAULT_S3_OBJECT_LOCK: z.enum(["off", "governance", "compliance"]).default("off"),
  WEIGHTVAULT_S3_OBJECT_LOCK_DAYS: wholeNumber(1, 36_500).optional(),
  WEIGHTVAULT_SITES: sites.optional(),
  DATABASE_URL: postgresUrl.optional(),
  WEIGHTVAULT_DATABASE_OWNER_URL: postgresUrl.optional(),
  WEIGHTVAULT_DATABASE_ROLE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/)
    .default("weightvault"),
  WEIGHTVAULT_DATABASE_POOL: wholeNumber(2, 500).default(10),
  WEIGHTVAULT_CUSTODIAN: keeper.default("soft"),
  WEIGHTVAULT_SIGNER: keeper.default("soft"),
  WEIGHTVAULT_KMS_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, "must be a region's name")
    .optional(),
  WEIGHTVAULT_KMS_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "must be an http: or https: URL" })
    .optional(),
  WEIGHTVAULT_KMS_KEY: kmsKey.optional(),
  WEIGHTVAULT_KMS_UNWRAP_KEYS: commaList.pipe(z.array(kmsKey)).default([]),
  WEIGHTVAULT_KMS_SIGNING_KEY: kmsKey.optional(),
  WEIGHTVAULT_KMS_NEXT_SIGNING_KEY: kmsKey.optional(),
  WEIGHTVAULT_KMS_TIMEOUT_MS: wholeNumber(100, 60_000).default(1_000),
  WEIGHTVAULT_PKCS11_MODULE: z.string().startsWith("/", "must be an absolute path").optional(),
  WEIGHTVAULT_PKCS11_TOKEN: z.string().min(1).max(32).optional(),
  WEIGHTVAULT_PKCS11_SLOT: wholeNumber(0, 999_999_999).optional(),
  WEIGHTVAULT_PKCS11_PIN_FILE: z.string().min(1).optional(),
  WEIGHTVAULT_PKCS11_KEY: z.string().min(1).max(64).default("weightvault-kek"),
  WEIGHTVAULT_PKCS11_UNWRAP_KEYS: commaList
    .pipe(z.array(z.string().max(64, "must be labels")))
    .default([]),
  WEIGHTVAULT_PKCS11_SIGNING_KEY: z.string().min(1).max(64).default("weightvault-ledger"),
  WEIGHTVAULT_PKCS11_NEXT_SIGNING_KEY: z.string().min(1).max(64).optional(),
  WEIGHTVAULT_PKCS11_SESSIONS: wholeNumber(1, 1_000).default(16),
  WEIGHTVAULT_LEDGER_NAME: z
    .string()
    .regex(/^[^\s+]{1,128}$/, "must have no space and no plus")
    .default("localhost/weightvault"),
  /** What the configured signer signs with, and the key that is to follow it; left out, the second is as the first. */
  WEIGHTVAULT_LEDGER_SIGNATURE: signature.default("ed25519"),
  WEIGHTVAULT_LEDGER_NEXT_SIGNATURE: signature.optional(),
  /** Files of the ledger's own ML-DSA-44 keys, each of which signs every checkpoint too: one, and the next one while they change. */
  WEIGHTVAULT_LEDGER_ML_DSA_KEYS: commaList.pipe(z.array(z.string()).max(2)).default([]),
  WEIGHTVAULT_LEDGER_PUBLIC: z.enum(["none", "tiles", "entries"]).default("none"),
  WEIGHTVAULT_LEDGER_QUEUE: wholeNumber(100, 10_000_000).default(20_000),
  WEIGHTVAULT_RELEASE_AFTER: z
    .enum(["entry", "checkpoint", "published", "witnessed"])
    .default("checkpoint"),
  WEIGHTVAULT_WITNESS_POLICY: z.string().min(1).optional(),
  WEIGHTVAULT_MODEL_SIGNING_KEYS: commaList.default([]),
  WEIGHTVAULT_TIMESTAMP_URL: z
    .string()
    .regex(/^https?:\/\//, "must be an http: or https: URL")
    .optional(),
  WEIGHTVAULT_TIMESTAMP_CERTIFICATE: z.string().min(1).optional(),
  WEIGHTVAULT_TIMESTAMP_SECONDS: wholeNumber(1, 86_400).default(600),
  WEIGHTVAULT_RELEASE_WAIT_MS: wholeNumber(100, 600_000).default(10_000),
  WEIGHTVAULT_RELEASE_DECLARED: z.enum(["refuse", "allow"]).default("refuse"),
  WEIGHTVAULT_RELEASE_MINUTES: wholeNumber(1, 1_440).default(15),
  WEIGHTVAULT_UPLOAD_HOURS: wholeNumber(1, 8_760).default(168),
  WEIGHTVAULT_SCREENING_LIST: z
    .string()
    .regex(/^(?!http:)/, "must be a file or an https: URL")
    .optional(),
  WEIGHTVAULT_SCREENING_MAX_AGE_DAYS: wholeNumber(1, 365).default(7),
  WEIGHTVAULT_REDECIDE_SECONDS: wholeNumber(1, 3_600).default(5),
  WEIGHTVAULT_LICENSE_EXPIRY: z
    .enum(["printed-date", "first-business-day"])
    .default("printed-date"),
  WEIGHTVAULT_RETENTION_YEARS: wholeNumber(5, 100).default(5),
  WEIGHTVAULT_BACKUP_RETENTION_DAYS: wholeNumber(0, 36_500).optional(),
  WEIGHTVAULT_REWRAPS_PER_SECOND: wholeNumber(1, 100_000).default(100),
  WEIGHTVAULT_DRAIN_SECONDS: wholeNumber(0, 3_600).default(30),
  WEIGHTVAULT_WORKERS: wholeNumber(0, 64).default(1),
  WEIGHTVAULT_LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "silent"])
    .default("info"),
} as const;

const schema = z.object(settings).transform((env) => ({
  environment: env.WEIGHTVAULT_ENV,
  dataFolder: env.WEIGHTVAULT_DATA,
  host: env.WEIGHTVAULT_HOST,
  port: env.WEIGHTVAULT_PORT,
  tlsCertificateFile: env.WEIGHTVAULT_TLS_CERTIFICATE ?? null,
  tlsKeyFile: env.WEIGHTVAULT_TLS_KEY ?? null,
  trustedProxies: env.WEIGHTVAULT_TRUSTED_PROXIES as readonly string[],
  storeCountry: env.WEIGHTVAULT_STORE_COUNTRY,
  /** Null for the disk store in the data folder. */
  s3:
    env.WEIGHTVAULT_STORE === undefined
      ? null
      : {
          ...env.WEIGHTVAULT_STORE,
          endpoint: env.WEIGHTVAULT_S3_ENDPOINT ?? null,
          region: env.WEIGHTVAULT_S3_REGION,
          isPathStyle: env.WEIGHTVAULT_S3_PATH_STYLE === "true",
          partMemoryBytes: env.WEIGHTVAULT_S3_PART_MEMORY_MIB * 2 ** 20,
          addressSeconds: env.WEIGHTVAULT_S3_URL_SECONDS,
          objectLock: env.WEIGHTVAULT_S3_OBJECT_LOCK,
          objectLockDays: env.WEIGHTVAULT_S3_OBJECT_LOCK_DAYS ?? null,
        },
  sites: env.WEIGHTVAULT_SITES ?? loopbackSite,
  databaseUrl: env.DATABASE_URL ?? null,
  databaseOwnerUrl: env.WEIGHTVAULT_DATABASE_OWNER_URL ?? null,
  databaseRole: env.WEIGHTVAULT_DATABASE_ROLE,
  databasePoolSize: env.WEIGHTVAULT_DATABASE_POOL,
  custodian: env.WEIGHTVAULT_CUSTODIAN,
  signer: env.WEIGHTVAULT_SIGNER,
  kms: {
    region: env.WEIGHTVAULT_KMS_REGION ?? null,
    endpoint: env.WEIGHTVAULT_KMS_ENDPOINT ?? null,
    keyArn: env.WEIGHTVAULT_KMS_KEY ?? null,
    unwrapArns: env.WEIGHTVAULT_KMS_UNWRAP_KEYS as readonly string[],
    signingKeyArn: env.WEIGHTVAULT_KMS_SIGNING_KEY ?? null,
    nextSigningKeyArn: env.WEIGHTVAULT_KMS_NEXT_SIGNING_KEY ?? null,
    timeoutMs: env.WEIGHTVAULT_KMS_TIMEOUT_MS,
  },
  pkcs11: {
    module: env.WEIGHTVAULT_PKCS11_MODULE ?? null,
    token: env.WEIGHTVAULT_PKCS11_TOKEN ?? null,
    slot: env.WEIGHTVAULT_PKCS11_SLOT ?? null,
    pinFile: env.WEIGHTVAULT_PKCS11_PIN_FILE ?? null,
    keyLabel: env.WEIGHTVAULT_PKCS11_KEY,
    unwrapLabels: env.WEIGHTVAULT_PKCS11_UNWRAP_KEYS as readonly string[],
    signingKeyLabel: env.WEIGHTVAULT_PKCS11_SIGNING_KEY,
    nextSigningKeyLabel: env.WEIGHTVAULT_PKCS11_NEXT_SIGNING_KEY ?? null,
    sessions: env.WEIGHTVAULT_PKCS11_SESSIONS,
  },
  ledgerName: env.WEIGHTVAULT_LEDGER_NAME,
  ledgerSignature: env.WEIGHTVAULT_LEDGER_SIGNATURE,
  ledgerNextSignature: env.WEIGHTVAULT_LEDGER_NEXT_SIGNATURE ?? env.WEIGHTVAULT_LEDGER_SIGNATURE,
  ledgerMlDsaKeyFiles: env.WEIGHTVAULT_LEDGER_ML_DSA_KEYS as readonly string[],
  ledgerPublic: env.WEIGHTVAULT_LEDGER_PUBLIC,
  ledgerQueue: env.WEIGHTVAULT_LEDGER_QUEUE,
  releaseAfter: env.WEIGHTVAULT_RELEASE_AFTER,
  witnessPolicyFile: env.WEIGHTVAULT_WITNESS_POLICY ?? null,
  modelSigningKeyFiles: env.WEIGHTVAULT_MODEL_SIGNING_KEYS as readonly string[],
  timestampUrl: env.WEIGHTVAULT_TIMESTAMP_URL ?? null,
  timestampCertificateFile: env.WEIGHTVAULT_TIMESTAMP_CERTIFICATE ?? null,
  timestampSeconds: env.WEIGHTVAULT_TIMESTAMP_SECONDS,
  releaseWaitMs: env.WEIGHTVAULT_RELEASE_WAIT_MS,
  releaseDeclared: env.WEIGHTVAULT_RELEASE_DECLARED,
  releaseMinutes: env.WEIGHTVAULT_RELEASE_MINUTES,
  uploadHours: env.WEIGHTVAULT_UPLOAD_HOURS,
  screeningList: env.WEIGHTVAULT_SCREENING_LIST ?? null,
  screeningMaxAgeDays: env.WEIGHTVAULT_SCREENING_MAX_AGE_DAYS,
  redecideSeconds: env.WEIGHTVAULT_REDECIDE_SECONDS,
  licenseExpiry: env.WEIGHTVAULT_LICENSE_EXPIRY,
  retentionYears: env.WEIGHTVAULT_RETENTION_YEARS,
  /** Null where nobody states it: then nothing is shredded, since no entry could say until when a backup brings it back. */
  backupRetentionDays: env.WEIGHTVAULT_BACKUP_RETENTION_DAYS ?? null,
  rewrapsPerSecond: env.WEIGHTVAULT_REWRAPS_PER_SECOND,
  drainSeconds: env.WEIGHTVAULT_DRAIN_SECONDS,
  workers: env.WEIGHTVAULT_WORKERS,
  logLevel: env.WEIGHTVAULT_LOG_LEVEL,
}));

/** Every bad or unknown setting at once; values are never repeated, since some are secret. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
    );
    this.problems = problems;
  }
}

/** Reads the environment into a frozen configuration. Empty variables count as absent. Throws `ConfigurationError`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const problems = Object.keys(given)
    .filter(
      (name) =>
        name.startsWith("WEIGHTVAULT_") && !(name in settings) && !clientSettings.includes(name),
    )
    .map((name) => `${name} is not a setting of weightvault`);
  const parsed = schema.safeParse(given);
  for (const issue of parsed.error?.issues ?? [])
    problems.push(`${String(issue.path[0])}: ${issue.message}`);
  if (parsed.data === undefined || problems.length > 0) throw new ConfigurationError(problems);
  if (parsed.data.s3 === null) {
    const idle = Object.keys(given).filter((name) => name.startsWith("WEIGHTVAULT_S3_"));
    problems.push(
      ...idle.map((name) => `${name} is for WEIGHTVAULT_STORE=s3://..., which is not set`),
    );
  }
  const config = {
    ...parsed.data,
    stated: {
      storeCountry: "WEIGHTVAULT_STORE_COUNTRY" in given,
      sites: "WEIGHTVAULT_SITES" in given,
    },
  };
  problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(config);
}

/** Settings of the command line alone; the server lets them stand in its environment. */
export const clientSettings: readonly string[] = [
  "WEIGHTVAULT_URL",
  "WEIGHTVAULT_TOKEN",
  "WEIGHTVAULT_TOKEN_FILE",
  "WEIGHTVAULT_LEDGER_KEY",
];

function contradictions(config: Config): string[] {
  const found: string[] = [];
  if ((config.tlsCertificateFile === null) !== (config.tlsKeyFile === null)) {
    found.push("WEIGHTVAULT_TLS_CERTIFICATE and WEIGHTVAULT_TLS_KEY go together");
  }
  const isLoopback = ["127.0.0.1", "::1", "localhost"].includes(config.host);
  if (!isLoopback && config.tlsCertificateFile === null && config.trustedProxies.length === 0) {
    found.push(
      "WEIGHTVAULT_HOST is not loopback: set WEIGHTVAULT_TLS_CERTIFICATE and WEIGHTVAULT_TLS_KEY, or WEIGHTVAULT_TRUSTED_PROXIES for the proxies that end TLS",
    );
  }
  if ((config.timestampUrl === null) !== (config.timestampCertificateFile === null))
    found.push("WEIGHTVAULT_TIMESTAMP_URL and WEIGHTVAULT_TIMESTAMP_CERTIFICATE go together");
  if (config.releaseAfter === "witnessed" && config.witnessPolicyFile === null)
    found.push("WEIGHTVAULT_RELEASE_AFTER=witnessed needs WEIGHTVAULT_WITNESS_POLICY");
  if (
    config.s3 !== null &&
    (config.s3.objectLock === "off") !== (config.s3.objectLockDays === null)
  )
    found.push(
      "WEIGHTVAULT_S3_OBJECT_LOCK=governance or compliance and WEIGHTVAULT_S3_OBJECT_LOCK_DAYS go together",
    );
  const signatures = [config.ledgerSignature, config.ledgerNextSignature];
  if (signatures.includes("ecdsa-p256") && config.signer === "soft")
    found.push("WEIGHTVAULT_LEDGER_SIGNATURE: the soft signer has Ed25519 keys alone");
  if (signatures.includes("ecdsa-p256") && config.witnessPolicyFile !== null)
    found.push(
      "WEIGHTVAULT_WITNESS_POLICY: witnesses cosign no ledger that an ECDSA key signs, or is to sign",
    );
  found.push(...custodyContradictions(config));
  if (config.environment === "production") {
    if (config.databaseUrl === null) found.push("DATABASE_URL: production needs PostgreSQL");
    if (!config.stated.storeCountry)
      found.push("WEIGHTVAULT_STORE_COUNTRY: production must state the country of the store");
    if (config.s3?.endpoint?.startsWith("http:") === true)
      found.push("WEIGHTVAULT_S3_ENDPOINT: production needs https:");
    if (!config.stated.sites) found.push("WEIGHTVAULT_SITES: production must state its sites");
    if (config.screeningList === null)
      found.push("WEIGHTVAULT_SCREENING_LIST: production must load a real denied-party list");
  }
  return found;
}

/** What the chosen custodian and signer need and do not have. */
function custodyContradictions({ custodian, signer, kms, pkcs11, environment }: Config): string[] {
  const uses = (which: Config["custodian"]) => custodian === which || signer === which;
  const needed: readonly (readonly [string, unknown, boolean])[] = [
    ["WEIGHTVAULT_KMS_REGION", kms.region, uses("aws-kms")],
    ["WEIGHTVAULT_KMS_KEY", kms.keyArn, custodian === "aws-kms"],
    ["WEIGHTVAULT_KMS_SIGNING_KEY", kms.signingKeyArn, signer === "aws-kms"],
    ["WEIGHTVAULT_PKCS11_MODULE", pkcs11.module, uses("pkcs11")],
    ["WEIGHTVAULT_PKCS11_TOKEN", pkcs11.token, uses("pkcs11")],
    ["WEIGHTVAULT_PKCS11_PIN_FILE", pkcs11.pinFile, uses("pkcs11")],
  ];
  const found = needed
    .filter(([, value, isNeeded]) => isNeeded && value === null)
    .map(([name]) => `${name}: the chosen custodian or signer needs it`);
  for (const [name, arn] of [
    ["WEIGHTVAULT_KMS_KEY", kms.keyArn],
    ["WEIGHTVAULT_KMS_SIGNING_KEY", kms.signingKeyArn],
    ["WEIGHTVAULT_KMS_NEXT_SIGNING_KEY", kms.nextSigningKeyArn],
    ...kms.unwrapArns.map((each) => ["WEIGHTVAULT_KMS_UNWRAP_KEYS", each] as const),
  ] as const) {
    if (arn !== null && kms.region !== null && arn.split(":")[3] !== kms.region)
      found.push(`${name}: the key lies in another region than WEIGHTVAULT_KMS_REGION`);
  }
  const endpoint = kms.endpoint === null ? null : new URL(kms.endpoint);
  const isClear =
    endpoint?.protocol === "http:" &&
    !["127.0.0.1", "localhost", "[::1]"].includes(endpoint.hostname);
  if (environment === "production" && isClear)
    found.push("WEIGHTVAULT_KMS_ENDPOINT: production speaks to a KMS by https: alone");
  return found;
}
