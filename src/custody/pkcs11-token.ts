import {
  type Answer,
  type Attribute,
  answerOf,
  type Cryptoki,
  ck,
  type Handle,
  initialize,
  isAnswer,
  type TokenInfo,
} from "./cryptoki.ts";
import { Permits } from "./permits.ts";
import { type Pin, readPin } from "./pin-file.ts";

export type Pkcs11TokenOptions = {
  readonly cryptoki: Cryptoki;
  /** The token's label. */
  readonly label: string;
  /** The slot's number, where several tokens have the label. */
  readonly slot: number | null;
  /** The user's PIN and nothing else, mode 0600. */
  readonly pinFile: string;
  /** How many operations may be under way at once; each has a session to itself. */
  readonly sessions: number;
  /** How long a call may take, waiting for a session included. */
  readonly timeoutMs: number;
};

/** Why the token did not serve: now, or until somebody changes something. The message says what, and holds no PIN. */
export class TokenFault extends Error {
  override readonly name = "TokenFault";
  readonly isOutage: boolean;

  constructor(isOutage: boolean, message: string, cause?: unknown) {
    super(message, { cause });
    this.isOutage = isOutage;
  }
}

/** One session with the user logged in, for one operation at a time. */
export type TokenSession = {
  readonly cryptoki: Cryptoki;
  readonly handle: Handle;
  /** The one object that the template fits. A fault where there is none or more than one: keys are not guessed. */
  find(what: string, template: readonly Attribute[]): Handle;
};

/** What is true until the token is lost: its slot, the session that holds the login, idle sessions and object handles. */
type Connection = {
  readonly slot: Handle;
  readonly login: Handle;
  readonly idle: Handle[];
  readonly objects: Map<string, Handle>;
  isLost: boolean;
};

/** Answers after which sessions and handles are worth nothing, and a new connection may be. */
const losses: readonly Answer[] = [
  "CKR_SLOT_ID_INVALID",
  "CKR_DEVICE_ERROR",
  "CKR_DEVICE_REMOVED",
  "CKR_KEY_HANDLE_INVALID",
  "CKR_OBJECT_HANDLE_INVALID",
  "CKR_SESSION_CLOSED",
  "CKR_SESSION_HANDLE_INVALID",
  "CKR_TOKEN_NOT_PRESENT",
  "CKR_TOKEN_NOT_RECOGNIZED",
  "CKR_USER_NOT_LOGGED_IN",
  "CKR_CRYPTOKI_NOT_INITIALIZED",
];
const wrongPin: readonly Answer[] = [
  "CKR_PIN_INCORRECT",
  "CKR_PIN_INVALID",
  "CKR_PIN_LEN_RANGE",
  "CKR_PIN_EXPIRED",
  "CKR_PIN_LOCKED",
  "CKR_USER_PIN_NOT_INITIALIZED",
];
/** Answers that no second try changes. */
const refusals: readonly Answer[] = [
  "CKR_FUNCTION_NOT_SUPPORTED",
  "CKR_KEY_TYPE_INCONSISTENT",
  "CKR_KEY_FUNCTION_NOT_PERMITTED",
  "CKR_MECHANISM_INVALID",
  "CKR_MECHANISM_PARAM_INVALID",
];

/**
 * A token and its sessions, shared by custodian and signer. It connects on first use and again after a loss: a token taken out and put
 * back, sessions closed by the device, a library that was initialised anew.
 */
export class Pkcs11Token {
  readonly #options: Pkcs11TokenOptions;
  readonly #permits: Permits;
  #connection: Promise<Connection> | null = null;
  #working = 0;
  /** The PIN file, by its time and size, that the token refused. Trying it again would lock the token. */
  #refusedPin: string | null = null;

  constructor(options: Pkcs11TokenOptions) {
    this.#options = options;
    this.#permits = new Permits(options.sessions);
  }

