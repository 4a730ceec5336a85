import { expect, test } from "@jest/globals";
import { assertRoom, targetsOf } from "../../../src/cli/output-folder.ts";

const found = (blocks: number, bavail: number) => async () => ({ blocks, bavail, bsize: 4_096 });

test("a disk without room for the files is told of before anything is asked for", async () => {
  await expect(assertRoom("/out", 4_097, found(100, 1) as never)).rejects.toThrow(
    "/out has room for 4.1 kB, and the files need 4.1 kB: nothing was asked for",
  );
  await expect(assertRoom("/out", 4_096, found(100, 1) as never)).resolves.toBeUndefined();
  // A folder that is still to be made.
  const above = async (folder: string) =>
    folder === "/" ? await found(100, 1)() : await Promise.reject(new Error("ENOENT"));
  await expect(assertRoom("/out/deep", 4_097, above as never)).rejects.toThrow("has room for");
  // A file system that tells nothing of itself.
  await expect(assertRoom("/out", 4_097, found(0, 0) as never)).resolves.toBeUndefined();
});

test("no partial file and no state takes the name of a file of the revision", () => {
  const paths = ["a", "a.partial", "b", "b.partial.json", "c"];
  const targets = targetsOf("/out", paths);
  const names = [...targets.values()].flatMap(({ place, partial, state }) => [
    place,
    partial,
    state,
  ]);
  expect(new Set(names).size).toBe(names.length);
  expect(targets.get("c")).toEqual({
    place: "/out/c",
    partial: "/out/c.partial",
    state: "/out/c.partial.json",
  });
  expect(targets.get("a")?.partial).toBe("/out/a.partial.partial");
  expect(targets.get("b")?.partial).toBe("/out/b.partial.partial");
});

test("no partial file takes the name of a file of the revision that is not fetched now", () => {
  const targets = targetsOf("/out", ["a"], ["a", "a.partial", "b"]);
  expect(targets.get("a")?.partial).toBe("/out/a.partial.partial");
});

test.each(["", "-journal", "-wal", "-shm"])(
  "a file that would take the place of the folder's lock%s is refused",
  (suffix) => {
    const name = `.weightvault-download.lock${suffix}`;
    expect(() => targetsOf("/out", [name])).toThrow("folder's lock");
  },
);
