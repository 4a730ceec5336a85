import type * as promises from "node:fs/promises";
import { Refusal } from "../errors.ts";

/** What the disk store needs of node:fs/promises; a test gives one that fails on purpose. */
export type FileSystem = Pick<
  typeof promises,
  "link" | "lstat" | "mkdir" | "open" | "opendir" | "realpath" | "rename" | "rmdir" | "unlink"
>;

export function errno(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** Runs one piece of file work; what the system refuses becomes `store_full` or `store_unavailable`, and refusals pass as they are. */
export async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw refusalOf(error);
  }
}

export function refusalOf(error: unknown): unknown {
  const code = errno(error);
  if (error instanceof Refusal || typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code))
    return error;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new Refusal("store_full", "the disk has no room for the blob", { cause: error });
  }
  return new Refusal("store_unavailable", "the disk does not serve", { cause: error });
}
