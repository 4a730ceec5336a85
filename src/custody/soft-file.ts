import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Refusal } from "../errors.ts";

/** Soft keys lie beside what they protect, so they are for one machine and never for production. */
export function refuseInProduction(what: string, environment: string): void {
  if (environment !== "production") return;
  throw new Refusal(
    "configuration_invalid",
    `${what} is refused in production: use a KMS or an HSM`,
  );
}

export type KeyFile = {
  readonly file: string;
  /**
   * Whether the vault is new, so that a missing key may be made. One that has begun lost what its key protects: a fresh key would only
   * hide that.
   */
  readonly mayMake: boolean;
};

/**
 * The bytes of a key file. Where there is none, `make` gives them and they are written once: durable before the file has its name, mode
 * 0600, never over an existing file, so of two processes that begin together both read the same key.
 */
export async function keepKeyFile({ file, mayMake }: KeyFile, make: () => Buffer): Promise<Buffer> {
  const existing = await readKeyFile(file);
  if (existing !== null) return existing;
  if (!mayMake) {
    throw unusable(
      file,
      "is missing, and this vault has begun with one: restore it from a backup, or copy it from the node that has it",
    );
  }
  await writeOnce(file, make());
  const written = await readKeyFile(file);
  if (written === null) throw unusable(file, "vanished while it was made");
  return written;
}

/** The files beside `file` that came after it, `file.2` and up, in their order. None where there is no folder yet. */
export async function successorsOf(file: string): Promise<readonly string[]> {
  const names = await readdir(dirname(file)).catch((error: unknown) => {
    if (errno(error) === "ENOENT") return [];
    throw unusable(file, "lies in a folder that cannot be read", error);
  });
  return names
    .flatMap((name) => {
      const place = placeOf(file, name);
      return place === null ? [] : [{ name, place }];
    })
    .toSorted((one, other) => one.place - other.place)
    .map(({ name }) => join(dirname(file), name));
}

/** The name that the next file after these has. */
export function nextAfter(file: string, successors: readonly string[]): string {
  const last = successors.at(-1);
  return `${file}.${(last === undefined ? 1 : (placeOf(file, basename(last)) ?? 1)) + 1}`;
}

function placeOf(file: string, name: string): number | null {
  const own = `${basename(file)}.`;
  if (!name.startsWith(own) || !/^[1-9][0-9]{0,8}$/.test(name.slice(own.length))) return null;
  const place = Number(name.slice(own.length));
  return place >= 2 ? place : null;
}

/** A pipe in a key's place is opened at once, to be refused: waiting for who writes to it could last for ever. */
const readingNoLink = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Null when there is no such file. Throws `configuration_invalid` when anybody else may read it or put another in its place. */
export async function readKeyFile(file: string): Promise<Buffer | null> {
  const handle = await open(file, readingNoLink).catch((error: unknown) => {
    if (errno(error) === "ENOENT") return null;
    throw unusable(file, "cannot be opened, or is a symbolic link", error);
  });
  if (handle === null) return null;
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw unusable(file, "is not a regular file");
    if ((found.mode & 0o077) !== 0) throw unusable(file, "must have mode 0600");
    const user = process.geteuid?.();
    if (user !== undefined && found.uid !== user && found.uid !== 0) {
      throw unusable(file, "belongs to another user");
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * Puts the key file `next` in the place of `file`, which stays under the name `retired`. At every moment `file` is one key or the other, so it
 * may be run again after a crash.
 */
export async function replaceKeyFile({
  file,
  next,
  retired,
}: {
  readonly file: string;
  readonly next: string;
  readonly retired: string;
}): Promise<void> {
  await link(file, retired).catch((error: unknown) => {
    if (errno(error) !== "EEXIST") throw unusable(retired, "cannot be written", error);
  });
  await rename(next, file).catch((error: unknown) => {
    throw unusable(file, "cannot be replaced", error);
  });
  await syncFolder(dirname(file));
}

export function unusable(file: string, why: string, cause?: unknown): Refusal {
  return new Refusal("configuration_invalid", `the key file ${file} ${why}`, { cause });
}

async function writeOnce(file: string, bytes: Buffer): Promise<void> {
  const unfinished = `${file}.${randomBytes(8).toString("hex")}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(unfinished, "wx", 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
      bytes.fill(0);
    }
    await link(unfinished, file).catch((error: unknown) => {
      if (errno(error) !== "EEXIST") throw error;
    });
  } catch (error) {
    const code = errno(error);
    throw unusable(file, `cannot be written${code === undefined ? "" : ` (${code})`}`, error);
  } finally {
    await unlink(unfinished).catch(() => {});
  }
  await syncFolder(dirname(file));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function errno(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
