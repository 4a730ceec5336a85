import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { Refusal } from "../errors.ts";
import { assertKeyName } from "./ed25519.ts";
import type { Signer } from "./signer.ts";
import {
  type KeyFile,
  keepKeyFile,
  readKeyFile,
  refuseInProduction,
  unusable,
} from "./soft-file.ts";

/** The file holds an Ed25519 private key, PKCS #8 in PEM, mode 0600. */
export type SoftSignerOptions = KeyFile & {
  /** The note's key name: no white space, no plus. */
  readonly name: string;
  /** WEIGHTVAULT_ENV: `production` is refused. */
  readonly environment: string;
};

/** The signer of the embedded default: Ed25519 with a key in a file. */
export async function openSoftSigner(options: SoftSignerOptions): Promise<Signer> {
  const { file, name, environment } = options;
  refuseInProduction("the soft signer", environment);
  assertKeyName(name);
  const pem = await keepKeyFile(options, newPem);
  try {
    return new SoftSigner(file, name, parse(file, pem));
  } finally {
    pem.fill(0);
  }
}

/** As much as a statement of ten thousand files has, and more. */
const longestMessage = 2 ** 24;

class SoftSigner implements Signer {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly longestMessage = longestMessage;
  readonly #file: string;
  readonly #key: KeyObject;

  constructor(file: string, name: string, key: KeyObject) {
    this.name = name;
    this.#file = file;
    this.#key = key;
    this.publicKey = rawPublicKey(key);
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    return sign(null, message, this.#key);
  }

  /** The key in memory goes on signing without its file, but the next process would sign with another. */
  async check(): Promise<void> {
    const key = await this.#read();
    if (key?.equals(this.#key) === true) return;
    throw new Refusal("signer_unavailable", "the key file is gone or holds another key");
  }

  async #read(): Promise<KeyObject | null> {
    try {
      const pem = await readKeyFile(this.#file);
      return pem === null ? null : parse(this.#file, pem);
    } catch (cause) {
      throw new Refusal("signer_unavailable", "the key file cannot be used", { cause });
    }
  }
}

function newPem(): Buffer {
  const { privateKey } = generateKeyPairSync("ed25519");
  return Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" }));
}

function parse(file: string, pem: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw unusable(file, "is not a private key in PEM", cause);
  }
  if (key.asymmetricKeyType !== "ed25519") throw unusable(file, "is not an Ed25519 key");
  return key;
}

/** RFC 8410: the 32 raw bytes end the SubjectPublicKeyInfo. */
function rawPublicKey(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32);
}
