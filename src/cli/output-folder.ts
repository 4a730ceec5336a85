import { createHash } from "node:crypto";
import { lstat, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openRegularFile } from "../ledger/source-file.ts";
import { Failure } from "./failure.ts";
import { folderLock } from "./folder-lock.ts";
import type { NamedFile } from "./held-release.ts";
import type { Target } from "./partial-state.ts";
import { destinationsOf, isCode, nameOnDisk } from "./paths.ts";
import { sizeText } from "./progress.ts";

/** Whether the output folder is there. Throws `failed` where something else is. */
export async function isFolder(output: string): Promise<boolean> {
  const folder = await stat(output).catch(() => null);
  if (folder?.isDirectory() === false)
    throw new Failure("failed", `${output} is there and is no folder`);
  return folder !== null;
}

/** What can be known before a release is asked for by paths alone: no folder or other thing stands where a named file would go. */
export async function assertPlaces(output: string, paths: readonly string[]): Promise<void> {
  for (const [path, place] of destinationsOf(output, paths)) {
    const found = await stat(place).catch(() => null);
    if (found?.isFile() === false)
      throw new Failure("failed", `${place} is there and is no file: ${path} cannot be written`);
  }
}

/**
 * Where each file goes, is written until then, and has its state. None of these takes the name of another file of the revision, of those in `others` too,
 * which may lie there from an earlier download. Throws `failed` for a file where the lock is, or where SQLite would take it for the lock's own.
 */
export function targetsOf(
  output: string,
  paths: readonly string[],
  others: readonly string[] = [],
): ReadonlyMap<string, Target> {
  const places = destinationsOf(output, paths);
  const taken = new Set(
    [...places.values(), ...others.map((path) => join(resolve(output), path))].map((place) =>
      nameOnDisk(place),
    ),
  );
  const lock = paths.find((path) => nameOnDisk(path).startsWith(folderLock));
  if (lock !== undefined)
    throw new Failure("failed", `a file ${lock} would take the place of the folder's lock`);
  return new Map(
    [...places].map(([path, place]) => {
      let partial = `${place}.partial`;
      const isTaken = (name: string) => taken.has(nameOnDisk(name));
      while (isTaken(partial) || isTaken(`${partial}.json`) || isTaken(`${partial}.json.new`))
        partial += ".partial";
      const target = { place, partial, state: `${partial}.json` };
      for (const name of [partial, target.state, `${target.state}.new`])
        taken.add(nameOnDisk(name));
      return [path, target];
    }),
  );
}

/** Which files are there already, whole. All that could stand in the way is looked at before the first byte is fetched. */
export async function findThere(
  files: readonly NamedFile[],
  targets: ReadonlyMap<string, Target>,
  mayReplace: boolean,
): Promise<ReadonlySet<string>> {
  const there = new Set<string>();
  for (const file of files) {
    const place = targets.get(file.path)?.place ?? "";
    if (await isThere(file, place, { mayReplace })) there.add(file.path);
  }
  return there;
}

/** Throws `failed` where the folder's file system has less room than the files need. One that does not tell is believed to have it. */
export async function assertRoom(
  output: string,
  neededBytes: number,
  statOf: typeof statfs = statfs,
): Promise<void> {
  // A folder that is still to be made lies where the nearest one above it does.
  let [found, folder] = [await statOf(output).catch(() => null), resolve(output)];
  for (; found === null && dirname(folder) !== folder; folder = dirname(folder))
    found = await statOf(dirname(folder)).catch(() => null);
  if (found === null || found.blocks === 0) return;
  const freeBytes = found.bavail * found.bsize;
  if (freeBytes >= neededBytes) return;
  throw new Failure(
    "failed",
    `${output} has room for ${sizeText(freeBytes)}, and the files need ${sizeText(neededBytes)}: nothing was asked for`,
  );
}

/** Whether the very file is there already. Throws where something else is in its place and may not be replaced. */
async function isThere(
  { path, size, sha256 }: NamedFile,
  place: string,
  { mayReplace }: { readonly mayReplace: boolean },
): Promise<boolean> {
  const found = await lstat(place).catch((error: unknown) => {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return null;
    throw error;
  });
  if (found === null) return false;
  if (!found.isFile())
    throw new Failure("failed", `${place} is there already and is not a regular file`);
  if (found.size === size && (await digestOf(place)) === sha256) return true;
  if (mayReplace) return false;
  throw new Failure(
    "failed",
    `${place} is there already with other content than ${path}; --overwrite replaces it`,
  );
}

async function digestOf(place: string): Promise<string> {
  await using file = await openRegularFile(place);
  if (file === null) throw new Failure("failed", `${place} is no longer a regular file`);
  const digest = createHash("sha256");
  for await (const chunk of file.createReadStream({ autoClose: false })) digest.update(chunk);
  return digest.digest("hex");
}
