/** Where a submission stands in the ledger. */
export type Place = {
  readonly index: number;
  /** The entry's bytes, as hashed. */
  readonly bytes: Buffer;
  /** RFC 6962 leaf hash of the bytes. */
  readonly leaf: Buffer;
};

export type SettleOptions = {
  /**
   * `entry`: it has its place. `checkpoint`: a signed checkpoint in the database covers it. `published`: one in the blob store does.
   * `witnessed`: one that covers it satisfies the quorum of the witness policy.
   */
  readonly after: "entry" | "checkpoint" | "published" | "witnessed";
  readonly timeoutMs: number;
};

/** What business code sees of the ledger besides `submit`. */
export interface Ledger {
  /** Says that something was submitted and committed. */
  wake(): void;
  /** Asked before work that will submit begins. Throws `ledger_full` while too many entries wait for their place. */
  assertRoom(): Promise<void>;
  /** Resolves when the submission is recorded as far as asked. Throws `ledger_unavailable` or `witnesses_unavailable` when that takes too long. */
  settle(submission: bigint, options: SettleOptions): Promise<Place>;
  /** Resolves when entries are being sequenced and signed now. */
  check(): Promise<void>;
}
