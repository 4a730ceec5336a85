import { type CosignerKey, judgeCosigned } from "../merkle/cosignature.ts";
import type { Findings } from "./findings.ts";

/**
 * Whether the ledger's own ML-DSA-44 key signed a checkpoint, which is demanded of the newest one alone: those before it may be of a time without.
 * Finds `ml_dsa_missing` where no line is under the key, and `ml_dsa_forged` where one is that the key did not make.
 */
export function judgeMlDsa(
  checkpoint: Uint8Array | string,
  key: CosignerKey,
  findings: Findings,
): boolean {
  const { verdict } = judgeCosigned(checkpoint, key);
  if (verdict === "unsigned")
    findings.add(
      "ml_dsa_missing",
      `the checkpoint is not signed by the ML-DSA-44 key ${key.keyId}`,
    );
  if (verdict === "forged") {
    const message = `the checkpoint has a signature that is not that of the ML-DSA-44 key ${key.keyId}`;
    findings.add("ml_dsa_forged", message);
  }
  return verdict === "verified";
}
