import type { Generated } from "kysely";

/** The tables of the ledger: the outbox, the entries with their tree, and what was signed over it. */
export type LedgerSchema = {
  ledger_submission: {
    id: Generated<bigint>;
    kind: string;
    subject: string | null;
    time: Date;
    body: Buffer;
  };
  ledger_pending: { submission: bigint };
  ledger_entry: { index: bigint; submission: bigint; bytes: Buffer; leaf: Buffer };
  ledger_tile: { level: number; number: bigint; hashes: Buffer; root: Buffer };
  ledger_checkpoint: { size: bigint; root: Buffer; note: string; fence: bigint; signed_at: Date };
  ledger_cosignature: {
    size: bigint;
    name: string;
    key_id: string;
    signature: Buffer;
    cosigned_at: Date;
  };
  ledger_timestamp: { size: bigint; response: Buffer; stamped_at: Date };
  ledger_lease: { singleton: Generated<boolean>; holder: string; fence: bigint; expires_at: Date };
};
