import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** Windows knows neither; there is nothing there that an opening would wait for. */
const withoutWaiting = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

const absent: ReadonlySet<string> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
  "ENXIO",
  "ENODEV",
  "EOPNOTSUPP",
]);

/**
 * Opens a regular file for reading, and never waits for it. Null where there is none under that name: nothing, a folder, links in a circle,
 * or a pipe, socket or device, which could keep who reads it waiting for ever. Throws what else the system says.
 */
export async function openRegularFile(path: string): Promise<FileHandle | null> {
  const file = await open(path, withoutWaiting).catch(nullIfAbsent);
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

function nullIfAbsent(error: unknown): null {
  const code = Error.isError(error) && "code" in error ? String(error.code) : "";
  if (absent.has(code)) return null;
  throw error;
}

/** The first bytes of a regular file, at most `limitBytes`, also where it grows meanwhile. Null and throws as `openRegularFile`. */
export async function readRegularFile(path: string, limitBytes: number): Promise<Buffer | null> {
  await using file = await openRegularFile(path);
  if (file === null) return null;
  const { size } = await file.stat();
  return await readUpTo(file, Math.min(size, limitBytes));
}

async function readUpTo(file: FileHandle, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.alloc(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await file.read(bytes, filled, sizeBytes - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Memory that one file after the other is read into. */
export class ReadingRoom {
  #bytes = new Uint8Array(0);

  /** The first so many bytes of it, whatever they hold. */
  take(sizeBytes: number): Uint8Array {
    if (this.#bytes.length < sizeBytes) this.#bytes = new Uint8Array(sizeBytes * 2);
    return this.#bytes.subarray(0, sizeBytes);
  }
}

/** `readRegularFile` at once, for a thread that has nothing else to do meanwhile. What it gives lasts until the room is used again. */
export function readRegularFileSync(
  path: string,
  limitBytes: number,
  room: ReadingRoom,
): Uint8Array | null {
  const file = openSyncOrNull(path);
  if (file === null) return null;
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return null;
    const bytes = room.take(Math.min(stat.size, limitBytes));
    let filled = 0;
    while (filled < bytes.length) {
      const read = readSync(file, bytes, filled, bytes.length - filled, null);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}

function openSyncOrNull(path: string): number | null {
  try {
    return openSync(path, withoutWaiting);
  } catch (error) {
    return nullIfAbsent(error);
  }
}
