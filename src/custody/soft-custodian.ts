import { createHash, randomBytes } from "node:crypto";
import { decrypt, encrypt } from "../crypto/aead.ts";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Custodian, GeneratedKey, WrapContext } from "./custodian.ts";
import {
  type KeyFile,
  keepKeyFile,
  readKeyFile,
  refuseInProduction,
  unusable,
} from "./soft-file.ts";

/** The file holds 32 raw bytes, mode 0600. */
export type SoftCustodianOptions = KeyFile & {
  /** WEIGHTVAULT_ENV: `production` is refused. */
  readonly environment: string;
};

const keyBytes = 32;

/** The custodian of the embedded default: AES-256-GCM under a key in a file, with the context's canonical JSON as associated data. */
export async function openSoftCustodian(options: SoftCustodianOptions): Promise<Custodian> {
  refuseInProduction("the soft key custodian", options.environment);
  const kek = new Secret(await keepKeyFile(options, () => randomBytes(keyBytes)));
  if (kek.sizeBytes !== keyBytes) throw unusable(options.file, `must hold ${keyBytes} bytes`);
  return new SoftCustodian(options.file, kek);
}

class SoftCustodian implements Custodian {
  readonly keyId: string;
  readonly #file: string;
  readonly #kek: Secret;

  constructor(file: string, kek: Secret) {
    this.#file = file;
    this.#kek = kek;
    this.keyId = `soft:${createHash("sha256").update(kek.expose()).digest("hex").slice(0, 16)}`;
  }

  async generate(context: WrapContext): Promise<GeneratedKey> {
    const dataKey = new Secret(randomBytes(keyBytes));
    return { dataKey, wrapped: await this.wrap(dataKey, context) };
  }

  async wrap(dataKey: Secret, context: WrapContext): Promise<Buffer> {
    if (dataKey.sizeBytes !== keyBytes) throw new RangeError(`a data key has ${keyBytes} bytes`);
    const wrapped = encrypt(this.#kek, dataKey.expose(), canonicalJson(context));
    using unwrapped = await this.unwrap(wrapped, context);
    if (!unwrapped.equals(dataKey)) throw new Error("a wrapped key does not give its data key");
    return wrapped;
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Secret> {
    const bytes = decrypt(this.#kek, wrapped, canonicalJson(context));
    if (bytes === null || bytes.length !== keyBytes) {
      bytes?.fill(0);
      throw new Refusal("wrapped_key_rejected", "the wrapped key does not open in its context");
    }
    return new Secret(bytes);
  }

  /** The key in memory goes on working without its file, but what it wraps would be lost with the process. */
  async check(): Promise<void> {
    using kept = new Secret((await this.#read()) ?? Buffer.alloc(0));
    if (kept.equals(this.#kek)) return;
    throw new Refusal("custodian_unavailable", "the key file is gone or holds another key");
  }

  async #read(): Promise<Buffer | null> {
    try {
      return await readKeyFile(this.#file);
    } catch (cause) {
      throw new Refusal("custodian_unavailable", "the key file cannot be used", { cause });
    }
  }
}
