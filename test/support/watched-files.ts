import * as nodeFiles from "node:fs/promises";
import { relative } from "node:path";
import type { FileSystem } from "../../src/storage/disk-files.ts";

type Method = (...parameters: readonly unknown[]) => unknown;

const methods = [
  "link",
  "lstat",
  "mkdir",
  "open",
  "opendir",
  "realpath",
  "rename",
  "rmdir",
  "unlink",
] as const;

/**
 * The file system, telling each step to `onStep` before it is taken, and not taking it when that throws. A step is a method and a path
 * below `root`, with `*` for the random name of an incoming file. What `open` gives is watched under the path that was opened.
 */
export function watchedFiles(root: string, onStep: (step: string) => void): FileSystem {
  const label = (path: unknown) =>
    (relative(root, String(path)) || ".").replace(/^\.incoming\/[0-9a-f]{32}$/, ".incoming/*");
  const watched = methods.map((name) => {
    const method = nodeFiles[name] as Method;
    const step = async (...parameters: readonly unknown[]) => {
      onStep(`${name} ${label(parameters[0])}`);
      const result = await method(...parameters);
      return name === "open" ? watch(result as object, label(parameters[0]), onStep) : result;
    };
    return [name, step] as const;
  });
  return Object.fromEntries(watched) as unknown as FileSystem;
}

function watch(handle: object, path: string, onStep: (step: string) => void): object {
  return new Proxy(handle, {
    get: (target, property) => {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      return async (...parameters: readonly unknown[]) => {
        onStep(`${String(property)} ${path}`);
        return Reflect.apply(member as Method, target, parameters);
      };
    },
  });
}
