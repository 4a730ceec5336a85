import { hash, randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import * as nodeFiles from "node:fs/promises";
import { dirname, join } from "node:path";
import { isRefusal, Refusal } from "../errors.ts";
import { assertRange, isSegment, segmentsOf } from "./blob-key.ts";
import {
  type BlobKey,
  type BlobStore,
  type BlobWriter,
  longestTaggedBytes,
  type MultipartBlob,
  type Parts,
  type TaggedBlob,
} from "./blob-store.ts";
import { errno, type FileSystem, onDisk, refusalOf } from "./disk-files.ts";
import { DiskSessions } from "./disk-multipart.ts";
import { readAhead } from "./disk-read.ts";
import { DiskWriter } from "./disk-writer.ts";

export type DiskStoreOptions = {
  readonly root: string;
  /** Unfinished files older than this are swept when the store opens; 0, the default, sweeps all: one process uses a data folder. */
  readonly sweepOlderThanMs?: number;
  readonly files?: FileSystem;
};

/**
 * A blob store in a folder: `<root>/blobs/<key>`, `<root>/.incoming` for what is not complete, and `<root>/.parts` for what comes by parts. A blob is written there, made durable,
 * linked to its name (which never replaces one), and then its folders are made durable. A symbolic link in the tree is not followed.
 * Unlike in an object store, a key cannot be both a blob and the beginning of another's path: the second is `already_exists`.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<BlobStore> {
  const files = options.files ?? nodeFiles;
  return onDisk(async () => {
    for (const folder of ["blobs", ".incoming", ".parts"]) {
      await files.mkdir(join(options.root, folder), { recursive: true, mode: 0o700 });
    }
    const store = new DiskStore(files, await files.realpath(options.root));
    await store.sweep(options.sweepOlderThanMs ?? 0);
    return store;
  });
}

class DiskStore implements BlobStore {
  readonly #files: FileSystem;
  readonly #root: string;
  readonly #blobs: string;
  readonly #incoming: string;
  readonly #sessions: DiskSessions;
  /** Folders whose own names are known to be durable. Folders are never removed, so they stay so. */
  readonly #durableFolders = new Set<string>();
  /** Replacements follow each other: one process uses a folder, so that none comes between a tag's comparison and the renaming. */
  #replacing: Promise<unknown> = Promise.resolve();

  constructor(files: FileSystem, root: string) {
    this.#files = files;
    this.#root = root;
    this.#blobs = join(root, "blobs");
    this.#incoming = join(root, ".incoming");
    this.#sessions = new DiskSessions({
      files,
      root: join(root, ".parts"),
      syncFolder: async (folder) => await this.#syncFolder(folder),
      publish: async (path, key) => await this.#publish(path, this.#pathOf(key)),
    });
  }

  async sweep(olderThanMs: number): Promise<void> {
    for await (const entry of await this.#files.opendir(this.#incoming)) {
      const path = join(this.#incoming, entry.name);
      const isStale =
        olderThanMs === 0 || Date.now() - (await this.#files.lstat(path)).mtimeMs > olderThanMs;
      if (isStale) await this.#files.unlink(path);
    }
  }

  async create(key: BlobKey): Promise<BlobWriter> {
    const final = this.#pathOf(key);
    return onDisk(async () => {
      const path = join(this.#incoming, randomBytes(16).toString("hex"));
      const handle = await this.#files.open(path, "wx", 0o600);
      return new DiskWriter({
        handle,
        offset: 0,
        publish: async () => await this.#publish(path, final),
        // After `complete` the temporary name is one of two, or one of a refused blob: it goes in either case.
        discard: async () => await this.#files.unlink(path),
      });
    });
  }

  async begin(key: BlobKey, parts: Parts): Promise<MultipartBlob> {
    segmentsOf(key);
    return await onDisk(async () => await this.#sessions.begin(key, parts));
  }

  async resume(key: BlobKey, session: string, parts: Parts): Promise<MultipartBlob> {
    segmentsOf(key);
    return this.#sessions.resume(key, session, parts);
  }

  async abandon(key: BlobKey): Promise<void> {
    segmentsOf(key);
    await onDisk(async () => await this.#sessions.abandon(key));
  }

  async *read(
    key: BlobKey,
    range?: { readonly start: number; readonly end: number },
  ): AsyncGenerator<Buffer, void, undefined> {
    const path = this.#pathOf(key);
    if (range !== undefined) assertRange(range);
    const handle = await onDisk(() => this.#openBlob(path));
    if (handle === null) throw new Refusal("object_missing", `there is no blob ${key}`);
    try {
      const { size } = await onDisk(() => handle.stat());
      const { start, end } = range ?? { start: 0, end: size };
      if (end > size) throw shorter(key);
      yield* readAhead(handle, start, end, () => shorter(key));
    } finally {
      await handle.close();
    }
  }

  async stat(key: BlobKey): Promise<{ readonly sizeBytes: number } | null> {
    const path = this.#pathOf(key);
    return onDisk(async () => {
      const found = await this.#find(path);
      return found === null ? null : { sizeBytes: found.size };
    });
  }

  async readTagged(key: BlobKey): Promise<TaggedBlob | null> {
    const path = this.#pathOf(key);
    return onDisk(async () => {
      const handle = await this.#openBlob(path);
      if (handle === null) return null;
      try {
        const { size } = await handle.stat();
        const end = Math.min(size, longestTaggedBytes + 1);
        const chunks: Buffer[] = [];
        for await (const chunk of readAhead(handle, 0, end, () => shorter(key))) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        return { bytes, tag: tagOf(bytes) };
      } finally {
        await handle.close();
      }
    });
  }

  async replace(key: BlobKey, bytes: Uint8Array, ifMatch: string | null): Promise<string> {
    const final = this.#pathOf(key);
    const copy = Buffer.from(bytes);
    const replaced = this.#replacing.then(async () => {
      const present = await this.readTagged(key);
      if ((present?.tag ?? null) !== ifMatch)
        throw new Refusal("precondition_failed", `the blob ${key} is not the one to be replaced`);
      await onDisk(async () => await this.#replace(final, copy));
      return tagOf(copy);
    });
    this.#replacing = replaced.catch(() => {});
    return await replaced;
  }

  async remove(key: BlobKey): Promise<void> {
    const path = this.#pathOf(key);
    await onDisk(async () => {
      if ((await this.#find(path)) === null) return;
      await this.#files.unlink(path).catch(unlessMissing);
      await this.#syncFolder(dirname(path));
    });
  }

  /** Files of a folder have no address that a client could reach. */
  async locate(): Promise<null> {
    return null;
  }

  async *list(prefix: string): AsyncGenerator<BlobKey, void, undefined> {
    const above = prefix.split("/").slice(0, -1);
    if (above.length > 0) segmentsOf(above.join("/"));
    try {
      for await (const key of this.#walk(above)) if (key.startsWith(prefix)) yield key;
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** Writes and flushes a block, since room and writability show only then. */
  async check(): Promise<void> {
    const path = join(this.#incoming, randomBytes(16).toString("hex"));
    await onDisk(async () => {
      const handle = await this.#files.open(path, "wx", 0o600);
      try {
        await handle.write(Buffer.alloc(4096));
        await handle.datasync();
      } finally {
        await handle.close();
        await this.#files.unlink(path);
      }
    });
  }

  #pathOf(key: BlobKey): string {
    return join(this.#blobs, ...segmentsOf(key));
  }

  /** As `#publish`, but the name is taken from what had it. */
  async #replace(final: string, bytes: Buffer): Promise<void> {
    const path = join(this.#incoming, randomBytes(16).toString("hex"));
    const handle = await this.#files.open(path, "wx", 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await this.#makeFolder(dirname(final));
      await this.#files.rename(path, final);
    } catch (error) {
      await this.#files.unlink(path).catch(() => {});
      throw error;
    } finally {
      await handle.close();
    }
    await this.#syncFolder(dirname(final));
    await this.#syncAncestors(dirname(final));
  }

  /** The bytes are durable before they have the name, and the name before `complete` answers. */
  async #publish(path: string, final: string): Promise<void> {
    const folder = dirname(final);
    try {
      await this.#makeFolder(folder);
      await this.#files.link(path, final);
    } catch (cause) {
      if (errno(cause) !== "EEXIST" && errno(cause) !== "ENOTDIR") throw cause;
      if (!(await this.#isSame(path, final))) {
        throw new Refusal("already_exists", "the name is taken, with other bytes", { cause });
      }
    }
    await this.#syncFolder(folder);
    await this.#syncAncestors(folder);
  }

  /** One level at a time, so that nothing is made behind a planted link. */
  async #makeFolder(folder: string): Promise<void> {
    if (folder === this.#blobs) return;
    await this.#makeFolder(dirname(folder));
    await this.#files.mkdir(folder, { mode: 0o700 }).catch(async (error: unknown) => {
      if (errno(error) !== "EEXIST") throw error;
      const found = await this.#files.lstat(folder);
      if (found.isSymbolicLink()) throw planted(folder);
    });
  }

  async #syncAncestors(folder: string): Promise<void> {
    const synced: string[] = [];
    for (let at = folder; !this.#durableFolders.has(at) && at !== this.#root; at = dirname(at)) {
      await this.#syncFolder(dirname(at));
      synced.push(at);
    }
    for (const at of synced) this.#durableFolders.add(at);
  }

  async #syncFolder(folder: string): Promise<void> {
    const handle = await this.#files.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Null where there is no such blob. */
  async #find(path: string): Promise<Stats | null> {
    try {
      await this.#assertNoLink(dirname(path));
      const found = await this.#files.lstat(path);
      if (found.isDirectory()) return null;
      if (!found.isFile()) throw planted(path);
      return found;
    } catch (error) {
      await this.#assertMissing(error);
      return null;
    }
  }

  /** Passes over what is not there. A whole store that is not there, for example unmounted, is an outage. */
  async #assertMissing(error: unknown): Promise<void> {
    unlessMissing(error);
    await this.#files.lstat(this.#incoming);
  }

  async #openBlob(path: string): Promise<FileHandle | null> {
    if ((await this.#find(path)) === null) return null;
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
    return this.#files.open(path, flags).catch((error: unknown) => {
      unlessMissing(error);
      return null;
    });
  }

  async #assertNoLink(folder: string): Promise<void> {
    if ((await this.#files.realpath(folder)) !== folder) throw planted(folder);
  }

  async #isSame(path: string, final: string): Promise<boolean> {
    const theirs = await this.#openBlob(final);
    if (theirs === null) return false;
    const mine = await this.#files.open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const [{ size, ino, dev }, other] = [await mine.stat(), await theirs.stat()];
      if (other.size !== size) return false;
      // An earlier attempt that did not get further than its link.
      if (other.ino === ino && other.dev === dev) return true;
      const others = readAhead(theirs, 0, size, () => new Error("the blob shrank"));
      for await (const bytes of readAhead(mine, 0, size, () => new Error("the file shrank"))) {
        const next = await others.next();
        if (next.done === true || !bytes.equals(next.value)) return false;
      }
      return true;
    } finally {
      await mine.close();
      await theirs.close();
    }
  }

  async *#walk(segments: readonly string[]): AsyncGenerator<BlobKey, void, undefined> {
    const folder = join(this.#blobs, ...segments);
    let entries: Awaited<ReturnType<FileSystem["opendir"]>>;
    try {
      await this.#assertNoLink(folder);
      entries = await this.#files.opendir(folder);
    } catch (error) {
      return this.#assertMissing(error);
    }
    for await (const entry of entries) {
      if (!isSegment(entry.name)) continue;
      const below = [...segments, entry.name];
      if (entry.isFile()) yield below.join("/");
      else if (entry.isDirectory()) yield* this.#walk(below);
    }
  }
}

function tagOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

function shorter(key: BlobKey): Refusal {
  return new Refusal("object_corrupt", `the blob ${key} is shorter than it should be`);
}

function planted(path: string): Refusal {
  return new Refusal("store_unavailable", "the store holds something that it did not make", {
    cause: new Error(`${path} is not a folder or file of the store`),
  });
}

/** Passes over what is not there (ENOTDIR: what should be a folder is a blob), and throws everything else. */
function unlessMissing(error: unknown): void {
  if (isRefusal(error) || (errno(error) !== "ENOENT" && errno(error) !== "ENOTDIR")) throw error;
}
