import { hash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import { Refusal } from "../errors.ts";
import type {
  BlobKey,
  HeldPart,
  MultipartBlob,
  Parts,
  PartWriter,
  RecognisedPart,
} from "./blob-store.ts";
import { errno, type FileSystem, onDisk } from "./disk-files.ts";
import { DiskPartWriter } from "./disk-part-writer.ts";
import { assertNamed, partPlace, partsMissing } from "./parts.ts";

export type SessionsOptions = {
  readonly files: FileSystem;
  /** The folder that holds a folder for each session. */
  readonly root: string;
  readonly syncFolder: (folder: string) => Promise<void>;
  /** Gives a whole and durable file the key's name. */
  readonly publish: (path: string, key: BlobKey) => Promise<void>;
};

/** Where the parts are written, each at its own place; the other name keeps late writers out while they are put together. */
const openName = "blob";
const closedName = "whole";

/**
 * The blobs that come by parts. A session is a folder: one file in which every part is written at its own place, so that putting them
 * together copies nothing, and an empty file for each part that is durable there, `<part>.<bytes>.<tag>`.
 */
export class DiskSessions {
  readonly #options: SessionsOptions;
  /** The parts on their way in, by session folder and part. One process uses a data folder, so that no others can be. */
  readonly #writers = new Map<string, DiskPartWriter>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  async begin(key: BlobKey, parts: Parts): Promise<MultipartBlob> {
    const { files, root, syncFolder } = this.#options;
    const session = randomBytes(16).toString("hex");
    const folder = join(root, folderName(key, session));
    await files.mkdir(folder, { mode: 0o700 });
    const handle = await files.open(join(folder, openName), "wx", 0o600);
    await handle.close();
    await syncFolder(folder);
    await syncFolder(root);
    return this.resume(key, session, parts);
  }

  resume(key: BlobKey, session: string, parts: Parts): MultipartBlob {
    if (!/^[0-9a-f]{32}$/.test(session)) throw new TypeError("not a session of this store");
    const folder = join(this.#options.root, folderName(key, session));
    return new DiskMultipart(this.#options, {
      key,
      session,
      folder,
      parts,
      writers: this.#writers,
    });
  }

  async abandon(key: BlobKey): Promise<void> {
    const { files, root } = this.#options;
    const prefix = folderName(key, "");
    const sessions: string[] = [];
    for await (const { name } of await files.opendir(root))
      if (name.startsWith(prefix)) sessions.push(name.slice(prefix.length));
    for (const session of sessions)
      await this.resume(key, session, { firstBytes: 0, nextBytes: 0 }).abort();
  }
}

type Session = {
  readonly key: BlobKey;
  readonly session: string;
  readonly folder: string;
  readonly parts: Parts;
  readonly writers: Map<string, DiskPartWriter>;
};

class DiskMultipart implements MultipartBlob {
  readonly session: string;
  readonly #options: SessionsOptions;
  readonly #of: Session;

  constructor(options: SessionsOptions, of: Session) {
    this.session = of.session;
    this.#options = options;
    this.#of = of;
  }

