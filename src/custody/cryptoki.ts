import { Refusal } from "../errors.ts";

/** A slot, session or object of the token's. */
export type Handle = Buffer;

export type Attribute = {
  readonly type: number;
  readonly value?: Buffer | number | boolean | string;
};

export type Mechanism = {
  readonly mechanism: number;
  readonly parameter?: null | {
    readonly type: number;
    readonly iv: Buffer;
    readonly aad: Buffer;
    readonly ivBits: number;
    readonly tagBits: number;
  };
};

/**
 * The calls of PKCS #11 2.40 that the vault makes, as pkcs11js has them. The package is optional and may be absent, so nothing imports its
 * types. Every call throws an error whose `code` is the CKR value. A session takes one operation at a time.
 */
export type Cryptoki = {
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetSlotList(tokenPresent: boolean): readonly Handle[];
  C_GetTokenInfo(slot: Handle): TokenInfo;
  C_GetMechanismList(slot: Handle): readonly number[];
  C_GetMechanismInfo(
    slot: Handle,
    mechanism: number,
  ): { readonly flags: number; readonly maxKeySize: number };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_CloseSession(session: Handle): void;
  C_Login(session: Handle, userType: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, most: number): readonly Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): readonly { readonly type: number; readonly value: Buffer }[];
  C_GenerateRandom(session: Handle, into: Buffer): Buffer;
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_EncryptAsync(session: Handle, plaintext: Buffer, into: Buffer): Promise<Buffer>;
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_DecryptAsync(session: Handle, ciphertext: Buffer, into: Buffer): Promise<Buffer>;
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_SignAsync(session: Handle, message: Buffer, into: Buffer): Promise<Buffer>;
  C_GenerateKey(session: Handle, mechanism: Mechanism, template: readonly Attribute[]): Handle;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): { readonly publicKey: Handle; readonly privateKey: Handle };
};

/** Texts are padded with spaces; a `maxSessionCount` of 0, or all ones, is no limit. */
export type TokenInfo = {
  readonly label: string;
  readonly serialNumber: string;
  readonly flags: number;
  readonly maxSessionCount: number;
};

/** Names and values of PKCS #11 2.40 and, for Edwards curves, 3.0. */
export const ck = {
  flag: { osLocking: 2, readWrite: 2, serial: 4, rng: 1, encrypt: 0x100, decrypt: 0x200 },
  signFlag: 0x800,
  generateFlag: 0x8000,
  generatePairFlag: 0x10000,
  user: 1,
  gcmParameters: 3,
  class: { publicKey: 2, privateKey: 3, secretKey: 4 },
  keyType: { aes: 0x1f, ec: 0x3, edwards: 0x40 },
  mechanism: {
    aesKeyGen: 0x1080,
    aesGcm: 0x1087,
    ecPairGen: 0x1040,
    ecdsa: 0x1041,
    edwardsPairGen: 0x1055,
    eddsa: 0x1057,
  },
  attribute: {
    class: 0x0,
    token: 0x1,
    private: 0x2,
    label: 0x3,
    keyType: 0x100,
    id: 0x102,
    sensitive: 0x103,
    encrypt: 0x104,
    decrypt: 0x105,
    wrap: 0x106,
    unwrap: 0x107,
    sign: 0x108,
    verify: 0x10a,
    valueLength: 0x161,
    extractable: 0x162,
    modifiable: 0x170,
    ecParameters: 0x180,
    ecPoint: 0x181,
  },
} as const;

/** What tokens answer, by the names of the standard. Others are told by number. */
const answers = {
  CKR_SLOT_ID_INVALID: 0x3,
  CKR_GENERAL_ERROR: 0x5,
  CKR_FUNCTION_FAILED: 0x6,
  CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
  CKR_DATA_INVALID: 0x20,
  CKR_DATA_LEN_RANGE: 0x21,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_AEAD_DECRYPT_FAILED: 0x35,
  CKR_ENCRYPTED_DATA_INVALID: 0x40,
  CKR_ENCRYPTED_DATA_LEN_RANGE: 0x41,
  CKR_FUNCTION_NOT_SUPPORTED: 0x54,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_KEY_TYPE_INCONSISTENT: 0x63,
  CKR_KEY_FUNCTION_NOT_PERMITTED: 0x68,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_MECHANISM_PARAM_INVALID: 0x71,
  CKR_OBJECT_HANDLE_INVALID: 0x82,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_COUNT: 0xb1,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_TOKEN_NOT_RECOGNIZED: 0xe1,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_USER_PIN_NOT_INITIALIZED: 0x102,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
} as const;

