import { expect, test } from "@jest/globals";
import { chooseFiles, isPattern } from "../../../src/cli/path-pattern.ts";

const paths = [
  "README.md",
  "config.json",
  "model/a.safetensors",
  "model/b.safetensors",
  "model/deep/c.safetensors",
  "odd/[x]+(1).bin",
  "odd/what?.bin",
];
const files = paths.map((path) => ({ path }));
const chosen = (...given: string[]) => chooseFiles(files, given).map(({ path }) => path);

test.each([
  [["config.json"], ["config.json"]],
  [["model"], paths.slice(2, 5)],
  [["model/"], paths.slice(2, 5)],
  [["*.json"], ["config.json"]],
  [["*"], ["README.md", "config.json"]],
  [["model/*"], paths.slice(2, 4)],
  [["model/?.safetensors"], paths.slice(2, 4)],
  [["**/*.safetensors"], paths.slice(2, 5)],
  [["**"], paths],
  [["model/**/c.*"], ["model/deep/c.safetensors"]],
  [["odd/[x]+(1).bin"], ["odd/[x]+(1).bin"]],
  [["odd/[x]+*"], ["odd/[x]+(1).bin"]],
  [["odd/what?.bin"], ["odd/what?.bin"]],
  [
    ["model/b.safetensors", "config.json", "model/b*"],
    ["config.json", "model/b.safetensors"],
  ],
] as const)("%j choose %j", (given, expected) => {
  expect(chosen(...given)).toEqual(expected);
});

test("without any, all files are chosen", () => {
  expect(chosen()).toEqual(paths);
});

test.each(["missing.bin", "mode", "MODEL/*", "model/*.json", "../config.json", "/config.json", ""])(
  "%j chooses nothing, and says so",
  (given) => {
    expect(() => chosen("config.json", given)).toThrow("the revision has no file");
  },
);

test("many stars cost no more than one", () => {
  const long = [{ path: `${"a".repeat(1_000)}b` }];
  expect(() => chooseFiles(long, [`${"*".repeat(200)}c`])).toThrow("no file");
});

test("a pattern is told from a path", () => {
  expect(["a/b", "a*", "a?", "a/"].map(isPattern)).toEqual([false, true, true, true]);
});
