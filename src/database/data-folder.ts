import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Another process holds the data folder. */
export class DataFolderLocked extends Error {
  override readonly name = "DataFolderLocked";
}

export type HeldFolder = {
  readonly path: string;
  /** Lets the next process in. May be called more than once. */
  release(): void;
};

const sqliteBusy = 5;

/**
 * Takes the data folder for this process alone, making it (mode 0700) if need be. Throws `DataFolderLocked` at once when another has it.
 * The lock is an exclusive SQLite transaction, which the operating system ends with the process, however that dies. On POSIX it is also
 * lost when this process opens and closes `lock.sqlite` in any other way, so nothing else may touch that file.
 */
export async function holdDataFolder(folder: string): Promise<HeldFolder> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(join(path, "lock.sqlite"), { timeout: 0 });
  try {
    lock.exec("begin exclusive");
  } catch (cause) {
    lock.close();
    if (!isBusy(cause)) throw cause;
    throw new DataFolderLocked(`another process uses the data folder ${path}`, { cause });
  }
  return {
    path,
    release: () => {
      if (lock.isOpen) lock.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return Error.isError(error) && "errcode" in error && error.errcode === sqliteBusy;
}