  /**
   * Runs one operation in a session of its own, once more on a new connection where the first was lost: operations here change nothing on
   * the token. What it gives too late is disposed of. Throws `TokenFault` where the token does not serve, and every other answer as it came.
   */
  async use<Result>(operation: (session: TokenSession) => Promise<Result>): Promise<Result> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    // An operation that hangs keeps its session and its permit until it ends, and nobody is there to take what it gives then.
    const operating = this.#withPermit(operation);
    const fault = () => {
      operating.then(dispose, () => {});
      reject(new TokenFault(true, "the token does not answer in time"));
    };
    const timer = setTimeout(fault, this.#options.timeoutMs);
    try {
      return await Promise.race([operating, late]);
    } catch (error) {
      if (isAnswer(error, ...refusals))
        throw new TokenFault(false, `the token refuses the operation (${answerOf(error)})`, error);
      if (isAnswer(error, ...losses, "CKR_SESSION_COUNT"))
        throw new TokenFault(true, `the token is lost (${answerOf(error)})`, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The token's slot and what it says of itself. */
  locate(): { readonly slot: Handle; readonly info: TokenInfo } {
    const { cryptoki, label, slot: number } = this.#options;
    const slots = cryptoki.C_GetSlotList(true).map((slot) => ({
      slot,
      info: cryptoki.C_GetTokenInfo(slot),
    }));
    const found = slots.filter(
      ({ slot, info }) =>
        info.label.trimEnd() === label && (number === null || slot.readUIntLE(0, 6) === number),
    );
    const [only, more] = found;
    if (only === undefined)
      throw new TokenFault(true, `no token with the label ${label} is in a slot`);
    if (more === undefined) return only;
    throw new TokenFault(
      false,
      `several tokens have the label ${label}: name the slot with WEIGHTVAULT_PKCS11_SLOT`,
    );
  }

  /** Gives its sessions back; those in which something is under way are closed when it ends. */
  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => null);
    this.#connection = null;
    if (connection !== null && connection !== undefined) this.#disconnect(connection);
  }

  async #withPermit<Result>(
    operation: (session: TokenSession) => Promise<Result>,
  ): Promise<Result> {
    await this.#permits.take(this.#options.timeoutMs);
    try {
      return await this.#once(operation).catch(async (error: unknown) => {
        if (!isAnswer(error, ...losses)) throw error;
        return await this.#once(operation);
      });
    } finally {
      this.#permits.give();
    }
  }

  async #once<Result>(operation: (session: TokenSession) => Promise<Result>): Promise<Result> {
    const connection = await this.#connected();
    let session: Handle | null = null;
    let isClean = false;
    this.#working += 1;
    try {
      session = connection.idle.pop() ?? this.#openSession(connection.slot);
      const result = await operation(this.#sessionOf(connection, session));
      isClean = true;
      return result;
    } catch (error) {
      if (isAnswer(error, ...losses)) this.#disconnect(connection);
      throw error;
    } finally {
      this.#working -= 1;
      // After a failure an operation may still be active in the session, and nothing ends it but closing.
      if (session !== null && isClean && !connection.isLost) connection.idle.push(session);
      else if (session !== null) this.#closeSession(session);
    }
  }

  #sessionOf(connection: Connection, handle: Handle): TokenSession {
    const { cryptoki } = this.#options;
    return {
      cryptoki,
      handle,
      find: (what, template) => {
        const known = connection.objects.get(what);
        if (known !== undefined) return known;
        const found = findOne(cryptoki, handle, { what, template });
        connection.objects.set(what, found);
        return found;
      },
    };
  }

  async #connected(): Promise<Connection> {
    const begun = (this.#connection ??= this.#connect());
    const connection = await begun.catch(() => null);
    if (connection?.isLost === false) return connection;
    if (this.#connection === begun) this.#connection = null;
    return connection === null ? await begun : await this.#connected();
  }

  async #connect(): Promise<Connection> {
    const { cryptoki } = this.#options;
    initialize(cryptoki);
    const { slot } = this.#locateAnew();
    const login = this.#openSession(slot);
    try {
      await this.#logIn(login);
    } catch (error) {
      this.#closeSession(login);
      throw error;
    }
    return { slot, login, idle: [], objects: new Map(), isLost: false };
  }

  /** Some libraries see a token that came back only when they are initialised again, which ends every session: done when none is at work. */
  #locateAnew(): { readonly slot: Handle } {
    const { cryptoki } = this.#options;
    try {
      return this.locate();
    } catch (error) {
      if (this.#working > 0 || !(error instanceof TokenFault) || !error.isOutage) throw error;
      cryptoki.C_Finalize();
      initialize(cryptoki);
      return this.locate();
    }
  }

  async #logIn(session: Handle): Promise<void> {
    const { pin, version } = await pinOf(this.#options.pinFile);
    if (version === this.#refusedPin) {
      throw new TokenFault(
        false,
        "the token refused the PIN in WEIGHTVAULT_PKCS11_PIN_FILE, and is not asked again before the file changes",
      );
    }
    try {
      this.#options.cryptoki.C_Login(session, ck.user, pin);
    } catch (error) {
      if (isAnswer(error, "CKR_USER_ALREADY_LOGGED_IN")) return;
      if (!isAnswer(error, ...wrongPin)) throw error;
      this.#refusedPin = version;
      throw new TokenFault(
        false,
        `the token refuses the PIN in WEIGHTVAULT_PKCS11_PIN_FILE (${answerOf(error)})`,
        error,
      );
    }
  }

  #openSession(slot: Handle): Handle {
    return this.#options.cryptoki.C_OpenSession(slot, ck.flag.serial | ck.flag.readWrite);
  }

  #closeSession(session: Handle): void {
    try {
      this.#options.cryptoki.C_CloseSession(session);
    } catch {
      // It went with the token.
    }
  }

  /** Whoever still works in a session of the connection closes it at the end. */
  #disconnect(connection: Connection): void {
    if (connection.isLost) return;
    connection.isLost = true;
    for (const session of [...connection.idle, connection.login]) this.#closeSession(session);
  }
}

/** Key bytes are wiped; what has no end of its own is left as it is. */
function dispose(given: unknown): void {
  if (typeof given !== "object" || given === null || !(Symbol.dispose in given)) return;
  (given as Disposable)[Symbol.dispose]();
}

async function pinOf(file: string): Promise<Pin> {
  return await readPin(file).catch((cause: unknown) => {
    const why = Error.isError(cause) ? cause.message : "the file cannot be read";
    throw new TokenFault(false, `WEIGHTVAULT_PKCS11_PIN_FILE: ${why}`, cause);
  });
}

function findOne(
  cryptoki: Cryptoki,
  session: Handle,
  { what, template }: { readonly what: string; readonly template: readonly Attribute[] },
): Handle {
  const [only, more] = findObjects(cryptoki, session, template);
  if (only !== undefined && more === undefined) return only;
  const problem =
    only === undefined
      ? `the token holds no ${what}: \`weightvault custody init\` makes it`
      : `the token holds more than one ${what}: give the others another label`;
  throw new TokenFault(false, problem);
}

/** The first objects that the template fits, two at most. */
export function findObjects(
  cryptoki: Cryptoki,
  session: Handle,
  template: readonly Attribute[],
): readonly Handle[] {
  cryptoki.C_FindObjectsInit(session, template);
  try {
    return cryptoki.C_FindObjects(session, 2);
  } finally {
    cryptoki.C_FindObjectsFinal(session);
  }
}
