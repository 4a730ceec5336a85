import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { excerptSource } from "../../../src/cli/excerpt-folder.ts";
import { maximumNoteBytes } from "../../../src/merkle/note.ts";
import { maximumEntryBytes } from "../../../src/merkle/tile.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-excerpt-"));
  await mkdir(join(folder, "entries"));
  await mkdir(join(folder, "proofs"));
});
afterEach(async () => await rm(folder, { recursive: true }));

const entryFile = (index: number): string => join(folder, "entries", `${index}.json`);
const proofFile = (index: number): string => join(folder, "proofs", `${index}.tlog-proof`);

test("what was read of one file stands while others are read", async () => {
  await writeFile(join(folder, "checkpoint"), "the checkpoint");
  await writeFile(entryFile(0), "the first entry");
  await writeFile(entryFile(1), "another entry");
  await writeFile(proofFile(0), "its proof");
  const source = excerptSource(folder);
  const read = [
    await source.checkpoint(),
    await source.entry(0),
    await source.proof(0),
    await source.entry(1),
  ];
  expect(read.map(String)).toEqual([
    "the checkpoint",
    "the first entry",
    "its proof",
    "another entry",
  ]);
});

test("only regular files are there: no folder, pipe, link to nowhere or circle of links, and a link to a file is that file", async () => {
  await mkdir(entryFile(0));
  execFileSync("mkfifo", [entryFile(1)]);
  await symlink("nowhere", entryFile(2));
  await symlink("4.json", entryFile(3));
  await symlink("3.json", entryFile(4));
  await writeFile(join(folder, "elsewhere"), "an entry");
  await symlink("../elsewhere", entryFile(6));
  const source = excerptSource(folder);
  for (const index of [0, 1, 2, 3, 4, 5]) expect(await source.entry(index)).toBeNull();
  expect(String(await source.entry(6))).toBe("an entry");
  expect(await source.proof(6)).toBeNull();
  expect(await source.checkpoint()).toBeNull();
});

test("of a file that is longer than any entry or proof no more is read than shows that", async () => {
  await writeFile(entryFile(0), Buffer.alloc(2 * maximumEntryBytes));
  await writeFile(proofFile(0), Buffer.alloc(2 * maximumNoteBytes));
  const source = excerptSource(folder);
  expect((await source.entry(0))?.length).toBe(maximumEntryBytes + 1);
  expect((await source.proof(0))?.length).toBe(maximumNoteBytes + 1);
});

test("a file that cannot be read fails, and is not taken for one that is missing", async () => {
  const source = excerptSource(join(folder, "a".repeat(300)));
  await expect(source.entry(0)).rejects.toMatchObject({ code: "ENAMETOOLONG" });
  await expect(source.proof(0)).rejects.toMatchObject({ code: "ENAMETOOLONG" });
  await expect(source.checkpoint()).rejects.toMatchObject({ code: "ENAMETOOLONG" });
});
