import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, ConfigurationError } from "./config.ts";
import { cosigningKeyOf, newCosigningPem } from "./custody/cosigning-key.ts";
import type { Custodian } from "./custody/custodian.ts";
import { readPin } from "./custody/pin-file.ts";
import type { Fitness, MadeKey } from "./custody/pkcs11-provision.ts";
import type { Signer } from "./custody/signer.ts";
import { assertSoftKeks, openSoftCustodian } from "./custody/soft-custodian.ts";
import { keepKeyFile, readKeyFile, replaceKeyFile, unusable } from "./custody/soft-file.ts";
import { openSoftSigner } from "./custody/soft-signer.ts";
import { type Cosigner, cosignerKey, encodeCosignerKey } from "./merkle/cosignature.ts";
import { keyIdOf } from "./merkle/note.ts";

/** Who keeps the vault's keys, as the configuration chooses them. */
export type Custody = {
  readonly custodian: Custodian;
  readonly signer: Signer;
  /** The ledger's own ML-DSA-44 keys, under its name; empty where none is configured. */
  readonly cosigners: readonly Cosigner[];
  /** The key that is to follow the signer's. Refuses where the configuration names none, or it does not sign. */
  openNextSigner(): Promise<NextSigner>;
  close(): Promise<void>;
};

/** The signer that the ledger's key is to be handed over to. */
export type NextSigner = {
  readonly signer: Signer;
  /** Makes it the configured one, as far as that lies with us; gives the sentence that says what is left to do. May be run again after any step. */
  install(): Promise<string>;
};

export type CustodyOptions = {
  /** The data folder, where soft keys lie. */
  readonly folder: string;
  /** Whether a missing soft key may be made; a KMS's or a token's never is. */
  readonly mayMake: boolean;
};

/** One of the three that can be chosen for either part. Where it has both, they share its client or its token. */
type Keeper = {
  openCustodian(): Promise<Custodian>;
  openSigner(): Promise<Signer>;
  openNextSigner(): Promise<NextSigner>;
  close(): Promise<void>;
};

const tokenTimeoutMs = 10_000;

/** Opens custodian and signer, each of which proves that it serves. */
export async function openCustody(config: Config, options: CustodyOptions): Promise<Custody> {
  await using opening = new AsyncDisposableStack();
  const open = async (which: Config["custodian"]) => {
    const keeper = await openKeeper(which, config, options);
    opening.defer(async () => await keeper.close());
    return keeper;
  };
  const forCustodian = await open(config.custodian);
  const forSigner = config.signer === config.custodian ? forCustodian : await open(config.signer);
  const custodian = await forCustodian.openCustodian();
  const signer = await forSigner.openSigner();
  const cosigners = await openCosigners(config);
  const opened = opening.move();
  return {
    custodian,
    signer,
    cosigners,
    openNextSigner: async () => await forSigner.openNextSigner(),
    close: async () => await opened.disposeAsync(),
  };
}

/** What of the choice production must not run on. */
export function unfitCustody({ custodian, signer }: Config): readonly string[] {
  const problem = (what: string) => [
    `WEIGHTVAULT_CUSTODIAN, WEIGHTVAULT_SIGNER: ${what} refused in production: choose aws-kms or pkcs11`,
  ];
  if (custodian === "soft" && signer === "soft")
    return problem("the soft key custodian and signer are");
  if (custodian === "soft") return problem("the soft key custodian is");
  return signer === "soft" ? problem("the soft signer is") : [];
}

/** A key that is there now; `verificationKey` is of those that nothing else prints. */
export type InitializedKey = MadeKey & { readonly verificationKey?: string };

/**
 * Makes on the configured token the chosen keys that it lacks, and the configured ML-DSA-44 keys whose files are missing. Refuses where neither
 * custodian nor signer is a token and no such file is named.
 */
export async function initializeCustody(config: Config): Promise<readonly InitializedKey[]> {
  const isToken = config.custodian === "pkcs11" || config.signer === "pkcs11";
  const files: InitializedKey[] = [];
  for (const file of config.ledgerMlDsaKeyFiles) {
    const was = (await readKeyFile(file)) === null ? "made" : "there";
    const pem = await keepKeyFile({ file, mayMake: true }, () => newCosigningPem("ml-dsa-44"));
    const { key } = mlDsaCosigner(file, pem, config.ledgerName);
    files.push({ label: file, was, verificationKey: encodeCosignerKey(key) });
  }
  if (!isToken && files.length > 0) return files;
  if (!isToken) {
    throw new ConfigurationError([
      "WEIGHTVAULT_CUSTODIAN, WEIGHTVAULT_SIGNER: keys are made on a PKCS #11 token alone; make those of AWS KMS in your own account, and soft keys are made by the first start",
    ]);
  }
  const { makeKeys } = await import("./custody/pkcs11-provision.ts");
  const { token } = await openToken(config);
  try {
    const made = await makeKeys(token, {
      wrapping: config.custodian === "pkcs11" ? config.pkcs11.keyLabel : null,
      signing: config.signer === "pkcs11" ? config.pkcs11.signingKeyLabel : null,
      algorithm: config.ledgerSignature,
    });
    return [...made, ...files];
  } finally {
    await token.close();
  }
}

