/**
 * Who signs checkpoints and statements: Ed25519 (RFC 8032) over the note's text, a few hundred bytes, or over what DSSE makes of a statement;
 * every signer takes 1 to 4,096.
 * `sign` gives 64 bytes, and throws `signer_unavailable` when the key cannot be used now, `signer_refused` when it cannot be until somebody
 * changes its key, policy or settings.
 */
export interface Signer {
  /** The note's key name, for example `vault.example/ledger`; no space, no plus. */
  readonly name: string;
  /** 32 raw bytes. */
  readonly publicKey: Buffer;
  /** The most bytes that it takes, where that is more than 4,096. */
  readonly longestMessage?: number;
  sign(message: Uint8Array): Promise<Buffer>;
  /** Resolves when the signer can sign now. */
  check(): Promise<void>;
}
