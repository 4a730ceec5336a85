import { isRefusal, Refusal } from "../errors.ts";
import { answerOf, ck } from "./cryptoki.ts";
import { assertKeyName, isSignature } from "./ed25519.ts";
import { assertKept, findSigningKey, publicPoint } from "./pkcs11-keys.ts";
import { type Pkcs11Token, TokenFault } from "./pkcs11-token.ts";
import type { Signer } from "./signer.ts";

export type Pkcs11SignerOptions = {
  readonly token: Pkcs11Token;
  /** The label of both halves of the Ed25519 pair. */
  readonly keyLabel: string;
  /** The note's key name: no white space, no plus. */
  readonly name: string;
};

const signatureBytes = 64;
const checkMessage = Buffer.from("weightvault asks its signer\n");

/** The signer on a PKCS #11 token: CKM_EDDSA without parameters, which is pure Ed25519. Refuses to open on a key that could be read out, and where it cannot sign. */
export async function openPkcs11Signer(options: Pkcs11SignerOptions): Promise<Signer> {
  const { token, keyLabel, name } = options;
  assertKeyName(name);
  const publicKey = await asking(() =>
    token.use(async (session) => {
      assertKept(session, findSigningKey(session, "privateKey", keyLabel), keyLabel);
      return publicPoint(session, findSigningKey(session, "publicKey", keyLabel));
    }),
  );
  const signer = new Pkcs11Signer(options, publicKey);
  await signer.check();
  return signer;
}

class Pkcs11Signer implements Signer {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly #token: Pkcs11Token;
  readonly #label: string;

  constructor({ token, keyLabel, name }: Pkcs11SignerOptions, publicKey: Buffer) {
    this.name = name;
    this.publicKey = publicKey;
    this.#token = token;
    this.#label = keyLabel;
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    const signature = await asking(() =>
      this.#token.use(async (session) => {
        const { cryptoki, handle } = session;
        const key = findSigningKey(session, "privateKey", this.#label);
        cryptoki.C_SignInit(handle, { mechanism: ck.mechanism.eddsa, parameter: null }, key);
        return await cryptoki.C_SignAsync(
          handle,
          Buffer.from(message),
          Buffer.alloc(signatureBytes),
        );
      }),
    );
    if (isSignature(this.publicKey, message, signature)) return signature;
    throw new Refusal("signer_refused", "the token gave a signature that is not the ledger key's");
  }

  async check(): Promise<void> {
    await this.sign(checkMessage);
  }
}

async function asking<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (cause) {
    if (isRefusal(cause)) throw cause;
    if (cause instanceof TokenFault)
      throw new Refusal(cause.isOutage ? "signer_unavailable" : "signer_refused", cause.message, {
        cause,
      });
    throw new Refusal("signer_unavailable", `the token does not sign (${answerOf(cause)})`, {
      cause,
    });
  }
}
