import type { Secret } from "../crypto/secret.ts";

/** What a wrapped key is bound to: small, public names and ids, for example `weightvault:object`. */
export type WrapContext = Readonly<Record<string, string>>;

export type GeneratedKey = { readonly dataKey: Secret; readonly wrapped: Buffer };

/**
 * Who wraps and unwraps data keys. The key-encryption key never leaves it.
 *
 * - `generate` gives 32 fresh random bytes and their wrapped form; it has unwrapped and compared before it answers.
 * - `wrap` binds an existing data key to a context in the same way.
 * - `unwrap` throws `wrapped_key_rejected` when bytes or context are not those of the wrap.
 * - Every method throws `custodian_unavailable` when the custodian cannot answer now, and `custodian_refused` when it answers that it will
 *   not serve the vault until somebody changes its key, policy or settings. None of these is confused with another.
 * - The caller wipes the secrets it gets.
 */
export interface Custodian {
  /** Names the key-encryption key; stored beside each wrapped key. */
  readonly keyId: string;
  generate(context: WrapContext): Promise<GeneratedKey>;
  wrap(dataKey: Secret, context: WrapContext): Promise<Buffer>;
  unwrap(wrapped: Uint8Array, context: WrapContext): Promise<Secret>;
  /** Resolves when the custodian can wrap and unwrap now. */
  check(): Promise<void>;
}
