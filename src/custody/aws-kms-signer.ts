import { hash } from "node:crypto";
import { GetPublicKeyCommand, SignCommand, type SignCommandInput } from "@aws-sdk/client-kms";
import { Refusal } from "../errors.ts";
import { type AwsKms, faultOf, sentenceOf, within } from "./aws-kms.ts";
import { assertKeyName, isSignature, rawPublicKey } from "./ed25519.ts";
import { isP256Signature, p256Spki } from "./p256.ts";
import type { SignatureAlgorithm, Signer } from "./signer.ts";

export type AwsKmsSignerOptions = {
  readonly kms: AwsKms;
  /** The ARN of a key of the algorithm's spec for SIGN_VERIFY. */
  readonly keyArn: string;
  /** The note's key name: no white space, no plus. */
  readonly name: string;
  /** Left out, Ed25519. */
  readonly algorithm?: SignatureAlgorithm;
};

/** KMS takes no longer message for MessageType RAW, which pure Ed25519 needs (a digest would make another signature). */
export const longestMessage = 4_096;
/** ECDSA signs a digest in any case; beyond the length of a raw message we make it. As much as a statement of ten thousand files has, and more. */
export const longestDigested = 2 ** 24;
const checkMessage = Buffer.from("weightvault asks its signer\n");

const kinds = {
  ed25519: {
    spec: "ECC_NIST_EDWARDS25519",
    signing: "ED25519_SHA_512",
    publicKeyOf: rawPublicKey,
    isSignature,
    longestMessage,
  },
  "ecdsa-p256": {
    spec: "ECC_NIST_P256",
    signing: "ECDSA_SHA_256",
    publicKeyOf: p256Spki,
    isSignature: isP256Signature,
    longestMessage: longestDigested,
  },
} as const satisfies Record<SignatureAlgorithm, unknown>;

/** The signer on AWS KMS: Ed25519 over the message itself, or ECDSA on P-256. Refuses to open on a key of another kind, and where it cannot sign. */
export async function openAwsKmsSigner(options: AwsKmsSignerOptions): Promise<Signer> {
  const { kms, keyArn, name, algorithm = "ed25519" } = options;
  assertKeyName(name);
  const answer = await ask(() =>
    kms.client.send(new GetPublicKeyCommand({ KeyId: keyArn }), within(kms)),
  );
  const { spec, publicKeyOf } = kinds[algorithm];
  const publicKey = publicKeyOf(answer.PublicKey ?? new Uint8Array());
  const fits = answer.KeySpec === spec && answer.KeyUsage === "SIGN_VERIFY";
  if (answer.KeyId !== keyArn || !fits || publicKey === null)
    throw new Refusal(
      "configuration_invalid",
      `the signing key in AWS KMS is not of spec ${spec} with usage SIGN_VERIFY, or another key answered${settingFor(answer.KeySpec, algorithm)}`,
    );
  const signer = new AwsKmsSigner({ kms, keyArn, name, algorithm, publicKey });
  await signer.check();
  return signer;
}

/** What to say of a key that another setting would take. */
function settingFor(spec: string | undefined, algorithm: SignatureAlgorithm): string {
  const other = algorithm === "ed25519" ? "ecdsa-p256" : "ed25519";
  return spec === kinds[other].spec
    ? `: it is of spec ${spec}, which WEIGHTVAULT_LEDGER_SIGNATURE=${other} takes (WEIGHTVAULT_LEDGER_NEXT_SIGNATURE for the next key)`
    : "";
}

class AwsKmsSigner implements Signer {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly longestMessage: number;
  readonly #kms: AwsKms;
  readonly #keyArn: string;
  readonly #algorithm: SignatureAlgorithm;

  constructor(options: Required<AwsKmsSignerOptions> & { readonly publicKey: Buffer }) {
    this.name = options.name;
    this.publicKey = options.publicKey;
    this.longestMessage = kinds[options.algorithm].longestMessage;
    this.#kms = options.kms;
    this.#keyArn = options.keyArn;
    this.#algorithm = options.algorithm;
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    if (message.length > this.longestMessage)
      throw new RangeError(`AWS KMS signs ${this.longestMessage} bytes at most`);
    const { signing, isSignature: isGenuine } = kinds[this.#algorithm];
    const answer = await ask(() =>
      this.#kms.client.send(
        new SignCommand({
          KeyId: this.#keyArn,
          SigningAlgorithm: signing,
          ...messageOf(message),
        }),
        within(this.#kms),
      ),
    );
    const signature = Buffer.from(answer.Signature ?? []);
    if (answer.KeyId === this.#keyArn && isGenuine(this.publicKey, message, signature))
      return signature;
    throw new Refusal("signer_refused", "AWS KMS gave a signature that is not the ledger key's");
  }

  async check(): Promise<void> {
    await this.sign(checkMessage);
  }
}

/** The message itself; one that is too long for that, and only ECDSA gets here with one, as its digest. */
function messageOf(message: Uint8Array): Pick<SignCommandInput, "Message" | "MessageType"> {
  return message.length > longestMessage
    ? { Message: hash("sha256", message, "buffer"), MessageType: "DIGEST" }
    : { Message: message, MessageType: "RAW" };
}

async function ask<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (cause) {
    const fault = faultOf(cause);
    const isOutage = fault.kind === "throttled" || fault.kind === "unreachable";
    const code = isOutage ? "signer_unavailable" : "signer_refused";
    throw new Refusal(code, sentenceOf(fault), { cause });
  }
}
