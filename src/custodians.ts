import { join } from "node:path";
import { type Config, ConfigurationError } from "./config.ts";
import { openAwsKms } from "./custody/aws-kms.ts";
import { openAwsKmsCustodian } from "./custody/aws-kms-custodian.ts";
import { openAwsKmsSigner } from "./custody/aws-kms-signer.ts";
import { type Cryptoki, loadCryptoki } from "./custody/cryptoki.ts";
import type { Custodian } from "./custody/custodian.ts";
import { openPkcs11Custodian } from "./custody/pkcs11-custodian.ts";
import { type Fitness, fitnessOf, type MadeKey, makeKeys } from "./custody/pkcs11-provision.ts";
import { openPkcs11Signer } from "./custody/pkcs11-signer.ts";
import { Pkcs11Token } from "./custody/pkcs11-token.ts";
import type { Signer } from "./custody/signer.ts";
import { openSoftCustodian } from "./custody/soft-custodian.ts";
import { openSoftSigner } from "./custody/soft-signer.ts";

/** Who keeps the vault's keys, as the configuration chooses them. */
export type Custody = {
  readonly custodian: Custodian;
  readonly signer: Signer;
  close(): Promise<void>;
};

export type CustodyOptions = {
  /** The data folder, where soft keys lie. */
  readonly folder: string;
  /** Whether a missing soft key may be made; a KMS's or a token's never is. */
  readonly mayMake: boolean;
};

type Token = { readonly token: Pkcs11Token; readonly cryptoki: Cryptoki };

const tokenTimeoutMs = 10_000;

/** Opens custodian and signer, each of which proves that it serves. One KMS client or one token is shared by both. */
export async function openCustody(config: Config, options: CustodyOptions): Promise<Custody> {
  await using opening = new AsyncDisposableStack();
  const uses = (keeper: Config["custodian"]) =>
    config.custodian === keeper || config.signer === keeper;
  const kms = uses("aws-kms")
    ? openAwsKms({ ...config.kms, region: stated("WEIGHTVAULT_KMS_REGION", config.kms.region) })
    : null;
  opening.defer(() => kms?.close());
  const token = uses("pkcs11") ? await openToken(config) : null;
  opening.defer(async () => await token?.token.close());

  const openCustodian = async (): Promise<Custodian> => {
    if (kms !== null && config.custodian === "aws-kms") {
      const keyArn = stated("WEIGHTVAULT_KMS_KEY", config.kms.keyArn);
      return await openAwsKmsCustodian({ kms, keyArn });
    }
    if (token !== null && config.custodian === "pkcs11")
      return await openPkcs11Custodian({ token: token.token, keyLabel: config.pkcs11.keyLabel });
    return await openSoftCustodian(softFile(config, options, "kek"));
  };
  const openSigner = async (): Promise<Signer> => {
    const name = config.ledgerName;
    if (kms !== null && config.signer === "aws-kms") {
      const keyArn = stated("WEIGHTVAULT_KMS_SIGNING_KEY", config.kms.signingKeyArn);
      return await openAwsKmsSigner({ kms, keyArn, name });
    }
    if (token !== null && config.signer === "pkcs11") {
      const keyLabel = config.pkcs11.signingKeyLabel;
      return await openPkcs11Signer({ token: token.token, keyLabel, name });
    }
    return await openSoftSigner({ ...softFile(config, options, "ledger-key.pem"), name });
  };

  const custodian = await openCustodian();
  const signer = await openSigner();
  const opened = opening.move();
  return { custodian, signer, close: async () => await opened.disposeAsync() };
}

/** What of the choice production must not run on. */
export function unfitCustody({ custodian, signer }: Config): readonly string[] {
  const soft = [
    ...(custodian === "soft" ? ["custodian"] : []),
    ...(signer === "soft" ? ["signer"] : []),
  ];
  if (soft.length === 0) return [];
  const what = soft.length === 2 ? "the soft key custodian and signer are" : `the soft ${soft} is`;
  return [
    `WEIGHTVAULT_CUSTODIAN, WEIGHTVAULT_SIGNER: ${what} refused in production: choose aws-kms or pkcs11`,
  ];
}

/** Makes on the configured token the keys that it lacks. */
export async function initializeCustody(config: Config): Promise<readonly MadeKey[]> {
  const { token } = await openToken(config);
  const { keyLabel: wrapping, signingKeyLabel: signing } = config.pkcs11;
  try {
    return await makeKeys(token, { wrapping, signing });
  } finally {
    await token.close();
  }
}

/** What the configured token can do for the vault; nothing where no token is chosen. */
export async function custodyFitness(config: Config): Promise<readonly Fitness[]> {
  if (config.custodian !== "pkcs11" && config.signer !== "pkcs11") return [];
  const { token, cryptoki } = await openToken(config);
  try {
    return fitnessOf(cryptoki, token);
  } finally {
    await token.close();
  }
}

async function openToken({ pkcs11 }: Config): Promise<Token> {
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

function softFile({ environment }: Config, { folder, mayMake }: CustodyOptions, name: string) {
  return { file: join(folder, name), mayMake, environment };
}

function stated(name: string, value: string | null): string {
  if (value !== null) return value;
  throw new ConfigurationError([`${name}: the chosen custodian or signer needs it`]);
}
