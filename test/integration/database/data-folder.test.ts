import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { DataFolderLocked, holdDataFolder } from "../../../src/database/data-folder.ts";

const program = fileURLToPath(new URL("../../support/hold-data-folder.ts", import.meta.url));
const children: ChildProcess[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weightvault-folder-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** What a second process says when it tries to hold the folder; it keeps running where it succeeds. */
async function holdElsewhere(path: string): Promise<readonly [said: string, child: ChildProcess]> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [chunk]: Buffer[] = await once(child.stdout, "data");
  return [String(chunk).trim(), child];
}

test("a data folder that another process holds is refused with its path", async () => {
  const [said] = await holdElsewhere(folder);
  expect(said).toBe("held");
  const refused = holdDataFolder(folder);
  await expect(refused).rejects.toBeInstanceOf(DataFolderLocked);
  await expect(refused).rejects.toThrow(folder);
});

test("another process is refused while this one holds the folder, and let in after release", async () => {
  const held = await holdDataFolder(folder);
  const [refused] = await holdElsewhere(folder);
  expect(refused).toBe("DataFolderLocked");
  held.release();
  held.release();
  const [said] = await holdElsewhere(folder);
  expect(said).toBe("held");
});

test("the lock dies with a process that is killed", async () => {
  const [, child] = await holdElsewhere(folder);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  const held = await holdDataFolder(folder);
  held.release();
});

test("the same process cannot hold a folder twice", async () => {
  const held = await holdDataFolder(folder);
  await expect(holdDataFolder(folder)).rejects.toBeInstanceOf(DataFolderLocked);
  held.release();
});

test("a folder that did not exist is made for its owner alone", async () => {
  const held = await holdDataFolder(join(folder, "a", "b"));
  expect((await stat(held.path)).mode & 0o777).toBe(0o700);
  held.release();
});
