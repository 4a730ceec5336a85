import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type Config, ConfigurationError } from "./config.ts";
import { assertKeksUsable, assertPinUsable, openCosigners, readSoftSigner } from "./custodians.ts";
import { isRefusal, Refusal } from "./errors.ts";
import { readRegularFile } from "./ledger/source-file.ts";
import { readTimestampSettings } from "./ledger/timestamping.ts";
import { assertKeepable, readPolicy } from "./ledger/witness-policy.ts";
import { ListError } from "./screening/list.ts";
import { readModelSigners } from "./vault/model-signers.ts";
import { loadScreening } from "./vault/screening.ts";

/** Reads what a setting names; null, and one problem more, where that cannot be used. */
type Attempt = <Read>(setting: string, read: () => Promise<Read>) => Promise<Read | null>;

const longestPemBytes = 1_000_000;

/**
 * Reads every file that the settings name before anything is opened, so that one start tells of all that cannot be used; those who use them read them
 * again. What only a database, a KMS or a token can tell is not asked for. Throws `ConfigurationError`.
 */
export async function assertFilesUsable(config: Config): Promise<void> {
  const problems: string[] = [];
  const attempt: Attempt = async (setting, read) => {
    try {
      return await read();
    } catch (error) {
      if (!isRefusal(error, "configuration_invalid") && !(error instanceof ListError)) throw error;
      problems.push(`${setting}: ${error.message}`);
      return null;
    }
  };
  await attempt("WEIGHTVAULT_DATA", async () => await assertKeksUsable(config));
  const signer = await attempt("WEIGHTVAULT_DATA", async () => await readSoftSigner(config));
  await attempt("WEIGHTVAULT_PKCS11_PIN_FILE", async () => await assertPinUsable(config));
  await tryMlDsaKeys(config, attempt);
  const { witnessPolicyFile: policy } = config;
  if (policy !== null)
    await attempt("WEIGHTVAULT_WITNESS_POLICY", async () =>
      assertKeepable(await readPolicy(policy), policy, signer?.publicKey ?? null),
    );
  await attempt("WEIGHTVAULT_TIMESTAMP_CERTIFICATE", async () => {
    await readTimestampSettings(config);
  });
  for (const file of config.modelSigningKeyFiles)
    await attempt("WEIGHTVAULT_MODEL_SIGNING_KEYS", async () => await readModelSigners([file]));
  await tryTls(config, attempt);
  // The list is long, and the start that goes on reads it: only beside other problems is it to be told here.
  if (problems.length > 0) await tryList(config, attempt);
  if (problems.length > 0) throw new ConfigurationError(problems);
}

async function tryMlDsaKeys(config: Config, attempt: Attempt): Promise<void> {
  const setting = "WEIGHTVAULT_LEDGER_ML_DSA_KEYS";
  let isEachUsable = true;
  for (const file of config.ledgerMlDsaKeyFiles) {
    const alone = { ...config, ledgerMlDsaKeyFiles: [file] };
    if ((await attempt(setting, async () => await openCosigners(alone))) === null)
      isEachUsable = false;
  }
  if (isEachUsable) await attempt(setting, async () => await openCosigners(config));
}

async function tryTls(config: Config, attempt: Attempt): Promise<void> {
  const { tlsCertificateFile, tlsKeyFile } = config;
  if (tlsCertificateFile === null || tlsKeyFile === null) return;
  const [forCertificate, forKey] = ["WEIGHTVAULT_TLS_CERTIFICATE", "WEIGHTVAULT_TLS_KEY"] as const;
  const cert = await attempt(forCertificate, async () => {
    const pem = await readPem(tlsCertificateFile);
    assertServes({ cert: pem }, `${tlsCertificateFile} is no certificate that TLS can use`);
    return pem;
  });
  const key = await attempt(forKey, async () => {
    const pem = await readPem(tlsKeyFile);
    assertServes({ key: pem }, `${tlsKeyFile} is no private key that TLS can use`);
    return pem;
  });
  if (cert !== null && key !== null)
    await attempt(`${forCertificate}, ${forKey}`, async () =>
      assertServes({ cert, key }, "the certificate is not of the key"),
    );
  key?.fill(0);
}

async function readPem(file: string): Promise<Buffer> {
  const bytes = await readRegularFile(file, longestPemBytes).catch((cause: unknown) => {
    throw new Refusal("configuration_invalid", `${file} cannot be read`, { cause });
  });
  if (bytes === null) throw new Refusal("configuration_invalid", `${file} is no file`);
  return bytes;
}

function assertServes(options: SecureContextOptions, otherwise: string): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new Refusal("configuration_invalid", otherwise, { cause });
  }
}

async function tryList({ screeningList: location }: Config, attempt: Attempt): Promise<void> {
  // An address that does not answer is an outage, and says nothing of the setting.
  if (location === null || location.startsWith("https:")) return;
  const source = { location, maxAgeDays: null, isTrial: false };
  await attempt("WEIGHTVAULT_SCREENING_LIST", async () => await loadScreening(source));
}
