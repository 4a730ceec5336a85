import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "./failure.ts";
import { isCode } from "./paths.ts";

/**
 * Makes the file for a token before the token is asked for, so that none is issued that could not be kept; a file that is there is never
 * replaced. Whatever fails, the empty file goes again.
 */
export async function withTokenFile<Answer>(
  path: string,
  issue: () => Promise<{ readonly text: string; readonly answer: Answer }>,
): Promise<Answer> {
  await using file = await create(path);
  try {
    const { text, answer } = await issue();
    await file.writeFile(`${text}\n`);
    await file.sync();
    return answer;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await open(path, "wx", 0o600);
  } catch (cause) {
    const reason = isCode(cause, "EEXIST") ? "is there already" : "cannot be made";
    throw new Failure("failed", `the token file ${path} ${reason}`, { cause });
  }
}
