import { createHmac } from "node:crypto";
import { Secret } from "../crypto/secret.ts";
import { maximumSegments } from "./layout.ts";

/** What every key of one object is bound to: its encoded parameters, its header IV and its associated bytes. */
export type KeyContext = {
  readonly parameters: Uint8Array;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
};

const dataKeyBytes = 32;
const messageKeyBytes = 48;
/** AEAD_ROTATION_MASK of AES-GCM-256: 2^20 segments share a key. */
const segmentsPerKey = 2 ** 20;

/** FLOE_KDF up to 48 bytes: one block of HKDF-Expand (RFC 5869, section 2.3) with SHA-384, hence the counter byte 01. */
export function derive(
  key: Secret,
  { parameters, iv, aad }: KeyContext,
  purpose: string | Uint8Array,
  sizeBytes: number,
): Buffer {
  const derived = createHmac("sha384", key.expose())
    .update(parameters)
    .update(iv)
    .update(purpose)
    .update(aad)
    .update(Uint8Array.of(1))
    .digest();
  derived.fill(0, sizeBytes);
  return derived.subarray(0, sizeBytes);
}

/** Throws on a key that is not a data key: a mistake of the caller, not of the object. */
export function assertDataKey(key: Secret): void {
  if (key.sizeBytes !== dataKeyBytes) throw new RangeError("a data key has 32 bytes");
}

/**
 * The keys of one object's segments, derived from its message key. The data key is not kept. The segment key in use is cached,
 * since it changes only every 2^20 segments, and wiped when another takes its place.
 */
export class SegmentKeys {
  readonly #context: KeyContext;
  readonly #messageKey: Secret;
  #cached: { readonly generation: number; readonly key: Secret } | null = null;

  constructor(dataKey: Secret, context: KeyContext) {
    this.#context = context;
    this.#messageKey = new Secret(derive(dataKey, context, "MESSAGE_KEY:", messageKeyBytes));
  }

  /** The key of the segment at a position. It stays ours and lives until the next call. */
  at(position: number): Secret {
    if (!Number.isInteger(position) || position < 0 || position >= maximumSegments) {
      throw new RangeError(`no segment has position ${position}`);
    }
    const generation = Math.floor(position / segmentsPerKey);
    if (this.#cached?.generation !== generation) {
      this.#cached?.key.wipe();
      this.#cached = { generation, key: this.#derive(generation) };
    }
    return this.#cached.key;
  }

  #derive(generation: number): Secret {
    const purpose = Buffer.alloc(12);
    purpose.write("DEK:");
    purpose.writeBigUInt64BE(BigInt(generation * segmentsPerKey), 4);
    return new Secret(derive(this.#messageKey, this.#context, purpose, dataKeyBytes));
  }

  [Symbol.dispose](): void {
    this.#cached?.key.wipe();
    this.#cached = null;
    this.#messageKey.wipe();
  }
}
