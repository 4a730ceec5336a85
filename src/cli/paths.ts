import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Failure } from "./failure.ts";

const longestPathBytes = 1_024;

/** What is wrong with a file's path inside a revision, or null: the server's own rule, and what would leave a folder on some system. */
export function pathProblem(
  path: string,
  platform: NodeJS.Platform = process.platform,
): string | null {
  if (path === "") return "is empty";
  if (!path.isWellFormed() || path.includes("\ufffd")) return "is not UTF-8";
  if (Buffer.byteLength(path, "utf8") > longestPathBytes) return "is longer than 1,024 bytes";
  if (/\p{Cc}/u.test(path)) return "has a control character";
  if (path.includes("\\")) return "has a backslash";
  if (path.startsWith("/")) return "is absolute";
  const segments = path.split("/");
  if (segments.includes("")) return "has an empty segment";
  if (segments.includes(".") || segments.includes("..")) return "has a '.' or '..' segment";
  return platform === "win32" ? windowsProblem(segments) : null;
}

/** Drives, streams, devices and names that Windows reads as another name. */
function windowsProblem(segments: readonly string[]): string | null {
  if (segments.some((segment) => /[<>:"|?*]/.test(segment) || /[. ]$/.test(segment)))
    return "is not a path that Windows can hold";
  const isDevice = (segment: string) => /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(segment);
  return segments.some(isDevice) ? "names a device" : null;
}

/**
 * Where each path of a revision goes below the output folder. Throws `integrity` for a list that would write outside of it or twice, also
 * where the platform's file systems take two of its paths for one.
 */
export function destinationsOf(
  output: string,
  paths: readonly string[],
  platform: NodeJS.Platform = process.platform,
): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  const named = new Map<string, string>();
  for (const path of paths) {
    const problem = pathProblem(path, platform);
    if (problem !== null)
      throw new Failure(
        "integrity",
        `the server names a file ${JSON.stringify(path)}, which ${problem}`,
      );
    const other = named.get(nameOnDisk(path, platform));
    if (other !== undefined) throw new Failure("integrity", clash(other, path));
    named.set(nameOnDisk(path, platform), path);
    places.set(path, join(resolve(output), ...path.split("/")));
  }
  for (const path of paths) {
    const folder = foldersOf(path).find((parent) => named.has(nameOnDisk(parent, platform)));
    if (folder !== undefined)
      throw new Failure(
        "integrity",
        `the server names ${JSON.stringify(folder)} as a file and a folder`,
      );
  }
  return places;
}

const foldingPlatforms: ReadonlySet<string> = new Set(["darwin", "win32"]);

/**
 * What tells a path from others on the platform's file systems. Those of macOS and Windows mostly look at neither the case of letters nor,
 * on macOS, how accents are composed and what cannot be seen; one that does look loses only lists that no other machine could hold. The
 * upper case comes first since some letters, ß and ſ among them, meet others there alone.
 */
export function nameOnDisk(path: string, platform: NodeJS.Platform = process.platform): string {
  if (!foldingPlatforms.has(platform)) return path;
  const seen = path.normalize("NFD").replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
  return seen.toUpperCase().toLowerCase().normalize("NFC");
}

function clash(one: string, two: string): string {
  const second = JSON.stringify(two);
  if (one === two) return `the server names the file ${second} twice`;
  return `the server names ${JSON.stringify(one)} and ${second}, which are one file here`;
}

/**
 * Makes a folder and those above it. Node's own recursive mkdir tries for ever where the system says that nothing can be made in a folder
 * that is there, as in /proc.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const path = resolve(folder);
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (isCode(error, "EEXIST")) {
      if ((await stat(path).catch(() => null))?.isDirectory() === true) return;
      throw new Failure("failed", `${folder} is there and is no folder`, { cause: error });
    }
    const isMissingParent = isCode(error, "ENOENT") && dirname(path) !== path;
    if (!isMissingParent || (await stat(dirname(path)).catch(() => null)) !== null) throw error;
    await makeFolder(dirname(path), mode);
    await mkdir(path, { mode });
  }
}

/**
 * Makes the folders between the output folder and the file, and refuses where one of them is a symbolic link or no folder: it could lead
 * outside. The output folder itself is the user's choice and may be a link.
 */
export async function makeFolders(output: string, path: string): Promise<void> {
  await makeFolder(output);
  for (const parent of foldersOf(path)) {
    const folder = join(resolve(output), parent);
    await mkdir(folder, { mode: 0o777 }).catch((error: unknown) => {
      if (!isCode(error, "EEXIST")) throw error;
    });
    if (!(await lstat(folder)).isDirectory())
      throw new Failure(
        "failed",
        `${folder} is no folder, or a symbolic link that could lead elsewhere`,
      );
  }
}

/** Whether an error is of a system call with that code. */
export function isCode(error: unknown, code: string): boolean {
  return Error.isError(error) && "code" in error && error.code === code;
}

function foldersOf(path: string): string[] {
  const segments = path.split("/").slice(0, -1);
  return segments.map((_, depth) => segments.slice(0, depth + 1).join("/"));
}