export type Answer = keyof typeof answers;

/** Whether a call of the token's failed with one of the given answers. */
export function isAnswer(thrown: unknown, ...names: readonly Answer[]): boolean {
  const code = codeOf(thrown);
  return names.some((name) => answers[name] === code);
}

/** The answer's name, or its number in hex; `not an answer` for what is none. */
export function answerOf(thrown: unknown): string {
  const code = codeOf(thrown);
  if (code === null) return "not an answer of the token's";
  const known = Object.entries(answers).find(([, value]) => value === code);
  return known?.[0] ?? `CKR 0x${code.toString(16)}`;
}

function codeOf(thrown: unknown): number | null {
  if (typeof thrown !== "object" || thrown === null || !("code" in thrown)) return null;
  return typeof thrown.code === "number" ? thrown.code : null;
}

/**
 * Loads the HSM's library and initialises it for use from many threads: without the operating system's locks a library crashes the
 * process under concurrent calls. Refuses (`configuration_invalid`) where pkcs11js was not built or the library cannot be loaded.
 */
export async function loadCryptoki(library: string): Promise<Cryptoki> {
  const cryptoki = await bindings();
  try {
    cryptoki.load(library);
    initialize(cryptoki);
  } catch (cause) {
    throw new Refusal(
      "configuration_invalid",
      `WEIGHTVAULT_PKCS11_MODULE: the library cannot be loaded (${Error.isError(cause) ? cause.message : answerOf(cause)})`,
      { cause },
    );
  }
  return cryptoki;
}

/** A library is initialised once in a process; who comes second finds it so. */
export function initialize(cryptoki: Cryptoki): void {
  try {
    cryptoki.C_Initialize({ flags: ck.flag.osLocking });
  } catch (error) {
    if (!isAnswer(error, "CKR_CRYPTOKI_ALREADY_INITIALIZED")) throw error;
  }
}

async function bindings(): Promise<Cryptoki & { load(library: string): void }> {
  // A name that the compiler does not follow: the package may be absent, as after an install without a C++ compiler under npm 10.
  const name: string = "pkcs11js";
  try {
    const { default: module } = (await import(name)) as { readonly default: Bindings };
    return onOwnBytes(new module.PKCS11());
  } catch (cause) {
    throw new Refusal(
      "configuration_invalid",
      "pkcs11js is not built: run `npm run hsm`, which needs a C++ compiler, make and Python",
      { cause },
    );
  }
}

/**
 * Lets the asynchronous calls read bytes that live as long as the call. pkcs11js hands the token's thread the address of the caller's buffer
 * and keeps no reference to it (its issue 121, open on 2026-11-27): without one the collector may free it, and a caller that waits no longer
 * may wipe it, while it is read. The copy is wiped at the end. It lies outside of V8's heap from the beginning: a small buffer does not, and is
 * moved there for the call, which leaves its bytes behind.
 */
export function onOwnBytes<Calls extends Pick<Cryptoki, ThreadedCall>>(calls: Calls): Calls {
  for (const name of threaded) {
    const call = calls[name].bind(calls);
    calls[name] = async (session, bytes, into) => {
      const own = Buffer.from(new ArrayBuffer(bytes.length));
      own.set(bytes);
      try {
        return await call(session, own, into);
      } finally {
        own.fill(0);
      }
    };
  }
  return calls;
}

const threaded = ["C_EncryptAsync", "C_DecryptAsync", "C_SignAsync"] as const;

/** The calls that the token's own threads carry out. */
export type ThreadedCall = (typeof threaded)[number];

type Bindings = { readonly PKCS11: new () => Cryptoki & { load(library: string): void } };
