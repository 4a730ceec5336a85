import { type CosignerKey, verifyCosignature } from "../merkle/cosignature.ts";
import { parseNote } from "../merkle/note.ts";
import type { SignedCheckpoint } from "../merkle/rotation.ts";
import type { LedgerKey } from "./ledger-key.ts";

/** Whether a checkpoint has the signature of the ledger's ML-DSA-44 key, where one is asked for. */
export function isSignedByMlDsa(bytes: Buffer, key: CosignerKey | null): boolean {
  if (key === null) return true;
  const note = parseNote(bytes);
  return note !== null && verifyCosignature(note, key).verdict === "verified";
}

/** Verified, or signed by a key of the same name that the entries may yet name. */
export function mayBeOurs(
  { checkpoint, verdict }: SignedCheckpoint,
  bytes: Buffer,
  { key }: LedgerKey,
): boolean {
  if (checkpoint.origin !== key.name) return false;
  if (verdict === "verified") return true;
  const names = parseNote(bytes)?.signatures.map(({ name }) => name) ?? [];
  return verdict === "unsigned" && names.includes(key.name);
}
