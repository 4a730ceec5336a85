import { createHash, type Hash } from "node:crypto";
import { Refusal } from "../errors.ts";
import { readPlaintext, type SealedObject, unwrapKey } from "./object.ts";
import type { Vault } from "./vault.ts";

export type WholeReading = {
  /** Aborted when the process ends. */
  readonly signal: AbortSignal;
  /** Told how many bytes more were read. */
  readonly onBytes: (bytes: number) => void;
};

/** Opens the whole object as it lies in the store, and gives the SHA-256 of what it holds. Throws `object_corrupt` where it does not open. */
export async function readWhole(
  vault: Pick<Vault, "custodian" | "store">,
  sealed: SealedObject,
  { signal, onBytes }: WholeReading,
): Promise<Hash> {
  const hash = createHash("sha256");
  const end = Number(sealed.size_bytes);
  using key = await unwrapKey(vault, sealed, sealed.repository);
  for await (const bytes of readPlaintext(vault, sealed, { key, start: 0, end })) {
    if (signal.aborted) throw new Refusal("shutting_down", "the server stops: complete it again");
    hash.update(bytes);
    onBytes(bytes.length);
  }
  return hash;
}
