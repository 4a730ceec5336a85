import { isRefusal, Refusal } from "../errors.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { publishedPrefix } from "./published.ts";

export type PutPublished = {
  /** Of it, below the published ledger. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Whether it stays for ever, so that a store that can lock it does. */
  readonly isRetained: boolean;
  /** What it means that other bytes are there. */
  readonly otherwise: string;
};

/** Puts what is published once and never changed into the store; the same bytes there are success. Throws `record_tampered` where others are. */
export async function putPublished(
  store: BlobStore,
  { path, bytes, isRetained, otherwise }: PutPublished,
): Promise<void> {
  const writer = await store.create(`${publishedPrefix}${path}`, { isRetained });
  try {
    await writer.write(bytes);
    await writer.complete();
  } catch (cause) {
    if (!isRefusal(cause, "already_exists")) throw cause;
    throw new Refusal("record_tampered", otherwise, { cause });
  } finally {
    await writer.abort();
  }
}
