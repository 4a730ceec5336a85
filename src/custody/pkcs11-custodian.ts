import { canonicalJson } from "../crypto/canonical-json.ts";
import { Secret } from "../crypto/secret.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { answerOf, ck, isAnswer, type Mechanism } from "./cryptoki.ts";
import type { Custodian, GeneratedKey, WrapContext } from "./custodian.ts";
import { assertAes256, assertKept, findWrappingKey, idOf } from "./pkcs11-keys.ts";
import { type Pkcs11Token, TokenFault, type TokenSession } from "./pkcs11-token.ts";

export type Pkcs11CustodianOptions = {
  readonly token: Pkcs11Token;
  /** The label of the AES-256 key. */
  readonly keyLabel: string;
};

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const wrappedBytes = ivBytes + keyBytes + tagBytes;
const checkContext: WrapContext = { "weightvault:check": "custodian" };

/**
 * The custodian on a PKCS #11 token: CKM_AES_GCM under a key that never leaves it, with the context's canonical JSON as associated data.
 * A wrapped key is `iv(12) | ciphertext(32) | tag(16)`. The IV is 96 bits of the token's own generator (NIST SP 800-38D, section 8.2.2),
 * which allows 2^32 wraps under one key. Refuses to open on a key that could be read out, and where it cannot serve.
 */
export async function openPkcs11Custodian({
  token,
  keyLabel,
}: Pkcs11CustodianOptions): Promise<Custodian> {
  const id = await asking(() =>
    token.use(async (session) => {
      const key = findWrappingKey(session, keyLabel);
      assertAes256(session, key, keyLabel);
      assertKept(session, key, keyLabel);
      return idOf(session, key, keyLabel);
    }),
  );
  const custodian = new Pkcs11Custodian({ token, keyLabel }, `pkcs11:${id}`);
  await custodian.check();
  return custodian;
}

class Pkcs11Custodian implements Custodian {
  readonly keyId: string;
  readonly #token: Pkcs11Token;
  readonly #label: string;

  constructor({ token, keyLabel }: Pkcs11CustodianOptions, keyId: string) {
    this.#token = token;
    this.#label = keyLabel;
    this.keyId = keyId;
  }

  /** The data key comes from the token's generator. */
  async generate(context: WrapContext): Promise<GeneratedKey> {
    const random = async ({ cryptoki, handle }: TokenSession) =>
      new Secret(cryptoki.C_GenerateRandom(handle, Buffer.alloc(keyBytes)));
    const dataKey = await asking(() => this.#token.use(random));
    try {
      return { dataKey, wrapped: await this.wrap(dataKey, context) };
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  async wrap(dataKey: Secret, context: WrapContext): Promise<Buffer> {
    if (dataKey.sizeBytes !== keyBytes) throw new RangeError(`a data key has ${keyBytes} bytes`);
    const aad = canonicalJson(context);
    const wrapped = await asking(() =>
      this.#token.use((session) => this.#seal(session, dataKey, aad)),
    );
    using unwrapped = await this.unwrap(wrapped, context);
    if (!unwrapped.equals(dataKey)) throw new Error("a wrapped key does not give its data key");
    return wrapped;
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Secret> {
    if (wrapped.length !== wrappedBytes) throw rejected();
    const aad = canonicalJson(context);
    try {
      return await this.#token.use((session) => this.#open(session, Buffer.from(wrapped), aad));
    } catch (cause) {
      if (isRejection(cause)) throw rejected(cause);
      if (isVague(cause) && (await this.#serves())) throw rejected(cause);
      throw refusalOf(cause);
    }
  }

  async check(): Promise<void> {
    const { dataKey } = await this.generate(checkContext);
    dataKey.wipe();
  }

  /** Whether the token opens what it has just sealed: then a general failure was about the bytes that it was given, not about the token. */
  async #serves(): Promise<boolean> {
    using sample = new Secret(Buffer.alloc(keyBytes, 1));
    const aad = canonicalJson(checkContext);
    try {
      const wrapped = await this.#token.use((session) => this.#seal(session, sample, aad));
      using opened = await this.#token.use((session) => this.#open(session, wrapped, aad));
      return opened.equals(sample);
    } catch {
      return false;
    }
  }

  async #seal(session: TokenSession, dataKey: Secret, aad: Buffer): Promise<Buffer> {
    const { cryptoki, handle } = session;
    const iv = cryptoki.C_GenerateRandom(handle, Buffer.alloc(ivBytes));
    cryptoki.C_EncryptInit(handle, gcm(iv, aad), findWrappingKey(session, this.#label));
    const into = Buffer.alloc(keyBytes + tagBytes);
    return Buffer.concat([iv, await cryptoki.C_EncryptAsync(handle, dataKey.expose(), into)]);
  }

  async #open(session: TokenSession, wrapped: Buffer, aad: Buffer): Promise<Secret> {
    const { cryptoki, handle } = session;
    const iv = wrapped.subarray(0, ivBytes);
    cryptoki.C_DecryptInit(handle, gcm(iv, aad), findWrappingKey(session, this.#label));
    const into = Buffer.alloc(keyBytes + tagBytes);
    const opened = await cryptoki.C_DecryptAsync(handle, wrapped.subarray(ivBytes), into);
    const secret = new Secret(Buffer.from(opened));
    opened.fill(0);
    into.fill(0);
    if (secret.sizeBytes === keyBytes) return secret;
    secret.wipe();
    throw rejected();
  }
}

function gcm(iv: Buffer, aad: Buffer): Mechanism {
  const bits = { ivBits: ivBytes * 8, tagBits: tagBytes * 8 };
  return {
    mechanism: ck.mechanism.aesGcm,
    parameter: { type: ck.gcmParameters, iv, aad, ...bits },
  };
}

function isRejection(thrown: unknown): boolean {
  return isAnswer(
    thrown,
    "CKR_AEAD_DECRYPT_FAILED",
    "CKR_ENCRYPTED_DATA_INVALID",
    "CKR_ENCRYPTED_DATA_LEN_RANGE",
    "CKR_DATA_INVALID",
    "CKR_DATA_LEN_RANGE",
  );
}

/** What some tokens answer to a wrong tag, SoftHSM among them, and others when they are in trouble. */
function isVague(thrown: unknown): boolean {
  return isAnswer(thrown, "CKR_GENERAL_ERROR", "CKR_FUNCTION_FAILED");
}

async function asking<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (cause) {
    throw refusalOf(cause);
  }
}

function refusalOf(cause: unknown): Refusal {
  if (isRefusal(cause)) return cause;
  if (cause instanceof TokenFault) {
    const code = cause.isOutage ? "custodian_unavailable" : "custodian_refused";
    return new Refusal(code, cause.message, { cause });
  }
  return new Refusal("custodian_unavailable", `the token does not serve (${answerOf(cause)})`, {
    cause,
  });
}

function rejected(cause?: unknown): Refusal {
  return new Refusal("wrapped_key_rejected", "the wrapped key does not open in its context", {
    cause,
  });
}
