import {
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { canonicalJson } from "../../src/crypto/canonical-json.ts";

type Json = Readonly<Record<string, unknown>>;

/** What KMS answers instead of doing its work: a refusal as recorded, silence, or a cut connection. */
export type KmsFault =
  | { readonly status: number; readonly type: string; readonly message: string }
  | "silence"
  | "cut";

export type KmsServer = {
  readonly endpoint: string;
  readonly region: string;
  readonly keyArn: string;
  readonly otherKeyArn: string;
  readonly signingKeyArn: string;
  readonly nextSigningKeyArn: string;
  /** A key of spec ECC_NIST_P256. */
  readonly p256KeyArn: string;
  /** Operations asked for since the beginning, those that failed among them. */
  readonly asked: readonly string[];
  /** The next `times` calls of an operation get the fault. */
  arm(operation: string, fault: KmsFault, times?: number): void;
  /** From now on every answer of an operation names this key. */
  answerAs(operation: string, keyArn: string): void;
  disable(keyArn: string): void;
  readonly stop: () => Promise<void>;
};

const account = "arn:aws:kms:eu-west-1:111122223333:key";

class KmsError extends Error {
  readonly fault: Exclude<KmsFault, string>;

  constructor(type: string, message: string) {
    super(message);
    this.fault = { status: 400, type, message };
  }
}

/**
 * A small server that speaks the JSON protocol of AWS KMS as far as the vault uses it: symmetric data keys with encryption contexts, and
 * Ed25519 signatures, which neither local-kms nor moto makes, and ECDSA on P-256 over messages, not over digests. Its ciphertexts are AES-256-GCM with every byte authenticated, as KMS's are.
 */
export async function startKmsServer(): Promise<KmsServer> {
  const asked: string[] = [];
  const faults: { operation: string; fault: KmsFault; left: number }[] = [];
  const names = new Map<string, string>();
  const disabled = new Set<string>();
  const keys = new Keys(disabled);
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers["x-amz-target"]).replace(/^TrentService\./, "");
    asked.push(operation);
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString("utf8")) as Json;
    const armed = faults.find((each) => each.operation === operation && each.left > 0);
    if (armed !== undefined) armed.left -= 1;
    if (armed?.fault === "silence") return;
    if (armed?.fault === "cut") return void request.socket.destroy();
    if (armed !== undefined) return refuse(response, armed.fault);
    try {
      const answer = keys.answer(operation, body);
      const named = names.get(operation);
      send(response, 200, named === undefined ? answer : { ...answer, KeyId: named });
    } catch (error) {
      if (!(error instanceof KmsError)) throw error;
      refuse(response, error.fault);
    }
  };
  const server = createServer((request, response) => void handle(request, response));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "eu-west-1",
    keyArn: keys.keyArn,
    otherKeyArn: keys.otherKeyArn,
    signingKeyArn: keys.signingKeyArn,
    nextSigningKeyArn: keys.nextSigningKeyArn,
    p256KeyArn: keys.p256KeyArn,
    asked,
    arm: (operation, fault, times = 1) => void faults.push({ operation, fault, left: times }),
    answerAs: (operation, keyArn) => void names.set(operation, keyArn),
    disable: (keyArn) => void disabled.add(keyArn),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

class Keys {
  readonly keyArn = `${account}/1234abcd-12ab-34cd-56ef-1234567890ab`;
  readonly otherKeyArn = `${account}/0987dcba-09fe-87dc-65ba-ab0987654321`;
  readonly signingKeyArn = `${account}/11111111-2222-3333-4444-555555555555`;
  readonly nextSigningKeyArn = `${account}/66666666-7777-8888-9999-000000000000`;
  readonly p256KeyArn = `${account}/25625625-6256-2562-5625-625625625625`;
  readonly #disabled: ReadonlySet<string>;
  readonly #symmetric: ReadonlyMap<string, Buffer>;
  readonly #pairs: ReadonlyMap<string, Pair>;

