import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  ReEncryptCommand,
} from "@aws-sdk/client-kms";
import { Secret } from "../crypto/secret.ts";
import { Refusal } from "../errors.ts";
import { type AwsKms, faultOf, sentenceOf, within } from "./aws-kms.ts";
import type { Custodian, GeneratedKey, Wrap, WrapContext } from "./custodian.ts";

export type AwsKmsCustodianOptions = {
  readonly kms: AwsKms;
  /** The ARN of a symmetric key. An alias may be pointed at another key by others, so it is no name for one. */
  readonly keyArn: string;
  /** ARNs of the keys besides it that wraps may be under: those before a rotation, and the one after it. */
  readonly unwrapArns?: readonly string[];
};

const keyBytes = 32;
/** What Decrypt takes. */
const longestWrapped = 6_144;
/** A context that no object has; a key policy that holds callers to contexts has to admit it. */
const checkContext: WrapContext = { "weightvault:check": "custodian" };

/** The custodian on AWS KMS: wrapped keys are its ciphertexts, bound to their context as encryption context. Refuses to open where it cannot serve. */
export async function openAwsKmsCustodian(options: AwsKmsCustodianOptions): Promise<Custodian> {
  const custodian = new AwsKmsCustodian(options);
  await custodian.check();
  return custodian;
}

class AwsKmsCustodian implements Custodian {
  readonly keyId: string;
  readonly #kms: AwsKms;
  readonly #held: ReadonlySet<string>;

  constructor({ kms, keyArn, unwrapArns = [] }: AwsKmsCustodianOptions) {
    this.#kms = kms;
    this.keyId = keyArn;
    this.#held = new Set([keyArn, ...unwrapArns]);
  }

  async generate(context: WrapContext): Promise<GeneratedKey> {
    const answer = await this.#ask(() =>
      this.#kms.client.send(
        new GenerateDataKeyCommand({
          KeyId: this.keyId,
          KeySpec: "AES_256",
          EncryptionContext: context,
        }),
        within(this.#kms),
      ),
    );
    const dataKey = this.#opened(answer.Plaintext, answer.KeyId, this.keyId);
    try {
      return { dataKey, ...(await this.#proven(answer.CiphertextBlob, dataKey, context)) };
    } catch (error) {
      dataKey.wipe();
      throw error;
    }
  }

  async wrap(dataKey: Secret, context: WrapContext): Promise<Wrap> {
    if (dataKey.sizeBytes !== keyBytes) throw new RangeError(`a data key has ${keyBytes} bytes`);
    const answer = await this.#ask(() =>
      this.#kms.client.send(
        new EncryptCommand({
          KeyId: this.keyId,
          Plaintext: dataKey.expose(),
          EncryptionContext: context,
        }),
        within(this.#kms),
      ),
    );
    this.#assertAnsweredBy(answer.KeyId, this.keyId);
    return await this.#proven(answer.CiphertextBlob, dataKey, context);
  }

  async unwrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Secret> {
    this.#assertHeld(keyId);
    if (wrapped.length === 0 || wrapped.length > longestWrapped) throw rejected();
    const answer = await this.#ask(() =>
      this.#kms.client.send(
        new DecryptCommand({
          KeyId: keyId,
          CiphertextBlob: wrapped,
          EncryptionContext: context,
        }),
        within(this.#kms),
      ),
    );
    return this.#opened(answer.Plaintext, answer.KeyId, keyId);
  }

  /** The new wrap is made inside KMS; only then are both opened here, to be compared. */
  async rewrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Wrap> {
    this.#assertHeld(keyId);
    if (wrapped.length === 0 || wrapped.length > longestWrapped) throw rejected();
    const answer = await this.#ask(() =>
      this.#kms.client.send(
        new ReEncryptCommand({
          CiphertextBlob: wrapped,
          SourceKeyId: keyId,
          SourceEncryptionContext: context,
          DestinationKeyId: this.keyId,
          DestinationEncryptionContext: context,
        }),
        within(this.#kms),
      ),
    );
    this.#assertAnsweredBy(answer.SourceKeyId, keyId);
    this.#assertAnsweredBy(answer.KeyId, this.keyId);
    using dataKey = await this.unwrap(wrapped, context, keyId);
    return await this.#proven(answer.CiphertextBlob, dataKey, context);
  }

  /** Keys of a KMS are made by whoever administers it. */
  async renew(): Promise<null> {
    return null;
  }

  async check(): Promise<void> {
    const { dataKey } = await this.generate(checkContext);
    dataKey.wipe();
  }

  /** What was wrapped is unwrapped and compared before anybody relies on it. */
  async #proven(
    ciphertext: Uint8Array | undefined,
    dataKey: Secret,
    context: WrapContext,
  ): Promise<Wrap> {
    const wrapped = Buffer.from(ciphertext ?? []);
    using unwrapped = await this.unwrap(wrapped, context, this.keyId);
    if (!unwrapped.equals(dataKey)) throw new Error("a wrapped key does not give its data key");
    return { wrapped, keyId: this.keyId };
  }

  #opened(
    plaintext: Uint8Array | undefined,
    answeredBy: string | undefined,
    asked: string,
  ): Secret {
    const bytes = plaintext ?? new Uint8Array();
    const secret = new Secret(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    try {
      this.#assertAnsweredBy(answeredBy, asked);
      if (secret.sizeBytes !== keyBytes) throw rejected();
    } catch (error) {
      secret.wipe();
      throw error;
    }
    return secret;
  }

  /** A key that a row names and the configuration does not is never asked for: rows can be edited. */
  #assertHeld(keyId: string): void {
    if (this.#held.has(keyId)) return;
    throw new Refusal(
      "custodian_refused",
      "the data key is wrapped under a key-encryption key that neither WEIGHTVAULT_KMS_KEY nor WEIGHTVAULT_KMS_UNWRAP_KEYS names",
      { cause: new Error(`wrapped under ${keyId}`) },
    );
  }

  #assertAnsweredBy(answeredBy: string | undefined, asked: string): void {
    if (answeredBy === asked) return;
    throw new Refusal("custodian_refused", "AWS KMS answered with another key than the one named");
  }

  async #ask<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    try {
      return await call();
    } catch (cause) {
      const fault = faultOf(cause);
      if (fault.kind === "ciphertext") throw rejected(cause);
      const code = fault.kind === "refused" ? "custodian_refused" : "custodian_unavailable";
      throw new Refusal(code, sentenceOf(fault), { cause });
    }
  }
}

function rejected(cause?: unknown): Refusal {
  return new Refusal("wrapped_key_rejected", "the wrapped key does not open in its context", {
    cause,
  });
}
