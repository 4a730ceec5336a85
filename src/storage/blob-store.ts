import type { Secret } from "../crypto/secret.ts";

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
export type CreateOptions = {
  readonly parts?: Parts;
  /** Of a blob that is never replaced nor removed: a store that was opened with a retention locks it from its first moment on. */
  readonly isRetained?: boolean;
};
/** A blob that may be replaced is no longer than this: whoever has the store could otherwise fill the memory of who reads it. */
export const longestTaggedBytes = 2 ** 20;
/** A blob that may be replaced, and the tag that its present bytes have. */
export type TaggedBlob = { readonly bytes: Buffer; readonly tag: string };
/** Where anybody who has the address reads one blob, in ranges, for so many seconds. A capability: it goes into the answer that it was made for and nowhere else. */
export type BlobAddress = { readonly url: Secret; readonly seconds: number };

/** A part as somebody else will put it: these very bytes, and no others. */
export type AddressedPart = {
  readonly part: number;
  readonly sizeBytes: number;
  readonly sha256: Buffer;
};
/** Where anybody who has the address puts one part, with these headers as they are. A capability like a `BlobAddress`. */
export type PartAddress = BlobAddress & { readonly headers: Readonly<Record<string, string>> };

/** A part that a store holds whole. The tag changes whenever the part is written again. */
export type HeldPart = { readonly part: number; readonly sizeBytes: number; readonly tag: string };
/** One that was put at an address, with the SHA-256 that it was addressed under. */
export type RecognisedPart = HeldPart & Pick<AddressedPart, "sha256">;

/** One part on its way in, with a `BlobWriter`'s promises. The part is held once `complete` has answered. */
export interface PartWriter {
  /** Throws a RangeError for more bytes than were announced, and `conflict` once the same part comes anew. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the part durable in the place of an earlier one. Throws a RangeError for fewer bytes than were announced. */
  complete(): Promise<HeldPart>;
  /** Never throws; may be called after a failure and more than once. */
  abort(): Promise<void>;
}

/**
 * One blob on its way in by parts, in any order and side by side. What it holds outlives the process: whoever knows the key and the
 * session goes on with it. Nothing of it is visible before `complete`. Every method but `abort` throws `multipart_gone` where the store
 * does not know the session (any more).
 */
export interface MultipartBlob {
  readonly session: string;
  /** Begins part 1 or a later one. A part that is written again is not held from here on until it is whole; of two at once, the later one stays. */
  put(part: number, sizeBytes: number): Promise<PartWriter>;
  /** The parts that are held, in order. */
  list(): Promise<readonly HeldPart[]>;
  /**
   * An address at which the part can be put past us, for at most so many seconds, at least one: the store refuses other bytes than these. Null where the
   * store has none to give. The store is not asked, so that a session that is gone has addresses too.
   */
  locate(part: AddressedPart, mostSeconds: number): Promise<PartAddress | null>;
  /**
   * Of parts that were put at addresses, those that are held with just these bytes, as `complete` names them, in order. A part that was put again is
   * looked for by each of its candidates.
   */
  recognise(candidates: readonly AddressedPart[]): Promise<readonly RecognisedPart[]>;
  /**
   * Puts the named parts together and ends the session: parts 1 to the last one, each as long as the blob's cut says, the last as long
   * as it is. Throws `parts_missing`, with their numbers in `parts`, for those that are not held as they are named, and keeps the others.
   * An existing blob is treated as a `BlobWriter` does.
   */
  complete(parts: readonly HeldPart[]): Promise<{ readonly sizeBytes: number }>;
  /** Ends the session and drops what it holds. What is not there is success. */
  abort(): Promise<void>;
}

/**
 * Where sealed objects lie, and the published ledger. Write-once: a key's bytes never change, but for what `replace` made. The store is not trusted with secrecy or integrity.
 * Every method throws `store_unavailable` when the store cannot serve now, and `store_full` when it has no room.
 */
export interface BlobStore {
  create(key: BlobKey, options?: CreateOptions): Promise<BlobWriter>;
  /** Begins a blob that comes by parts. Each begin is a session of its own. */
  begin(key: BlobKey, parts: Parts): Promise<MultipartBlob>;
  /** A session that somebody began, under the same key and cut. It may be gone: its methods tell. */
  resume(key: BlobKey, session: string, parts: Parts): Promise<MultipartBlob>;
  /** Aborts every session of the key, also those whose id was lost with the answer. */
  abandon(key: BlobKey): Promise<void>;
  /** Bytes `start` to `end` (exclusive; defaults to the whole blob). Throws `object_missing`, or `object_corrupt` when the blob is shorter than `end`. */
  read(
    key: BlobKey,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Buffer>;
  /** Null when there is no such blob. */
  stat(key: BlobKey): Promise<{ readonly sizeBytes: number } | null>;
  /** A small blob whole, with its tag; null when there is none. Of one that is longer than `longestTaggedBytes`, one byte more than these and no further. */
  readTagged(key: BlobKey): Promise<TaggedBlob | null>;
  /**
   * Puts all of `bytes` durably in the blob's place in one step, if its tag is `ifMatch` (null: if there is no blob): a reader sees the
   * old bytes or the new ones. Gives the new tag. Throws `precondition_failed`, and changes nothing, otherwise. For the ledger's checkpoint alone.
   */
  replace(key: BlobKey, bytes: Uint8Array, ifMatch: string | null): Promise<string>;
  /** Removing what is not there is success. */
  remove(key: BlobKey): Promise<void>;
  /**
   * An address of the blob that lives for at most so many seconds, at least one; null where the store has none to give. The store is not asked, so that
   * a blob that is not there has an address too.
   */
  locate(key: BlobKey, mostSeconds: number): Promise<BlobAddress | null>;
  /** Keys below `prefix`, in no promised order. */
  list(prefix: string): AsyncIterable<BlobKey>;
  /** Resolves when the store can take a blob now. */
  check(): Promise<void>;
}
