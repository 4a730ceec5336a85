import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type BlobStore, longestTaggedBytes } from "../../src/storage/blob-store.ts";

export type BlobStoreUnderTest = {
  readonly store: BlobStore;
  /** Makes the store unable to serve, for good. Left out where that cannot be arranged. */
  readonly breakDown?: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const mebibyte = 1024 * 1024;

/** Writes a blob in the given pieces. */
export async function put(
  store: BlobStore,
  key: string,
  ...pieces: readonly (Uint8Array | string)[]
): Promise<{ readonly sizeBytes: number }> {
  const writer = await store.create(key);
  try {
    for (const piece of pieces) await writer.write(Buffer.from(piece));
    return await writer.complete();
  } finally {
    await writer.abort();
  }
}

export async function get(
  store: BlobStore,
  key: string,
  range?: { readonly start: number; readonly end: number },
): Promise<Buffer> {
  return Buffer.concat(await all(store.read(key, range)));
}

export async function keysOf(store: BlobStore, prefix: string): Promise<readonly string[]> {
  return [...(await all(store.list(prefix)))].sort();
}

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const collected: Item[] = [];
  for await (const each of items) collected.push(each);
  return collected;
}

/** What every blob store promises; see src/storage/blob-store.ts. */
export function blobStoreContract(name: string, open: () => Promise<BlobStoreUnderTest>): void {
  describe(`${name} keeps the blob store's contract`, () => {
    let opened: BlobStoreUnderTest;
    let store: BlobStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });

    afterAll(() => opened.close());

    test("a blob reads as it was written, whatever the pieces", async () => {
      expect(await put(store, "plain/one", "wei", "", "ghts", Buffer.from([0, 255]))).toEqual({
        sizeBytes: 9,
      });
      expect(await get(store, "plain/one")).toEqual(Buffer.from("weights\0\xff", "latin1"));
      expect(await store.stat("plain/one")).toEqual({ sizeBytes: 9 });
    });

    test("an empty blob is a blob", async () => {
      expect(await put(store, "plain/empty")).toEqual({ sizeBytes: 0 });
      expect(await get(store, "plain/empty")).toEqual(Buffer.alloc(0));
      expect(await get(store, "plain/empty", { start: 0, end: 0 })).toEqual(Buffer.alloc(0));
      expect(await store.stat("plain/empty")).toEqual({ sizeBytes: 0 });
    });

    test("a blob of many mebibytes goes in and out whole, and the caller may reuse its buffer", async () => {
      const pieceBytes = mebibyte + 13;
      const buffer = Buffer.alloc(pieceBytes);
      const expected = createHash("sha256");
      const writer = await store.create("large/one");
      for (let index = 0; index < 18; index += 1) {
        buffer.fill(randomBytes(64));
        expected.update(buffer);
        await writer.write(buffer);
      }
      buffer.fill(0);
      expect(await writer.complete()).toEqual({ sizeBytes: 18 * pieceBytes });
      const found = createHash("sha256");
      for await (const bytes of store.read("large/one")) found.update(bytes);
      expect(found.digest("hex")).toBe(expected.digest("hex"));
    });

    test("buffers that were read stay as they were while more are read", async () => {
      await put(
        store,
        "large/counted",
        ...[1, 2, 3, 4].map((byte) => Buffer.alloc(mebibyte, byte)),
      );
      const whole = await get(store, "large/counted");
      expect([0, 1, 2, 3].map((index) => whole[index * mebibyte])).toEqual([1, 2, 3, 4]);
      expect([1, 2, 3, 4].map((index) => whole[index * mebibyte - 1])).toEqual([1, 2, 3, 4]);
    });

    test.each([
      [0, 10],
      [0, 1],
      [9, 10],
      [3, 7],
      [0, 0],
      [5, 5],
      [10, 10],
    ])("the range %i to %i has exactly its bytes", async (start, end) => {
      const bytes = "0123456789";
      await put(store, "plain/digits", bytes);
      expect(String(await get(store, "plain/digits", { start, end }))).toBe(
        bytes.slice(start, end),
      );
    });

    test("a range across a mebibyte has exactly its bytes", async () => {
      const bytes = randomBytes(2 * mebibyte + 5);
      await put(store, "large/ranged", bytes);
      for (const [start, end] of [
        [mebibyte - 1, mebibyte + 1],
        [1, 2 * mebibyte + 4],
        [2 * mebibyte, 2 * mebibyte + 5],
      ] as const) {
        const part = await get(store, "large/ranged", { start, end });
        expect(part.equals(bytes.subarray(start, end))).toBe(true);
      }
    });

    test.each([
      [0, 11],
      [10, 11],
      [11, 11],
      [20, 30],
    ])("the range %i to %i past the end of ten bytes is a corrupt object", async (start, end) => {
      await put(store, "plain/digits", "0123456789");
      const reading = get(store, "plain/digits", { start, end });
      await expect(reading).rejects.toMatchObject({ code: "object_corrupt" });
    });

    test.each([
      [-1, 1],
      [2, 1],
      [0.5, 1],
      [0, Number.NaN],
      [0, Number.POSITIVE_INFINITY],
    ])("the range %d to %d is no range", async (start, end) => {
      await put(store, "plain/digits", "0123456789");
      const reading = get(store, "plain/digits", { start, end });
      await expect(reading).rejects.toMatchObject({ name: "RangeError" });
    });

    test("a reader may stop early", async () => {
      await put(store, "large/stopped", Buffer.alloc(5 * mebibyte, 1));
      for await (const bytes of store.read("large/stopped")) {
        expect(bytes[0]).toBe(1);
        break;
      }
      expect(await store.stat("large/stopped")).toEqual({ sizeBytes: 5 * mebibyte });
    });

    test("what is not there is missing", async () => {
      expect(await store.stat("plain/nothing")).toBeNull();
      expect(await store.stat("no/such/folder")).toBeNull();
      const empty = { start: 0, end: 0 };
      const missing = { code: "object_missing" };
      await expect(get(store, "plain/nothing")).rejects.toMatchObject(missing);
      await expect(get(store, "no/such/folder", empty)).rejects.toMatchObject(missing);
    });

    test("nothing is visible before complete", async () => {
      const writer = await store.create("unfinished/one");
      await writer.write(Buffer.alloc(9 * mebibyte));
      expect(await store.stat("unfinished/one")).toBeNull();
      expect(await keysOf(store, "")).not.toContain("unfinished/one");
      await writer.complete();
      expect(await store.stat("unfinished/one")).toEqual({ sizeBytes: 9 * mebibyte });
    });

    test("abort leaves nothing, may be repeated, and frees the key", async () => {
      const writer = await store.create("aborted/one");
      await writer.write(Buffer.alloc(9 * mebibyte));
      await writer.abort();
      await writer.abort();
      expect(await store.stat("aborted/one")).toBeNull();
      expect(await keysOf(store, "aborted")).toEqual([]);
      await expect(writer.write(Buffer.alloc(1))).rejects.toThrow(/complete|aborted/);
      await expect(writer.complete()).rejects.toThrow(/complete|aborted/);
      expect(await store.stat("aborted/one")).toBeNull();
      await put(store, "aborted/one", "second");
      expect(String(await get(store, "aborted/one"))).toBe("second");
    });

    test("abort after complete takes nothing away", async () => {
      const writer = await store.create("completed/one");
      await writer.write(Buffer.from("kept"));
      await writer.complete();
      await writer.abort();
      await expect(writer.complete()).rejects.toThrow(/complete|aborted/);
      expect(String(await get(store, "completed/one"))).toBe("kept");
    });

    test("the same bytes again are success, and other bytes never replace them", async () => {
      await put(store, "once/one", "first");
      expect(await put(store, "once/one", "fir", "st")).toEqual({ sizeBytes: 5 });
      for (const other of ["fiRst", "first!", "firs", ""]) {
        const replacing = put(store, "once/one", other);
        await expect(replacing).rejects.toMatchObject({ code: "already_exists" });
      }
      expect(String(await get(store, "once/one"))).toBe("first");
    });

    test("a difference in the last byte of a large blob is seen", async () => {
      const bytes = Buffer.alloc(3 * mebibyte, 1);
      await put(store, "once/large", bytes);
      await put(store, "once/large", bytes);
      bytes[bytes.length - 1] = 2;
      const replacing = put(store, "once/large", bytes);
      await expect(replacing).rejects.toMatchObject({ code: "already_exists" });
    });

    test("of many that create one key at once, one wins and the others are told", async () => {
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, (_, index) => put(store, "race/one", `writer ${index}`)),
      );
      const won = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
      expect(won).toHaveLength(1);
      expect(String(await get(store, "race/one"))).toBe(`writer ${won[0]}`);
      for (const result of results) {
        if (result.status === "fulfilled") continue;
        expect(result.reason).toMatchObject({ code: "already_exists" });
      }
    });

    test("many that create one key with the same bytes all succeed", async () => {
      const same = Array.from({ length: 16 }, () => put(store, "race/same", "the same"));
      expect(await Promise.all(same)).toEqual(Array(16).fill({ sizeBytes: 8 }));
    });

    test("many keys are created at once below new folders", async () => {
      const keys = Array.from({ length: 32 }, (_, index) => `many/${index % 4}/${index}/blob`);
      await Promise.all(keys.map((key) => put(store, key, key)));
      expect(await keysOf(store, "many/")).toEqual([...keys].sort());
      for (const key of keys) expect(String(await get(store, key))).toBe(key);
    });

    test("list gives the keys with the prefix, whole", async () => {
      for (const key of ["list/a", "list/ab/c", "list/ab/d", "list/b", "listed"]) {
        await put(store, key, key);
      }
      expect(await keysOf(store, "list/")).toEqual(["list/a", "list/ab/c", "list/ab/d", "list/b"]);
      expect(await keysOf(store, "list/a")).toEqual(["list/a", "list/ab/c", "list/ab/d"]);
      expect(await keysOf(store, "list/ab/")).toEqual(["list/ab/c", "list/ab/d"]);
      expect(await keysOf(store, "list/nothing/")).toEqual([]);
      expect(await keysOf(store, "")).toEqual(expect.arrayContaining(["list/a", "listed"]));
    });

    test("remove takes one blob away, and what is not there is success", async () => {
      await put(store, "removed/one", "one");
      await put(store, "removed/two", "two");
      await store.remove("removed/one");
      await store.remove("removed/one");
      await store.remove("no/such/folder");
      expect(await store.stat("removed/one")).toBeNull();
      expect(await keysOf(store, "removed")).toEqual(["removed/two"]);
      await put(store, "removed/one", "another");
      expect(String(await get(store, "removed/one"))).toBe("another");
    });

    test("a blob is replaced whole, by whom knows its tag alone", async () => {
      const [first, second, third] = ["first", "the second, longer", ""].map((text) =>
        Buffer.from(text),
      ) as [Buffer, Buffer, Buffer];
      const key = "replaced/one";
      expect(await store.readTagged(key)).toBeNull();
      const refused = { code: "precondition_failed" };
      await expect(store.replace(key, second, "no such tag")).rejects.toMatchObject(refused);
      expect(await store.stat(key)).toBeNull();
      const tag = await store.replace(key, first, null);
      expect(await store.readTagged(key)).toEqual({ bytes: first, tag });
      await expect(store.replace(key, second, null)).rejects.toMatchObject(refused);
      await expect(store.replace(key, second, "no such tag")).rejects.toMatchObject(refused);
      expect(await store.readTagged(key)).toEqual({ bytes: first, tag });
      const next = await store.replace(key, second, tag);
      expect(next).not.toBe(tag);
      expect(await get(store, key)).toEqual(second);
      await expect(store.replace(key, third, tag)).rejects.toMatchObject(refused);
      await store.replace(key, third, next);
      expect(await get(store, key)).toEqual(third);
      expect(await keysOf(store, "replaced/")).toEqual([key]);
    });

    test("of a blob that is longer than one that may be replaced is no more read than tells so", async () => {
      const key = "replaced/endless";
      const bytes = randomBytes(longestTaggedBytes + 2_000_000);
      await put(store, key, bytes);
      const found = await store.readTagged(key);
      expect(found?.bytes).toHaveLength(longestTaggedBytes + 1);
      expect(found?.bytes.equals(bytes.subarray(0, longestTaggedBytes + 1))).toBe(true);
      await store.remove(key);
    });

    test("of many that replace a blob at once, one wins and the others are told", async () => {
      const key = "replaced/race";
      const tag = await store.replace(key, Buffer.from("before"), null);
      const results = await Promise.allSettled(
        Array.from({ length: 16 }, (_, at) => store.replace(key, Buffer.from(`writer ${at}`), tag)),
      );
      const won = results.flatMap(({ status }, at) => (status === "fulfilled" ? [at] : []));
      expect(won).toHaveLength(1);
      expect(String(await get(store, key))).toBe(`writer ${won[0]}`);
      for (const result of results)
        if (result.status === "rejected")
          expect(result.reason).toMatchObject({ code: "precondition_failed" });
    });

    test.each([
      ["tile/0/x001/067", "with digits"],
      [".hidden/..name/...", "with leading dots"],
      ["A-Z_a-z.0-9", "of every character that is allowed"],
      [`long/${Array(5).fill("x".repeat(100)).join("/")}`.slice(0, 512), "of 509 bytes"],
    ])("the key %s, %s, is a key", async (key) => {
      await put(store, key, key);
      expect(String(await get(store, key))).toBe(key);
      expect(await keysOf(store, key)).toEqual([key]);
    });

    test.each([
      "",
      "/",
      "/etc/passwd",
      "..",
      ".",
      "../outside",
      "a/../../outside",
      "a/./b",
      "a//b",
      "a/",
      "a\0b",
      "a\\b",
      "a b",
      "a\nb",
      "ü",
      "a/\u2024\u2024/b",
      "%2e%2e/outside",
      "x/".repeat(256) + "x",
    ])("the key %j is refused by every method", async (key) => {
      const refused = [
        () => store.create(key),
        () => get(store, key),
        () => get(store, key, { start: 0, end: 0 }),
        () => store.stat(key),
        () => store.readTagged(key),
        () => store.replace(key, Buffer.alloc(1), null),
        () => store.remove(key),
      ];
      for (const method of refused) {
        await expect(method()).rejects.toMatchObject({ name: "TypeError" });
      }
    });

    test.each(["../", "/", "/etc/", "a/../b", "a//b"])(
      "the prefix %j is refused",
      async (prefix) => {
        await expect(keysOf(store, prefix)).rejects.toMatchObject({ name: "TypeError" });
      },
    );

    test("check resolves while it can take a blob, and is refused as an outage once it cannot", async () => {
      await store.check();
      if (opened.breakDown === undefined) return;
      await put(store, "outage/one", "one");
      await opened.breakDown();
      for (const method of [
        () => store.check(),
        () => store.create("outage/two"),
        () => store.stat("outage/one"),
        () => store.readTagged("outage/one"),
        () => store.replace("outage/three", Buffer.alloc(1), null),
        () => get(store, "outage/one"),
        () => store.remove("outage/one"),
        () => keysOf(store, "outage/"),
      ]) {
        await expect(method()).rejects.toMatchObject({ code: "store_unavailable" });
      }
    });
  });
}
