/** What a signer signs with. P-256 only where the configuration says so: few verifiers read such notes, and no witness cosigns them. */
export type SignatureAlgorithm = "ed25519" | "ecdsa-p256";

/**
 * Who signs checkpoints and statements: Ed25519 (RFC 8032), or ECDSA on P-256 with SHA-256 (FIPS 186-5), over the note's text, a few hundred
 * bytes, or over what DSSE makes of a statement; every signer takes 1 to 4,096. `sign` gives the 64 bytes of Ed25519 or the DER of ECDSA, and throws
 * `signer_unavailable` when the key cannot be used now, `signer_refused` when it cannot be until somebody changes its key, policy or settings.
 */
export interface Signer {
  /** The note's key name, for example `vault.example/ledger`; no space, no plus. */
  readonly name: string;
  /** 32 raw bytes of Ed25519, or the 91 of a P-256 key's SubjectPublicKeyInfo in DER: the bytes tell the algorithm. */
  readonly publicKey: Buffer;
  /** The most bytes that it takes, where that is more than 4,096. */
  readonly longestMessage?: number;
  sign(message: Uint8Array): Promise<Buffer>;
  /** Resolves when the signer can sign now. */
  check(): Promise<void>;
}