  constructor(disabled: ReadonlySet<string>) {
    this.#disabled = disabled;
    this.#symmetric = new Map([
      [this.keyArn, randomBytes(32)],
      [this.otherKeyArn, randomBytes(32)],
    ]);
    this.#pairs = new Map([
      [this.signingKeyArn, generateKeyPairSync("ed25519")],
      [this.nextSigningKeyArn, generateKeyPairSync("ed25519")],
      [this.p256KeyArn, generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ]);
  }

  answer(operation: string, body: Json): Json {
    if (operation === "ReEncrypt") return this.#reEncrypt(body);
    const id = this.#usable(String(body["KeyId"]));
    if (operation === "GenerateDataKey") {
      const plaintext = randomBytes(body["KeySpec"] === "AES_256" ? 32 : 16);
      const blob = this.#encrypt(id, plaintext, body);
      return { KeyId: id, Plaintext: base64(plaintext), CiphertextBlob: base64(blob) };
    }
    if (operation === "Encrypt") {
      const blob = this.#encrypt(id, bytesOf(body, "Plaintext"), body);
      return { KeyId: id, CiphertextBlob: base64(blob) };
    }
    if (operation === "Decrypt") return { KeyId: id, Plaintext: base64(this.#decrypt(id, body)) };
    const pair = this.#pairs.get(id);
    if (pair === undefined)
      throw new KmsError("InvalidKeyUsageException", `${id} key usage is ENCRYPT_DECRYPT`);
    return operation === "Sign" ? this.#sign(id, pair, body) : this.#describe(id, pair);
  }

  #reEncrypt(body: Json): Json {
    const source = this.#usable(String(body["SourceKeyId"]));
    const destination = this.#usable(String(body["DestinationKeyId"]));
    const plaintext = this.#decrypt(source, {
      ...body,
      EncryptionContext: body["SourceEncryptionContext"],
    });
    const blob = this.#encrypt(destination, plaintext, {
      EncryptionContext: body["DestinationEncryptionContext"],
    });
    return { KeyId: destination, SourceKeyId: source, CiphertextBlob: base64(blob) };
  }

  #usable(id: string): string {
    if (!this.#symmetric.has(id) && !this.#pairs.has(id))
      throw new KmsError("NotFoundException", `Key '${id}' does not exist`);
    if (this.#disabled.has(id)) throw new KmsError("DisabledException", `${id} is disabled.`);
    return id;
  }

  #secret(id: string): Buffer {
    const key = this.#symmetric.get(id);
    if (key === undefined)
      throw new KmsError("InvalidKeyUsageException", `${id} key usage is SIGN_VERIFY`);
    return key;
  }

  #encrypt(id: string, plaintext: Buffer, body: Json): Buffer {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#secret(id), iv);
    cipher.setAAD(boundTo(id, body));
    const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    return Buffer.concat([Buffer.from(id.slice(-36)), iv, sealed, cipher.getAuthTag()]);
  }

  #decrypt(id: string, body: Json): Buffer {
    const blob = bytesOf(body, "CiphertextBlob");
    const named = blob.subarray(0, 36).toString("latin1");
    const owner = [...this.#symmetric.keys()].find((each) => each.endsWith(named));
    if (blob.length < 64 || owner === undefined)
      throw new KmsError("InvalidCiphertextException", "");
    if (owner !== id)
      throw new KmsError("IncorrectKeyException", "The key ID in the request does not identify it");
    const opener = createDecipheriv("aes-256-gcm", this.#secret(id), blob.subarray(36, 48));
    opener.setAAD(boundTo(id, body));
    opener.setAuthTag(blob.subarray(-16));
    try {
      return Buffer.concat([opener.update(blob.subarray(48, -16)), opener.final()]);
    } catch {
      throw new KmsError("InvalidCiphertextException", "");
    }
  }

  #describe(id: string, { publicKey }: Pair): Json {
    const isP256 = publicKey.asymmetricKeyType === "ec";
    return {
      KeyId: id,
      KeySpec: isP256 ? "ECC_NIST_P256" : "ECC_NIST_EDWARDS25519",
      KeyUsage: "SIGN_VERIFY",
      PublicKey: base64(publicKey.export({ format: "der", type: "spki" })),
      SigningAlgorithms: isP256 ? ["ECDSA_SHA_256"] : ["ED25519_SHA_512", "ED25519_PH_SHA_512"],
    };
  }

  #sign(id: string, { privateKey }: Pair, body: Json): Json {
    const message = typeof body["Message"] === "string" ? bytesOf(body, "Message") : null;
    if (message === null || message.length === 0 || message.length > 4_096)
      throw new KmsError("ValidationException", "Member must have length between 1 and 4096");
    const isP256 = privateKey.asymmetricKeyType === "ec";
    const algorithm = isP256 ? "ECDSA_SHA_256" : "ED25519_SHA_512";
    if (body["SigningAlgorithm"] !== algorithm || body["MessageType"] !== "RAW")
      throw new KmsError("ValidationException", `Algorithm ${algorithm} takes RAW messages`);
    const signature = sign(isP256 ? "sha256" : null, message, privateKey);
    return { KeyId: id, Signature: base64(signature), SigningAlgorithm: algorithm };
  }
}

function boundTo(id: string, body: Json): Buffer {
  const context = (body["EncryptionContext"] ?? {}) as Readonly<Record<string, string>>;
  return Buffer.concat([Buffer.from(`${id}\0`), canonicalJson(context)]);
}

function bytesOf(body: Json, name: string): Buffer {
  return Buffer.from(String(body[name]), "base64");
}

function base64(bytes: Buffer): string {
  return bytes.toString("base64");
}

function refuse(response: ServerResponse, fault: Exclude<KmsFault, string>): void {
  send(response, fault.status, { __type: fault.type, message: fault.message });
}

function send(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(body));
}
