import { lstat, open, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "./failure.ts";
import { isCode } from "./paths.ts";

/** The name that the lock takes in the folder while it is held. */
export const folderLock = ".weightvault-download.lock";

const sqliteBusy = 5;
const mostTries = 20;

/**
 * Holds a folder against other downloads into it, until disposed of. The lock is an exclusive SQLite transaction on a file in the folder, which the
 * operating system ends with the process, however that dies; who holds it removes the file at the end. Throws `failed` where another has it.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const path = join(resolve(folder), folderLock);
  for (let tries = 0; tries < mostTries; tries += 1) {
    const inode = await makeFile(path);
    const lock = new DatabaseSync(path, { timeout: 0 });
    try {
      lock.exec("begin exclusive");
    } catch (cause) {
      lock.close();
      if (Error.isError(cause) && "errcode" in cause && cause.errcode === sqliteBusy)
        throw new Failure("failed", `another download into ${folder} is under way`, { cause });
      throw new Failure("failed", `${path} cannot be locked`, { cause });
    }
    // Whoever held it before may have removed the file between our making and our locking of it: then another's is there now, or none.
    if ((await inodeOf(path)) === inode)
      return {
        [Symbol.asyncDispose]: async () => {
          await rm(path, { force: true });
          lock.close();
        },
      };
    lock.close();
  }
  throw new Failure("failed", `another download into ${folder} is under way`);
}

/** Makes the file where there is none. A link in its place is not followed. */
async function makeFile(path: string): Promise<bigint | null> {
  try {
    await (await open(path, "wx", 0o600)).close();
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    const found = await lstat(path).catch(() => null);
    if (found?.isFile() === false) throw new Failure("failed", `${path} is no regular file`);
  }
  return await inodeOf(path);
}

async function inodeOf(path: string): Promise<bigint | null> {
  const found = await lstat(path, { bigint: true }).catch(() => null);
  return found?.ino ?? null;
}