  async put(part: number, sizeBytes: number): Promise<PartWriter> {
    const place = partPlace(this.#of.parts, part, sizeBytes);
    const { writers, folder } = this.#of;
    const name = join(folder, String(part));
    for (let earlier = writers.get(name); earlier !== undefined; earlier = writers.get(name))
      await earlier.supersede();
    const writer = new DiskPartWriter({
      part,
      sizeBytes,
      open: async () => await this.#openPart(part, place),
      publish: async (tag) => await this.#mark({ part, sizeBytes, tag }),
      onEnd: () => {
        if (writers.get(name) === writer) writers.delete(name);
      },
    });
    writers.set(name, writer);
    await onDisk(async () => await writer.begin());
    return writer;
  }

  async list(): Promise<readonly HeldPart[]> {
    return await onDisk(async () => await this.#list(openName));
  }

  /** Nobody but this process writes below the folder. */
  async locate(): Promise<null> {
    return null;
  }

  async recognise(): Promise<readonly RecognisedPart[]> {
    return [];
  }

  async complete(parts: readonly HeldPart[]): Promise<{ readonly sizeBytes: number }> {
    const sizeBytes = assertNamed(this.#of.parts, parts);
    const { files, publish } = this.#options;
    const { folder, key } = this.#of;
    const path = join(folder, closedName);
    return await onDisk(async () => {
      await this.#close();
      const held = await this.#list(closedName);
      const missing = partsMissing(parts, held);
      if (missing !== null) {
        await files.rename(path, join(folder, openName));
        throw missing;
      }
      const handle = await files.open(path, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        await handle.truncate(sizeBytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await publish(path, key);
      await this.#remove();
      return { sizeBytes };
    });
  }

  async abort(): Promise<void> {
    await this.#supersede();
    await onDisk(async () => await this.#remove());
  }

  /** From here on no part can be begun, and none is under way. A crash after this leaves the closed name for the next attempt. */
  async #close(): Promise<void> {
    const { folder } = this.#of;
    try {
      await this.#options.files.rename(join(folder, openName), join(folder, closedName));
    } catch (error) {
      if (errno(error) !== "ENOENT") throw error;
    }
    await this.#supersede();
  }

  async #supersede(): Promise<void> {
    const { writers, folder } = this.#of;
    const mine = [...writers].filter(([name]) => name.startsWith(join(folder, "/")));
    await Promise.all(mine.map(async ([, writer]) => await writer.supersede()));
  }

  /** The part is not held from here on: a crash in the middle of the new bytes must not leave it marked. */
  async #openPart(part: number, offset: number) {
    const { files, syncFolder } = this.#options;
    const { folder } = this.#of;
    const flags = constants.O_WRONLY | constants.O_NOFOLLOW;
    const handle = await files.open(join(folder, openName), flags).catch(gone);
    try {
      const marks = (await this.#names()).filter((name) => name.startsWith(`${part}.`));
      for (const name of marks) await files.unlink(join(folder, name));
      if (marks.length > 0) await syncFolder(folder);
      return { handle, offset };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #mark({ part, sizeBytes, tag }: HeldPart): Promise<void> {
    const { files, syncFolder } = this.#options;
    const { folder } = this.#of;
    const handle = await files.open(join(folder, `${part}.${sizeBytes}.${tag}`), "wx", 0o600);
    await handle.close();
    await syncFolder(folder);
  }

  async #list(file: string): Promise<readonly HeldPart[]> {
    const { folder, parts } = this.#of;
    const { size } = await this.#options.files.lstat(join(folder, file)).catch(gone);
    const held = (await this.#names()).flatMap((name) => {
      const [, part, sizeBytes, tag] = /^(\d+)\.(\d+)\.([0-9a-f]{32})$/.exec(name) ?? [];
      if (tag === undefined) return [];
      return [{ part: Number(part), sizeBytes: Number(sizeBytes), tag }];
    });
    return held
      .filter(({ part, sizeBytes }) => partPlace(parts, part, sizeBytes) + sizeBytes <= size)
      .sort((one, other) => one.part - other.part);
  }

  async #names(): Promise<readonly string[]> {
    const names: string[] = [];
    const entries = await this.#options.files.opendir(this.#of.folder).catch(gone);
    for await (const { name } of entries) names.push(name);
    return names;
  }

  async #remove(): Promise<void> {
    const { files, root, syncFolder } = this.#options;
    const { folder } = this.#of;
    try {
      for (const name of await this.#names()) await files.unlink(join(folder, name));
      await files.rmdir(folder);
    } catch (error) {
      if (!(error instanceof Refusal) && errno(error) !== "ENOENT") throw error;
      await files.lstat(root);
      return;
    }
    await syncFolder(root);
  }
}

/** All sessions of a key begin alike. */
function folderName(key: BlobKey, session: string): string {
  return `${hash("sha256", key, "hex")}.${session}`;
}

function gone(error: unknown): never {
  if (errno(error) !== "ENOENT") throw error;
  throw new Refusal("multipart_gone", "the store has no such session", { cause: error });
}