/**
 * The ledger's own keys of ML-DSA-44. A file that is missing is never made here: a node that made one of its own would sign with what nobody
 * pinned. Throws `configuration_invalid` for one that is missing, can be read by others, or holds no such key.
 */
export async function openCosigners(
  config: Pick<Config, "ledgerMlDsaKeyFiles" | "ledgerName">,
): Promise<readonly Cosigner[]> {
  const cosigners: Cosigner[] = [];
  for (const file of config.ledgerMlDsaKeyFiles) {
    const pem = await readKeyFile(file);
    if (pem === null) throw unusable(file, "is missing: `weightvault custody init` makes it once");
    const cosigner = mlDsaCosigner(file, pem, config.ledgerName);
    if (cosigners.some(({ key }) => key.keyId === cosigner.key.keyId))
      throw unusable(file, "holds the same key as another");
    cosigners.push(cosigner);
  }
  return cosigners;
}

function mlDsaCosigner(file: string, pem: Buffer, name: string): Cosigner {
  const { algorithm, publicKey, sign } = cosigningKeyOf(file, pem);
  if (algorithm !== "ml-dsa-44") throw unusable(file, "is not an ML-DSA-44 key");
  return { key: cosignerKey(algorithm, name, publicKey), sign };
}

/** What the configured token can do for the vault; nothing where no token is chosen. */
export async function custodyFitness(config: Config): Promise<readonly Fitness[]> {
  if (config.custodian !== "pkcs11" && config.signer !== "pkcs11") return [];
  const { fitnessOf } = await import("./custody/pkcs11-provision.ts");
  const { token, cryptoki } = await openToken(config);
  return fitnessOf(cryptoki, token, config.ledgerSignature);
}

/** What is not chosen is not loaded: the AWS SDK takes a second and memory, and pkcs11js may not be built. */
async function openKeeper(
  which: Config["custodian"],
  config: Config,
  options: CustodyOptions,
): Promise<Keeper> {
  if (which === "aws-kms") return await openAwsKeeper(config);
  return which === "pkcs11" ? await openTokenKeeper(config) : softKeeper(config, options);
}

function softKeeper({ environment, ledgerName }: Config, options: CustodyOptions): Keeper {
  const { folder, mayMake } = options;
  const named = (name: string) => ({ file: join(folder, name), mayMake, environment });
  return {
    openCustodian: async () => await openSoftCustodian(named("kek")),
    openSigner: async () => await openSoftSigner({ ...named("ledger-key.pem"), name: ledgerName }),
    openNextSigner: async () => {
      const next = { ...named("ledger-key.next.pem"), mayMake: true };
      const signer = await openSoftSigner({ ...next, name: ledgerName });
      const install = async () => {
        const old = { ...named("ledger-key.pem"), mayMake: false };
        const { publicKey } = await openSoftSigner({ ...old, name: ledgerName });
        const retired = `${old.file}.retired-${keyIdOf(ledgerName, publicKey)}`;
        await replaceKeyFile({ file: old.file, next: next.file, retired });
        return `the new key is in place; the old one lies in ${retired}, and signs nothing more: destroy it. Start the server again`;
      };
      return { signer, install };
    },
    close: async () => {},
  };
}

/** Whether the soft key-encryption keys of a data folder can be used, as far as there are any. Production refuses them all, for a better reason. */
export async function assertKeksUsable(config: Config): Promise<void> {
  const { custodian, environment, dataFolder } = config;
  if (custodian !== "soft" || environment === "production") return;
  await assertSoftKeks(join(resolve(dataFolder), "kek"));
}

/** The soft signer whose key is in the data folder; null where there is none, another signer is chosen, or production refuses it. Makes nothing. */
export async function readSoftSigner(config: Config): Promise<Signer | null> {
  const { signer, environment, dataFolder, ledgerName: name } = config;
  const file = join(resolve(dataFolder), "ledger-key.pem");
  if (signer !== "soft" || environment === "production" || !existsSync(file)) return null;
  return await openSoftSigner({ file, name, environment, mayMake: false });
}

