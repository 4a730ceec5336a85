import { lstat, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { expect, test } from "@jest/globals";
import { assert, property, string } from "fast-check";
import { destinationsOf, makeFolder, pathProblem } from "../../../src/cli/paths.ts";

test.each([
  "a",
  "a/b.bin",
  "model-00001-of-00002.safetensors",
  ".gitattributes",
  "ä/日本.bin",
  "a..b",
])("%j is a path of a revision", (path) => {
  expect(pathProblem(path)).toBeNull();
});

test.each([
  "",
  "/a",
  "//a",
  "a//b",
  "a/",
  ".",
  "..",
  "../a",
  "a/../b",
  "a/./b",
  "a\\b",
  "a\nb",
  "a\u0000b",
  "a\u009bb",
  "\ud800",
  "a".repeat(1_025),
])("%j is none", (path) => {
  expect(pathProblem(path)).not.toBeNull();
});

test.each(["c:/a", "a:stream", "nul", "a/CON.txt", "com1", "a.", "a ", "a?b"])(
  "Windows cannot hold %j",
  (path) => {
    expect(pathProblem(path, "win32")).not.toBeNull();
    expect(pathProblem(path, "linux")).toBeNull();
  },
);

test("whatever the server names, a file goes below the output folder or is refused", () => {
  const output = resolve("/somewhere/output");
  assert(
    property(string({ unit: "binary", maxLength: 20 }), (text) => {
      const path = text.replaceAll("x", "../").replaceAll("y", "/");
      if (pathProblem(path) !== null) return;
      const place = destinationsOf(output, [path]).get(path) ?? "";
      expect(place.startsWith(`${output}${sep}`)).toBe(true);
      expect(resolve(place)).toBe(place);
    }),
    { numRuns: 2_000 },
  );
});

test("each path has its place", () => {
  const places = destinationsOf("/out", ["a/b", "c"]);
  expect([...places.values()]).toEqual([
    join(resolve("/out"), "a", "b"),
    join(resolve("/out"), "c"),
  ]);
});

test.each([
  ["a file twice", ["a", "a"]],
  ["a file that is a folder too", ["a/b", "a"]],
  ["a path that leaves the folder", ["a", "../b"]],
])("a list with %s is refused as an integrity failure", (_, paths) => {
  expect(() => destinationsOf("/out", paths)).toThrow(
    expect.objectContaining({ exit: "integrity" }),
  );
});

const folded: readonly (readonly [string, readonly [string, string]])[] = [
  ["case", ["README.md", "readme.md"]],
  ["case in a folder's name", ["Shards/a.bin", "shards/a.bin"]],
  ["composition", ["caf\u00e9.bin", "cafe\u0301.bin"]],
  ["composition and case", ["CAF\u00c9.bin", "cafe\u0301.bin"]],
  ["a letter with two capitals", ["stra\u00dfe", "STRASSE"]],
  ["the long s", ["\u017fafe.bin", "safe.bin"]],
  ["the Kelvin sign", ["\u212a.bin", "k.bin"]],
  ["the final sigma", ["\u03c3\u03c2", "\u03a3\u03a3"]],
  ["what cannot be seen", ["model\u200d.bin", "model.bin"]],
  ["a file and a folder of another case", ["Model", "model/weights.bin"]],
];

test.each(folded)("paths that differ by %s are one file on macOS and Windows alone", (_, paths) => {
  for (const platform of ["darwin", "win32"] as const) {
    const act = () => destinationsOf("/out", paths, platform);
    expect(act).toThrow(expect.objectContaining({ exit: "integrity" }));
    expect(() => destinationsOf("/out", paths.toReversed(), platform)).toThrow("the server names");
  }
  expect(destinationsOf("/out", paths, "linux").size).toBe(2);
});

test.each(["darwin", "win32", "linux"] as const)(
  "paths that are different files on %s keep the names that they have",
  (platform) => {
    const paths = ["A/x.bin", "a/y.bin", "\u00c4/\u65e5\u672c.bin", "\u00c4/\u65e5.bin", "x", "y"];
    const places = destinationsOf("/out", paths, platform);
    expect([...places]).toEqual(
      paths.map((path) => [path, join(resolve("/out"), ...path.split("/"))]),
    );
  },
);

test("a folder is made with those above it, and what cannot be made is refused and not tried for ever", async () => {
  const root = await mkdtemp(join(tmpdir(), "weightvault-folder-"));
  try {
    await makeFolder(join(root, "a/b/c"));
    await makeFolder(join(root, "a/b/c"));
    expect((await lstat(join(root, "a/b/c"))).isDirectory()).toBe(true);
    await writeFile(join(root, "file"), "");
    await expect(makeFolder(join(root, "file"))).rejects.toThrow("is there and is no folder");
    await expect(makeFolder(join(root, "file/below"))).rejects.toMatchObject({ code: "ENOTDIR" });
    if (process.platform === "linux")
      await expect(makeFolder("/proc/none/of/this")).rejects.toMatchObject({ code: "ENOENT" });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
