/** Segments of `[A-Za-z0-9._-]+` joined by `/`, none of them `.` or `..`, at most 512 bytes. */
export type BlobKey = string;

/** One blob on its way in. Nothing of it is visible before `complete`; `abort` (or a crash) leaves nothing visible. */
export interface BlobWriter {
  /** Appends. Resolves when the next bytes may come (back-pressure); the buffer may be reused from then on. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the blob durable under its key. An existing blob with the same bytes is success; with others, `already_exists`. */
  complete(): Promise<{ readonly sizeBytes: number }>;
  /** Never throws; may be called after a failure and more than once. */
  abort(): Promise<void>;
}

/** How a big blob is cut where a store takes it in parts: the first part, and every other but the last. */
export type Parts = { readonly firstBytes: number; readonly nextBytes: number };

/**
 * Where sealed objects lie. Write-once: a key's bytes never change. The store is not trusted with secrecy or integrity.
 * Every method throws `store_unavailable` when the store cannot serve now, and `store_full` when it has no room.
 */
export interface BlobStore {
  create(key: BlobKey, options?: { readonly parts?: Parts }): Promise<BlobWriter>;
  /** Bytes `start` to `end` (exclusive; defaults to the whole blob). Throws `object_missing`, or `object_corrupt` when the blob is shorter than `end`. */
  read(
    key: BlobKey,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Buffer>;
  /** Null when there is no such blob. */
  stat(key: BlobKey): Promise<{ readonly sizeBytes: number } | null>;
  /** Removing what is not there is success. */
  remove(key: BlobKey): Promise<void>;
  /** Keys below `prefix`, in no promised order. */
  list(prefix: string): AsyncIterable<BlobKey>;
  /** Resolves when the store can take a blob now. */
  check(): Promise<void>;
}
