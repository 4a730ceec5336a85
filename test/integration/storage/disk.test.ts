import { spawn } from "node:child_process";
import { once } from "node:events";
import * as nodeFiles from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { BlobStore } from "../../../src/storage/blob-store.ts";
import { openDiskStore } from "../../../src/storage/disk.ts";
import { get, keysOf, put } from "../../contract/blob-store.ts";
import { watchedFiles } from "../../support/watched-files.ts";

const { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } = nodeFiles;
const mebibyte = 1024 * 1024;
let folder: string;
let root: string;

beforeEach(async () => {
  folder = await nodeFiles.realpath(await mkdtemp(join(tmpdir(), "weightvault-disk-")));
  root = join(folder, "store");
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const failure = (code: string) => Object.assign(new Error(code), { code });

/** A disk store whose file work is told to `onStep` first: `write .incoming/*`, `sync blobs/a`, ... */
async function openWatched(onStep: (step: string) => void): Promise<BlobStore> {
  await openDiskStore({ root });
  return openDiskStore({ root, files: watchedFiles(root, onStep) });
}

describe("the order of writes", () => {
  test("bytes are durable before they have a name, and every new folder before complete answers", async () => {
    const steps: string[] = [];
    const store = await openWatched((step) => steps.push(step));
    await put(store, "a/b/c", "weights");
    const order = steps.filter((step) => /^(write|sync|link|unlink|mkdir) /.test(step));
    const at = (step: string) => order.indexOf(step);
    expect(order.slice(at("write .incoming/*"), at("link .incoming/*") + 1)).toEqual([
      "write .incoming/*",
      "sync .incoming/*",
      "mkdir blobs/a",
      "mkdir blobs/a/b",
      "link .incoming/*",
    ]);
    expect(order.slice(at("link .incoming/*") + 1, -1)).toEqual([
      "sync blobs/a/b",
      "sync blobs/a",
      "sync blobs",
      "sync .",
    ]);
    expect(order.at(-1)).toBe("unlink .incoming/*");
  });

  test("folders that are known to be durable are not made so again", async () => {
    const steps: string[] = [];
    const store = await openWatched((step) => steps.push(step));
    await put(store, "a/b/c", "one");
    steps.length = 0;
    await put(store, "a/b/d", "two");
    expect(steps.filter((step) => step.startsWith("sync "))).toEqual([
      "sync .incoming/*",
      "sync blobs/a/b",
    ]);
  });

  test("a blob that was there already is durable too before complete answers", async () => {
    await put(await openDiskStore({ root }), "a/b", "same");
    const steps: string[] = [];
    const store = await openWatched((step) => steps.push(step));
    await put(store, "a/b", "same");
    expect(steps).toEqual(expect.arrayContaining(["sync blobs/a", "sync blobs", "sync ."]));
  });
});

describe("a disk that fails", () => {
  test.each([
    ["write .incoming/*", "ENOSPC", "store_full"],
    ["sync .incoming/*", "ENOSPC", "store_full"],
    ["sync .incoming/*", "EDQUOT", "store_full"],
    ["mkdir blobs/a", "ENOSPC", "store_full"],
    ["link .incoming/*", "EDQUOT", "store_full"],
    ["write .incoming/*", "EIO", "store_unavailable"],
    ["sync .incoming/*", "EIO", "store_unavailable"],
    ["link .incoming/*", "EROFS", "store_unavailable"],
  ])("at %s with %s refuses with %s and leaves nothing behind", async (failed, errno, code) => {
    let isFailing = true;
    const store = await openWatched((step) => {
      if (isFailing && step === failed) throw failure(errno);
    });
    const writer = await store.create("a/b");
    const writing = (async () => {
      for (let index = 0; index < 12; index += 1) await writer.write(Buffer.alloc(mebibyte));
      await writer.complete();
    })();
    await expect(writing).rejects.toMatchObject({ code, cause: { code: errno } });
    expect(await readdir(join(root, ".incoming"))).toEqual([]);
    expect(await keysOf(store, "")).toEqual([]);
    isFailing = false;
    await put(store, "a/b", "second");
    expect(String(await get(store, "a/b"))).toBe("second");
  });

  test("when the file is opened refuses too", async () => {
    const store = await openWatched((step) => {
      if (step === "open .incoming/*") throw failure("ENOSPC");
    });
    await expect(store.create("a/b")).rejects.toMatchObject({ code: "store_full" });
    await expect(store.check()).rejects.toMatchObject({ code: "store_full" });
  });

  test("while it flushes in the background fails the blob, though the last fsync succeeds", async () => {
    const store = await openWatched((step) => {
      if (step === "datasync .incoming/*") throw failure("EIO");
    });
    const writer = await store.create("a/b");
    const writing = (async () => {
      for (let index = 0; index < 66; index += 1) await writer.write(Buffer.alloc(mebibyte));
      await writer.complete();
    })();
    await expect(writing).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await store.stat("a/b")).toBeNull();
    expect(await readdir(join(root, ".incoming"))).toEqual([]);
  });

  test("while it is read is an outage", async () => {
    const store = await openWatched((step) => {
      if (step === "read blobs/a") throw failure("EIO");
    });
    await put(store, "a", "weights");
    await expect(get(store, "a")).rejects.toMatchObject({ code: "store_unavailable" });
  });

  test("by cutting a blob short while it is read gives a corrupt object", async () => {
    const store = await openDiskStore({ root });
    await put(store, "a", Buffer.alloc(12 * mebibyte));
    const reading = (async () => {
      for await (const _ of store.read("a")) await truncate(join(root, "blobs/a"), mebibyte);
    })();
    await expect(reading).rejects.toMatchObject({ code: "object_corrupt" });
  });
});

describe("what a crash left", () => {
  test("of a process that was killed while it wrote is not visible, and swept at the next start", async () => {
    const program = `
      const { openDiskStore } = await import(${JSON.stringify(new URL("../../../src/storage/disk.ts", import.meta.url))});
      const store = await openDiskStore({ root: ${JSON.stringify(root)} });
      const writer = await store.create("a/b");
      for (let index = 0; index < 10; index += 1) await writer.write(Buffer.alloc(${mebibyte}));
      console.log("written");
      setInterval(() => {}, 60_000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    expect(await readdir(join(root, ".incoming"))).toHaveLength(1);
    const store = await openDiskStore({ root });
    expect(await keysOf(store, "")).toEqual([]);
    expect(await readdir(join(root, ".incoming"))).toEqual([]);
    await put(store, "a/b", "again");
  });

  test("between the link and the unlink is a whole blob", async () => {
    const store = await openWatched((step) => {
      if (step === "unlink .incoming/*") throw failure("EIO");
    });
    await put(store, "a", "whole");
    expect(await readdir(join(root, ".incoming"))).toHaveLength(1);
    const again = await openDiskStore({ root });
    expect(await readdir(join(root, ".incoming"))).toEqual([]);
    expect(String(await get(again, "a"))).toBe("whole");
  });

  test("is kept while it is younger than asked", async () => {
    const store = await openDiskStore({ root });
    const writer = await store.create("a");
    await openDiskStore({ root, sweepOlderThanMs: 60_000 });
    await writer.write(Buffer.from("still here"));
    await writer.complete();
    expect(String(await get(store, "a"))).toBe("still here");
  });
});

describe("a symbolic link planted in the store", () => {
  let store: BlobStore;
  let outside: string;

  beforeEach(async () => {
    store = await openDiskStore({ root });
    outside = join(folder, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "not ours");
    await symlink(outside, join(root, "blobs/folder"));
    await symlink(join(outside, "secret"), join(root, "blobs/file"));
    await symlink(join(outside, "nothing"), join(root, "blobs/dangling"));
  });

  test.each(["folder/secret", "file", "dangling"])("is not followed to read %s", async (key) => {
    const outage = { code: "store_unavailable" };
    await expect(get(store, key)).rejects.toMatchObject(outage);
    await expect(store.stat(key)).rejects.toMatchObject(outage);
    await expect(store.remove(key)).rejects.toMatchObject(outage);
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("not ours");
  });

  test.each(["folder/new", "folder/deep/new", "folder/secret", "file", "dangling"])(
    "is not followed to write %s",
    async (key) => {
      const writing = put(store, key, "ours");
      await expect(writing).rejects.toMatchObject({ code: "store_unavailable" });
      expect(await readdir(outside)).toEqual(["secret"]);
      expect(await readFile(join(outside, "secret"), "utf8")).toBe("not ours");
    },
  );

  test("is not listed", async () => {
    await put(store, "real/one", "one");
    expect(await keysOf(store, "")).toEqual(["real/one"]);
    await expect(keysOf(store, "folder/")).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

test("a key is not both a blob and the beginning of another's path", async () => {
  const store = await openDiskStore({ root });
  await put(store, "a/b", "first");
  const taken = { code: "already_exists" };
  await expect(put(store, "a/b/c", "below")).rejects.toMatchObject(taken);
  await expect(put(store, "a", "above")).rejects.toMatchObject(taken);
  expect(await store.stat("a/b/c")).toBeNull();
  expect(await store.stat("a")).toBeNull();
  await expect(get(store, "a")).rejects.toMatchObject({ code: "object_missing" });
  expect(await keysOf(store, "")).toEqual(["a/b"]);
});

test("a segment that no file system takes is refused as a key", async () => {
  const store = await openDiskStore({ root });
  await expect(store.create("a".repeat(256))).rejects.toThrow(TypeError);
  await put(store, "a".repeat(255), "longest");
});

test("files and folders are their owner's alone, and nothing stays in .incoming", async () => {
  const store = await openDiskStore({ root });
  await put(store, "a/b", "weights");
  const modes = await Promise.all(
    ["", "blobs", ".incoming", "blobs/a", "blobs/a/b"].map((path) => stat(join(root, path))),
  );
  expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o700, 0o700, 0o700, 0o600]);
  expect(await readdir(join(root, ".incoming"))).toEqual([]);
});
