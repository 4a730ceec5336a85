import { canonicalJson } from "../crypto/canonical-json.ts";
import { Secret } from "../crypto/secret.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { answerOf, ck, isAnswer, type Mechanism } from "./cryptoki.ts";
import type { Custodian, GeneratedKey, Wrap, WrapContext } from "./custodian.ts";
import { assertAes256, assertKept, findWrappingKey, idOf } from "./pkcs11-keys.ts";
import { type Pkcs11Token, TokenFault, type TokenSession } from "./pkcs11-token.ts";

export type Pkcs11CustodianOptions = {
  readonly token: Pkcs11Token;
  /** The label of the AES-256 key. */
  readonly keyLabel: string;
  /** Labels of the keys besides it that wraps may be under: those before a rotation, and the one after it. */
  readonly unwrapLabels?: readonly string[];
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
  unwrapLabels = [],
}: Pkcs11CustodianOptions): Promise<Custodian> {
  const primary = await openKek(token, keyLabel);
  const others: Kek[] = [];
  for (const label of unwrapLabels) others.push(await openKek(token, label));
  const custodian = new Pkcs11Custodian(token, primary, others);
  await custodian.check();
  return custodian;
}

type Kek = { readonly id: string; readonly label: string };

async function openKek(token: Pkcs11Token, label: string): Promise<Kek> {
  return await asking(() =>
    token.use(async (session) => {
      const key = findWrappingKey(session, label);
      assertAes256(session, key, label);
      assertKept(session, key, label);
      return { id: `pkcs11:${idOf(session, key, label)}`, label };
    }),
  );
}

class Pkcs11Custodian implements Custodian {
  readonly keyId: string;
  readonly #token: Pkcs11Token;
  readonly #label: string;
  readonly #labels: ReadonlyMap<string, string>;

  constructor(token: Pkcs11Token, primary: Kek, others: readonly Kek[]) {
    this.#token = token;
    this.#label = primary.label;
    this.keyId = primary.id;
    this.#labels = new Map([...others, primary].map(({ id, label }) => [id, label]));
  }

  /** The data key comes from the token's generator. */
  async generate(context: WrapContext): Promise<GeneratedKey> {
    const random = async ({ cryptoki, handle }: TokenSession) =>
      new Secret(cryptoki.C_GenerateRandom(handle, Buffer.alloc(keyBytes)));
    const dataKey = await asking(() => this.#token.use(random));
    try {
      return { dataKey, ...(await this.wrap(dataKey, context)) };
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  async wrap(dataKey: Secret, context: WrapContext): Promise<Wrap> {
    if (dataKey.sizeBytes !== keyBytes) throw new RangeError(`a data key has ${keyBytes} bytes`);
    const aad = canonicalJson(context);
    const wrapped = await asking(() =>
      this.#token.use((session) => this.#seal(session, dataKey, aad)),
    );
    return await this.#proven(wrapped, dataKey, context);
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Secret> {
    const label = this.#labelOf(keyId);
    if (wrapped.length !== wrappedBytes) throw rejected();
    const aad = canonicalJson(context);
    return await this.#opening(() =>
      this.#token.use((session) =>
        this.#open(session, { wrapped: Buffer.from(wrapped), aad, label }),
      ),
    );
  }

  /** Opened and sealed anew in one session; then the new wrap is opened and compared. */
  async rewrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Wrap> {
    const label = this.#labelOf(keyId);
    if (wrapped.length !== wrappedBytes) throw rejected();
    const aad = canonicalJson(context);
    using made = await this.#opening(() =>
      this.#token.use(async (session) => {
        const opened = await this.#open(session, { wrapped: Buffer.from(wrapped), aad, label });
        try {
          const wrapped = await this.#seal(session, opened, aad);
          return { dataKey: opened, wrapped, [Symbol.dispose]: () => opened.wipe() };
        } catch (error) {
          opened.wipe();
          throw error;
        }
      }),
    );
    return await this.#proven(made.wrapped, made.dataKey, context);
  }

  /** Keys of a token are made by `weightvault custody init`, under a new label. */
  async renew(): Promise<null> {
    return null;
  }

  async check(): Promise<void> {
    const { dataKey } = await this.generate(checkContext);
    dataKey.wipe();
  }

  /** What was wrapped is unwrapped and compared before anybody relies on it. */
  async #proven(wrapped: Buffer, dataKey: Secret, context: WrapContext): Promise<Wrap> {
    using unwrapped = await this.unwrap(wrapped, context, this.keyId);
    if (!unwrapped.equals(dataKey)) throw new Error("a wrapped key does not give its data key");
    return { wrapped, keyId: this.keyId };
  }

  /** A key that a row names and the configuration does not is never looked for: rows can be edited. */
  #labelOf(keyId: string): string {
    const label = this.#labels.get(keyId);
    if (label !== undefined) return label;
    throw new Refusal(
      "custodian_refused",
      "the data key is wrapped under a key-encryption key whose label neither WEIGHTVAULT_PKCS11_KEY nor WEIGHTVAULT_PKCS11_UNWRAP_KEYS names",
      { cause: new Error(`wrapped under ${keyId}`) },
    );
  }

  async #opening<Result>(open: () => Promise<Result>): Promise<Result> {
    try {
      return await open();
    } catch (cause) {
      if (isRejection(cause)) throw rejected(cause);
      if (isVague(cause) && (await this.#serves())) throw rejected(cause);
      throw refusalOf(cause);
    }
  }

  /** Whether the token opens what it has just sealed: then a general failure was about the bytes that it was given, not about the token. */
  async #serves(): Promise<boolean> {
    using sample = new Secret(Buffer.alloc(keyBytes, 1));
    const aad = canonicalJson(checkContext);
    try {
      const wrapped = await this.#token.use((session) => this.#seal(session, sample, aad));
      using opened = await this.#token.use((session) =>
        this.#open(session, { wrapped, aad, label: this.#label }),
      );
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

  async #open(
    session: TokenSession,
    {
      wrapped,
      aad,
      label,
    }: { readonly wrapped: Buffer; readonly aad: Buffer; readonly label: string },
  ): Promise<Secret> {
    const { cryptoki, handle } = session;
    const iv = wrapped.subarray(0, ivBytes);
    cryptoki.C_DecryptInit(handle, gcm(iv, aad), findWrappingKey(session, label));
    const into = Buffer.alloc(keyBytes + tagBytes);
    try {
      const opened = await cryptoki.C_DecryptAsync(handle, wrapped.subarray(ivBytes), into);
      if (opened.length !== keyBytes) throw rejected();
      return new Secret(Buffer.from(opened));
    } finally {
      into.fill(0);
    }
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
