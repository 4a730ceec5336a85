import { createHash } from "node:crypto";
import { lstat, readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { openRegularFile } from "../ledger/source-file.ts";
import { Failure } from "./failure.ts";
import { isCode, pathProblem } from "./paths.ts";

/** A local file and its path inside the revision. */
export type Source = { readonly file: string; readonly path: string; readonly sizeBytes: number };

/**
 * The files to upload: a file under its own name, a folder's files under their paths inside it. A symbolic link or a special file is
 * refused where it was named, and skipped with a notice where a folder holds it: what lies elsewhere does not slip in.
 */
export async function findSources(
  given: readonly string[],
  note: (sentence: string) => void,
): Promise<readonly Source[]> {
  const found = new Map<string, Source>();
  for (const start of given) {
    for await (const source of walk(start, note)) {
      const problem = pathProblem(source.path);
      if (problem !== null)
        throw new Failure("failed", `the path ${JSON.stringify(source.path)} ${problem}`);
      const other = found.get(source.path);
      if (other !== undefined) {
        const message = `${other.file} and ${source.file} would both be ${source.path}`;
        throw new Failure("usage", message);
      }
      found.set(source.path, source);
    }
  }
  if (found.size === 0) throw new Failure("usage", "there is no file to upload");
  return [...found.values()];
}

async function* walk(start: string, note: (sentence: string) => void): AsyncGenerator<Source> {
  const stats = await lstat(start).catch((cause: unknown) => {
    const reason = isCode(cause, "ENOENT") ? "does not exist" : "cannot be read";
    throw new Failure("failed", `${start} ${reason}`, { cause });
  });
  if (stats.isFile()) {
    yield { file: start, path: basename(resolve(start)), sizeBytes: stats.size };
  } else if (stats.isDirectory()) {
    yield* walkFolder(start, "", note);
  } else {
    const what = stats.isSymbolicLink() ? "a symbolic link" : "not a regular file";
    throw new Failure("failed", `${start} is ${what}; name the file itself`);
  }
}

async function* walkFolder(
  folder: string,
  prefix: string,
  note: (sentence: string) => void,
): AsyncGenerator<Source> {
  const names = (await readdir(folder)).sort();
  for (const name of names) {
    const [file, path] = [join(folder, name), `${prefix}${name}`];
    const stats = await lstat(file);
    if (stats.isDirectory()) yield* walkFolder(file, `${path}/`, note);
    else if (stats.isFile()) yield { file, path, sizeBytes: stats.size };
    else note(`skipped ${file}: ${stats.isSymbolicLink() ? "a symbolic link" : "no regular file"}`);
  }
}

/** A file's bytes as a stream that is digested on its way. Refuses a file that has other than the stated size, or changes meanwhile. */
export class DigestedFile {
  readonly #source: Source;
  readonly #digest = createHash("sha256");

  constructor(source: Source) {
    this.#source = source;
  }

  async *read(onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
    const { file, sizeBytes } = this.#source;
    await using handle = await openRegularFile(file);
    if (handle === null) throw new Failure("failed", `${file} is no longer a regular file`);
    const before = await handle.stat();
    let readBytes = 0;
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 2 ** 20 });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      readBytes += chunk.length;
      if (readBytes > sizeBytes) break;
      this.#digest.update(chunk);
      onBytes(chunk.length);
      yield chunk;
    }
    const after = await handle.stat();
    if (readBytes !== sizeBytes || before.mtimeMs !== after.mtimeMs)
      throw new Failure("failed", `${file} changed while it was uploaded`);
  }

  /** SHA-256 of what was read, in hex; once, at the end. */
  sha256(): string {
    return this.#digest.digest("hex");
  }
}
