import { GetPublicKeyCommand, SignCommand } from "@aws-sdk/client-kms";
import { Refusal } from "../errors.ts";
import { type AwsKms, faultOf, sentenceOf, within } from "./aws-kms.ts";
import { assertKeyName, isSignature, rawPublicKey } from "./ed25519.ts";
import type { Signer } from "./signer.ts";

export type AwsKmsSignerOptions = {
  readonly kms: AwsKms;
  /** The ARN of a key of spec ECC_NIST_EDWARDS25519 for SIGN_VERIFY. */
  readonly keyArn: string;
  /** The note's key name: no white space, no plus. */
  readonly name: string;
};

/** KMS takes no longer message for MessageType RAW, which pure Ed25519 needs (a digest would make another signature). */
export const longestMessage = 4_096;
const checkMessage = Buffer.from("weightvault asks its signer\n");

/** The signer on AWS KMS: Ed25519 over the message itself. Refuses to open on a key of another kind, and where it cannot sign. */
export async function openAwsKmsSigner({
  kms,
  keyArn,
  name,
}: AwsKmsSignerOptions): Promise<Signer> {
  assertKeyName(name);
  const answer = await ask(() =>
    kms.client.send(new GetPublicKeyCommand({ KeyId: keyArn }), within(kms)),
  );
  const publicKey = rawPublicKey(answer.PublicKey ?? new Uint8Array());
  const fits = answer.KeySpec === "ECC_NIST_EDWARDS25519" && answer.KeyUsage === "SIGN_VERIFY";
  if (answer.KeyId !== keyArn || !fits || publicKey === null) {
    throw new Refusal(
      "configuration_invalid",
      "the signing key in AWS KMS is not of spec ECC_NIST_EDWARDS25519 with usage SIGN_VERIFY, or another key answered",
    );
  }
  const signer = new AwsKmsSigner({ kms, keyArn, name, publicKey });
  await signer.check();
  return signer;
}

class AwsKmsSigner implements Signer {
  readonly name: string;
  readonly publicKey: Buffer;
  readonly #kms: AwsKms;
  readonly #keyArn: string;

  constructor(options: AwsKmsSignerOptions & { readonly publicKey: Buffer }) {
    this.name = options.name;
    this.publicKey = options.publicKey;
    this.#kms = options.kms;
    this.#keyArn = options.keyArn;
  }

  async sign(message: Uint8Array): Promise<Buffer> {
    if (message.length > longestMessage)
      throw new RangeError(`AWS KMS signs ${longestMessage} bytes at most`);
    const answer = await ask(() =>
      this.#kms.client.send(
        new SignCommand({
          KeyId: this.#keyArn,
          Message: message,
          MessageType: "RAW",
          SigningAlgorithm: "ED25519_SHA_512",
        }),
        within(this.#kms),
      ),
    );
    const signature = Buffer.from(answer.Signature ?? []);
    if (answer.KeyId === this.#keyArn && isSignature(this.publicKey, message, signature))
      return signature;
    throw new Refusal("signer_refused", "AWS KMS gave a signature that is not the ledger key's");
  }

  async check(): Promise<void> {
    await this.sign(checkMessage);
  }
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