/** Whether there is a PIN in the file that the settings name for the chosen token. */
export async function assertPinUsable({ custodian, signer, pkcs11 }: Config): Promise<void> {
  const { pinFile: file } = pkcs11;
  if (file === null || ![custodian, signer].includes("pkcs11")) return;
  await readPin(file);
}

async function openAwsKeeper(config: Config): Promise<Keeper> {
  const { kms: settings, ledgerName, ledgerSignature, ledgerNextSignature } = config;
  const { openAwsKms } = await import("./custody/aws-kms.ts");
  const { openAwsKmsCustodian } = await import("./custody/aws-kms-custodian.ts");
  const { openAwsKmsSigner } = await import("./custody/aws-kms-signer.ts");
  const region = stated("WEIGHTVAULT_KMS_REGION", settings.region);
  const kms = openAwsKms({ ...settings, region });
  return {
    openCustodian: async () =>
      await openAwsKmsCustodian({
        kms,
        keyArn: stated("WEIGHTVAULT_KMS_KEY", settings.keyArn),
        unwrapArns: settings.unwrapArns,
      }),
    openSigner: async () =>
      await openAwsKmsSigner({
        kms,
        keyArn: stated("WEIGHTVAULT_KMS_SIGNING_KEY", settings.signingKeyArn),
        name: ledgerName,
        algorithm: ledgerSignature,
      }),
    openNextSigner: async () => {
      const keyArn = stated("WEIGHTVAULT_KMS_NEXT_SIGNING_KEY", settings.nextSigningKeyArn);
      const algorithm = ledgerNextSignature;
      const signer = await openAwsKmsSigner({ kms, keyArn, name: ledgerName, algorithm });
      const install = async () => restartWith(config, "WEIGHTVAULT_KMS_SIGNING_KEY", keyArn);
      return { signer, install };
    },
    close: async () => kms.close(),
  };
}

async function openTokenKeeper(config: Config): Promise<Keeper> {
  const { openPkcs11Custodian } = await import("./custody/pkcs11-custodian.ts");
  const { openPkcs11Signer } = await import("./custody/pkcs11-signer.ts");
  const { token } = await openToken(config);
  const { keyLabel, unwrapLabels, signingKeyLabel, nextSigningKeyLabel } = config.pkcs11;
  return {
    openCustodian: async () => await openPkcs11Custodian({ token, keyLabel, unwrapLabels }),
    openSigner: async () =>
      await openPkcs11Signer({
        token,
        keyLabel: signingKeyLabel,
        name: config.ledgerName,
        algorithm: config.ledgerSignature,
      }),
    openNextSigner: async () => {
      const label = stated("WEIGHTVAULT_PKCS11_NEXT_SIGNING_KEY", nextSigningKeyLabel);
      const { makeKeys } = await import("./custody/pkcs11-provision.ts");
      const [name, algorithm] = [config.ledgerName, config.ledgerNextSignature];
      await makeKeys(token, { wrapping: null, signing: label, algorithm });
      const signer = await openPkcs11Signer({ token, keyLabel: label, name, algorithm });
      const install = async () => restartWith(config, "WEIGHTVAULT_PKCS11_SIGNING_KEY", label);
      return { signer, install };
    },
    close: async () => await token.close(),
  };
}

function restartWith(
  { ledgerSignature, ledgerNextSignature }: Config,
  setting: string,
  value: string,
): string {
  const isOther = ledgerSignature !== ledgerNextSignature;
  const also = isOther ? ` and WEIGHTVAULT_LEDGER_SIGNATURE=${ledgerNextSignature}` : "";
  return `start every node again with ${setting}=${value}${also}; the old key signs nothing more: disable it`;
}

async function openToken({ pkcs11 }: Config) {
  const { loadCryptoki } = await import("./custody/cryptoki.ts");
  const { Pkcs11Token } = await import("./custody/pkcs11-token.ts");
  const cryptoki = await loadCryptoki(stated("WEIGHTVAULT_PKCS11_MODULE", pkcs11.module));
  const token = new Pkcs11Token({
    cryptoki,
    label: stated("WEIGHTVAULT_PKCS11_TOKEN", pkcs11.token),
    slot: pkcs11.slot,
    pinFile: stated("WEIGHTVAULT_PKCS11_PIN_FILE", pkcs11.pinFile),
    sessions: pkcs11.sessions,
    timeoutMs: tokenTimeoutMs,
  });
  return { token, cryptoki };
}

/** The configuration was held to this when it was read; the types do not say so. */
function stated(name: string, value: string | null): string {
  if (value !== null) return value;
  throw new ConfigurationError([`${name}: the chosen custodian or signer needs it`]);
}
