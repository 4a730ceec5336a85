import { createHash, randomBytes } from "node:crypto";
import { decrypt, encrypt } from "../crypto/aead.ts";
import { canonicalJson } from "../crypto/canonical-json.ts";
import { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import type { Custodian, GeneratedKey, Wrap, WrapContext } from "./custodian.ts";
import {
  type KeyFile,
  keepKeyFile,
  nextAfter,
  readKeyFile,
  refuseInProduction,
  successorsOf,
  unusable,
} from "./soft-file.ts";

/**
 * Each file holds 32 raw bytes, mode 0600: `file` the first key-encryption key, and beside it `file.2`, `file.3` and so on those that came
 * after it, the newest of which is the primary. An old one may be removed when nothing is wrapped under it any more.
 */
export type SoftCustodianOptions = KeyFile & {
  /** WEIGHTVAULT_ENV: `production` is refused. */
  readonly environment: string;
};

type Kek = { readonly id: string; readonly file: string; readonly key: Secret };

const keyBytes = 32;

/** The custodian of the embedded default: AES-256-GCM under keys in files, with the context's canonical JSON as associated data. */
export async function openSoftCustodian(options: SoftCustodianOptions): Promise<Custodian> {
  refuseInProduction("the soft key custodian", options.environment);
  const { file } = options;
  const later = await successorsOf(file);
  const first = await (later.length === 0
    ? keepKeyFile(options, () => randomBytes(keyBytes))
    : readKeyFile(file));
  const keks = first === null ? [] : [kekOf(file, first)];
  for (const each of later) keks.push(await openKek(each));
  return new SoftCustodian(file, keks);
}

/** Whether the key-encryption keys that are there can be used, and none where there are none; throws `configuration_invalid` as opening them does. */
export async function assertSoftKeks(file: string): Promise<void> {
  for (const each of [file, ...(await successorsOf(file))]) {
    const bytes = await readKeyFile(each);
    if (bytes !== null) kekOf(each, bytes).key.wipe();
  }
}

class SoftCustodian implements Custodian {
  readonly #file: string;
  readonly #keks = new Map<string, Kek>();
  #primary: Kek;

  /** Oldest first; there is at least one. */
  constructor(file: string, keks: readonly Kek[]) {
    this.#file = file;
    for (const kek of keks) this.#keks.set(kek.id, kek);
    const newest = keks.at(-1);
    if (newest === undefined) throw new RangeError("a soft custodian has a key");
    this.#primary = newest;
  }

  get keyId(): string {
    return this.#primary.id;
  }

  async generate(context: WrapContext): Promise<GeneratedKey> {
    const dataKey = new Secret(randomBytes(keyBytes));
    return { dataKey, ...(await this.wrap(dataKey, context)) };
  }

  async wrap(dataKey: Secret, context: WrapContext): Promise<Wrap> {
    if (dataKey.sizeBytes !== keyBytes) throw new RangeError(`a data key has ${keyBytes} bytes`);
    const { id, key } = this.#primary;
    const wrapped = encrypt(key, dataKey.expose(), canonicalJson(context));
    using unwrapped = await this.unwrap(wrapped, context, id);
    if (!unwrapped.equals(dataKey)) throw new Error("a wrapped key does not give its data key");
    return { wrapped, keyId: id };
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Secret> {
    const { key } = await this.#kek(keyId);
    const bytes = decrypt(key, wrapped, canonicalJson(context));
    if (bytes === null || bytes.length !== keyBytes) {
      bytes?.fill(0);
      throw new Refusal("wrapped_key_rejected", "the wrapped key does not open in its context");
    }
    return new Secret(bytes);
  }

  async rewrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Wrap> {
    using dataKey = await this.unwrap(wrapped, context, keyId);
    return await this.wrap(dataKey, context);
  }

  /** The file is durable under its name before anything is wrapped under its key. */
  async renew(): Promise<string> {
    const file = nextAfter(this.#file, await successorsOf(this.#file));
    const made = await keepKeyFile({ file, mayMake: true }, () => randomBytes(keyBytes));
    const kek = kekOf(file, made);
    this.#keks.set(kek.id, kek);
    this.#primary = kek;
    return kek.id;
  }

  /** The key in memory goes on working without its file, but what it wraps would be lost with the process. */
  async check(): Promise<void> {
    using kept = new Secret((await this.#read(this.#primary.file)) ?? Buffer.alloc(0));
    if (kept.equals(this.#primary.key)) return;
    throw new Refusal("custodian_unavailable", "the key file is gone or holds another key");
  }

  /** A key that came into the folder since, from another process on it or from a backup, is found when it is first asked for. */
  async #kek(id: string): Promise<Kek> {
    const known = this.#keks.get(id);
    if (known !== undefined) return known;
    for (const file of [this.#file, ...(await successorsOf(this.#file))]) {
      const bytes = await this.#read(file);
      if (bytes === null) continue;
      const kek = kekOf(file, bytes);
      if (!this.#keks.has(kek.id)) this.#keks.set(kek.id, kek);
    }
    const found = this.#keks.get(id);
    if (found !== undefined) return found;
    throw new Refusal(
      "custodian_refused",
      "the data key is wrapped under a key-encryption key that is not in the data folder: restore its file",
      { cause: new Error(`wrapped under ${id}`) },
    );
  }

  async #read(file: string): Promise<Buffer | null> {
    try {
      return await readKeyFile(file);
    } catch (cause) {
      throw new Refusal("custodian_unavailable", "the key file cannot be used", { cause });
    }
  }
}

async function openKek(file: string): Promise<Kek> {
  const bytes = await readKeyFile(file);
  if (bytes === null) throw unusable(file, "vanished while it was read");
  return kekOf(file, bytes);
}

function kekOf(file: string, bytes: Buffer): Kek {
  const key = new Secret(bytes);
  if (key.sizeBytes !== keyBytes) throw unusable(file, `must hold ${keyBytes} bytes`);
  const id = `soft:${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
  return { id, file, key };
}
