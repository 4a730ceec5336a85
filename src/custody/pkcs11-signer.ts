import { hash } from "node:crypto";
import { isRefusal, Refusal } from "../errors.ts";
import { answerOf, ck } from "./cryptoki.ts";
import { assertKeyName, isSignature } from "./ed25519.ts";
import { derSignature, isP256Signature } from "./p256.ts";
import {
  assertAlgorithm,
  assertKept,
  findSigningKey,
  publicKeyOf,
  type SigningPair,
} from "./pkcs11-keys.ts";
import { type Pkcs11Token, TokenFault } from "./pkcs11-token.ts";
import type { SignatureAlgorithm, Signer } from "./signer.ts";

export type Pkcs11SignerOptions = {
  readonly token: Pkcs11Token;
  /** The label of both halves of the pair. */
  readonly keyLabel: string;
  /** The note's key name: no white space, no plus. */
  readonly name: string;
  /** Left out, Ed25519. */
  readonly algorithm?: SignatureAlgorithm;
};

/** Of Ed25519, and of r and s as CKM_ECDSA gives them for P-256. */
const signatureBytes = 64;
const checkMessage = Buffer.from("weightvault asks its signer\n");

/**
 * The signer on a PKCS #11 token: CKM_EDDSA without parameters, which is pure Ed25519, or CKM_ECDSA over a SHA-256 that is made here. Refuses to open on a key that could be read out, and where it
 * cannot sign.
 */
export async function openPkcs11Signer(options: Pkcs11SignerOptions): Promise<Signer> {
  const { token, keyLabel, name, algorithm = "ed25519" } = options;
  const pair = { label: keyLabel, algorithm };
  assertKeyName(name);
  const publicKey = await asking(() =>
    token.use(async (session) => {
      assertAlgorithm(session, pair);
      assertKept(session, findSigningKey(session, "privateKey", pair), keyLabel);
      return publicKeyOf(session, findSigningKey(session, "publicKey", pair), algorithm);
    }),
  );
  const signer = new Pkcs11Signer({ token, keyLabel, name, algorithm, publicKey });
  await signer.check();
  return signer;
}

class Pkcs11Signer implements Signer {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly #token: Pkcs11Token;
  readonly #pair: SigningPair;

  constructor(options: Required<Pkcs11SignerOptions> & { readonly publicKey: Buffer }) {
    const { token, keyLabel, name, algorithm, publicKey } = options;
    this.name = name;
    this.publicKey = publicKey;
    this.#token = token;
    this.#pair = { label: keyLabel, algorithm };
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    const isEdwards = this.#pair.algorithm === "ed25519";
    const mechanism = isEdwards ? ck.mechanism.eddsa : ck.mechanism.ecdsa;
    const signed = isEdwards ? Buffer.from(message) : hash("sha256", message, "buffer");
    const made = await asking(() =>
      this.#token.use(async (session) => {
        const { cryptoki, handle } = session;
        const key = findSigningKey(session, "privateKey", this.#pair);
        cryptoki.C_SignInit(handle, { mechanism, parameter: null }, key);
        return await cryptoki.C_SignAsync(handle, signed, Buffer.alloc(signatureBytes));
      }),
    );
    if (isEdwards && isSignature(this.publicKey, message, made)) return made;
    const signature = isEdwards || made.length !== signatureBytes ? null : derSignature(made);
    if (signature !== null && isP256Signature(this.publicKey, message, signature)) return signature;
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
