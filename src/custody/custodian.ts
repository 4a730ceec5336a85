import type { Secret } from "../crypto/secret.ts";

/** What a wrapped key is bound to: small, public names and ids, for example `weightvault:object`. */
export type WrapContext = Readonly<Record<string, string>>;

/** A wrapped key and the key-encryption key that it is wrapped under; the two are stored side by side. */
export type Wrap = { readonly wrapped: Buffer; readonly keyId: string };

export type GeneratedKey = Wrap & { readonly dataKey: Secret };

/**
 * Who wraps and unwraps data keys. Its key-encryption keys never leave it: it wraps under one, the primary, and unwraps what was wrapped under
 * that one and under others that it still holds.
 *
 * - `generate` gives 32 fresh random bytes and their wrapped form; it has unwrapped and compared before it answers.
 * - `wrap` binds an existing data key to a context in the same way.
 * - `unwrap` takes the key-encryption key that the wrap names, and no other. It throws `wrapped_key_rejected` when bytes or context are not those of a wrap under it.
 * - `rewrap` wraps anew under the primary what is wrapped under another key-encryption key. It has unwrapped both wraps and compared them in constant time
 *   before it answers, so that the one may take the other's place. It throws as `unwrap`.
 * - `renew` makes a new key-encryption key the primary and gives its id, where keys are the custodian's own to make; otherwise null: operators make them.
 * - Every method throws `custodian_unavailable` when the custodian cannot answer now, and `custodian_refused` when it answers that it will
 *   not serve the vault until somebody changes its key, policy or settings: also for a wrap under a key-encryption key that is disabled or that it does not hold. None of these is confused with another.
 * - The caller wipes the secrets it gets.
 */
export interface Custodian {
  /** Names the primary key-encryption key. Another process may know a newer one, so a wrap's own `keyId` is what is stored. */
  readonly keyId: string;
  generate(context: WrapContext): Promise<GeneratedKey>;
  wrap(dataKey: Secret, context: WrapContext): Promise<Wrap>;
  unwrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Secret>;
  rewrap(wrapped: Uint8Array, context: WrapContext, keyId: string): Promise<Wrap>;
  renew(): Promise<string | null>;
  /** Resolves when the custodian can wrap and unwrap now. */
  check(): Promise<void>;
}
