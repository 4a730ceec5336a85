import { hash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BlobStore, HeldPart, MultipartBlob } from "../../src/storage/blob-store.ts";
import { type BlobStoreUnderTest, get, keysOf, put } from "./blob-store.ts";

/** The least that stores of the S3 protocol take for a part that is not the last. */
const cut = { firstBytes: 5 * 2 ** 20 + 74, nextBytes: 5 * 2 ** 20 };
const whole = randomBytes(cut.firstBytes + cut.nextBytes + 1_000);
const pieces = [
  whole.subarray(0, cut.firstBytes),
  whole.subarray(cut.firstBytes, cut.firstBytes + cut.nextBytes),
  whole.subarray(cut.firstBytes + cut.nextBytes),
] as const;

async function send(blob: MultipartBlob, part: number, bytes: Buffer): Promise<HeldPart> {
  const writer = await blob.put(part, bytes.length);
  try {
    for (let at = 0; at < bytes.length; at += 1_000_003)
      await writer.write(bytes.subarray(at, at + 1_000_003));
    return await writer.complete();
  } finally {
    await writer.abort();
  }
}

async function sendAll(blob: MultipartBlob): Promise<HeldPart[]> {
  const sent = [3, 1, 2].map(async (part) => await send(blob, part, pieces[part - 1] as Buffer));
  return (await Promise.all(sent)).sort((one, other) => one.part - other.part);
}

/** What every blob store promises of blobs that come by parts; see `MultipartBlob` in src/storage/blob-store.ts. */
export function multipartContract(name: string, open: () => Promise<BlobStoreUnderTest>): void {
  describe(`${name} keeps the contract of blobs that come by parts`, () => {
    let opened: BlobStoreUnderTest;
    let store: BlobStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });

    afterAll(() => opened.close());

    test("parts that come out of order and side by side make one blob, which shows only when it is complete", async () => {
      const blob = await store.begin("parted/one", cut);
      const held = await sendAll(blob);
      expect(await blob.list()).toEqual(held);
      expect(held.map(({ part, sizeBytes }) => [part, sizeBytes])).toEqual([
        [1, cut.firstBytes],
        [2, cut.nextBytes],
        [3, 1_000],
      ]);
      expect(await store.stat("parted/one")).toBeNull();
      expect(await keysOf(store, "")).not.toContain("parted/one");
      expect(await blob.complete(held)).toEqual({ sizeBytes: whole.length });
      expect((await get(store, "parted/one")).equals(whole)).toBe(true);
      expect(await keysOf(store, "parted/")).toEqual(["parted/one"]);
    });

    test("a part that is put at an address is held as it was addressed, where the store gives addresses", async () => {
      const blob = await store.begin("addressed/one", cut);
      const bytes = randomBytes(1_000);
      const sha256 = hash("sha256", bytes, "buffer");
      const part = { part: 1, sizeBytes: bytes.length, sha256 };
      const address = await blob.locate(part, 60);
      expect(await blob.recognise([part])).toEqual([]);
      if (address === null) return;
      expect(address.seconds).toBeGreaterThanOrEqual(1);
      expect(JSON.stringify(address)).not.toContain("http");
      const { "content-length": _, ...headers } = address.headers;
      const url = address.url.expose().toString("utf8");
      const put = async (body: Buffer) =>
        (await fetch(url, { method: "PUT", headers, body: new Uint8Array(body) })).status;
      expect(await put(randomBytes(1_000))).toBeGreaterThanOrEqual(400);
      expect(await blob.recognise([part])).toEqual([]);
      expect(await put(bytes)).toBe(200);
      const other = { ...part, sha256: hash("sha256", "other", "buffer") };
      expect(await blob.recognise([other])).toEqual([]);
      const [held, ...more] = await blob.recognise([other, part]);
      expect(more).toEqual([]);
      expect(held?.sha256.equals(sha256)).toBe(true);
      expect(await blob.complete(held === undefined ? [] : [held])).toEqual({ sizeBytes: 1_000 });
      expect((await get(store, "addressed/one")).equals(bytes)).toBe(true);
    });

    test("a blob of one short part is a blob", async () => {
      const blob = await store.begin("parted/short", cut);
      const held = await send(blob, 1, Buffer.from("short"));
      expect(await blob.complete([held])).toEqual({ sizeBytes: 5 });
      expect(String(await get(store, "parted/short"))).toBe("short");
    });

    test("whoever knows the session goes on with what it holds", async () => {
      const begun = await store.begin("resumed/one", cut);
      const first = await send(begun, 1, pieces[0]);
      const resumed = await store.resume("resumed/one", begun.session, cut);
      expect(await resumed.list()).toEqual([first]);
      const others = [await send(resumed, 2, pieces[1]), await send(resumed, 3, pieces[2])];
      await resumed.complete([first, ...others]);
      expect((await get(store, "resumed/one")).equals(whole)).toBe(true);
    });

    test("two sessions of one key know nothing of each other, and the same bytes again are success", async () => {
      const [one, other] = [
        await store.begin("twice/one", cut),
        await store.begin("twice/one", cut),
      ];
      const [held, others] = [await sendAll(one), await sendAll(other)];
      await one.complete(held);
      expect(await other.complete(others)).toEqual({ sizeBytes: whole.length });
      expect((await get(store, "twice/one")).equals(whole)).toBe(true);
    });

    test("other bytes never replace a blob", async () => {
      await put(store, "once/parted", "first");
      const blob = await store.begin("once/parted", cut);
      const held = await send(blob, 1, Buffer.from("other"));
      await expect(blob.complete([held])).rejects.toMatchObject({ code: "already_exists" });
      expect(String(await get(store, "once/parted"))).toBe("first");
      await blob.abort();
    });

    test("a part that is written again takes the place of the earlier one, and the earlier tag no longer counts", async () => {
      const blob = await store.begin("again/one", cut);
      const stale = await send(blob, 1, Buffer.from("stale"));
      const fresh = await send(blob, 1, Buffer.from("fresh"));
      expect(fresh.tag).not.toBe(stale.tag);
      expect(await blob.list()).toEqual([fresh]);
      await expect(blob.complete([stale])).rejects.toMatchObject({
        code: "parts_missing",
        members: { parts: [1] },
      });
      await blob.complete([fresh]);
      expect(String(await get(store, "again/one"))).toBe("fresh");
    });

    test("parts that are not held are named, and those that are held stay", async () => {
      const blob = await store.begin("missing/one", cut);
      const held = await send(blob, 2, pieces[1]);
      const named = [
        { part: 1, sizeBytes: cut.firstBytes, tag: "0" },
        held,
        { part: 3, sizeBytes: 1_000, tag: "0" },
      ];
      await expect(blob.complete(named)).rejects.toMatchObject({
        code: "parts_missing",
        members: { parts: [1, 3] },
      });
      expect(await store.stat("missing/one")).toBeNull();
      const others = [await send(blob, 1, pieces[0]), await send(blob, 3, pieces[2])];
      const all = [...others, held].sort((one, other) => one.part - other.part);
      await blob.complete(all);
      expect((await get(store, "missing/one")).equals(whole)).toBe(true);
    });

    test("a part that is given up is not held, and may be given up again", async () => {
      const blob = await store.begin("given-up/one", cut);
      const writer = await blob.put(1, 10);
      await writer.write(Buffer.from("01234"));
      await writer.abort();
      await writer.abort();
      expect(await blob.list()).toEqual([]);
      await expect(writer.write(Buffer.from("5"))).rejects.toThrow(/complete|aborted/);
      await expect(writer.complete()).rejects.toThrow(/complete|aborted/);
      await blob.abort();
    });

    test("a part of other than its announced bytes, and a part that the cut has no room for, are mistakes", async () => {
      const blob = await store.begin("mistaken/one", cut);
      const mistake = { name: "RangeError" };
      const long = await blob.put(1, 3);
      await expect(long.write(Buffer.from("0123"))).rejects.toMatchObject(mistake);
      await long.abort();
      const short = await blob.put(1, 3);
      await short.write(Buffer.from("01"));
      await expect(short.complete()).rejects.toMatchObject(mistake);
      for (const [part, sizeBytes] of [
        [0, 1],
        [10_001, 1],
        [1.5, 1],
        [1, cut.firstBytes + 1],
        [2, cut.nextBytes + 1],
        [2, 0],
      ] as const)
        await expect(blob.put(part, sizeBytes)).rejects.toMatchObject(mistake);
      expect(await blob.list()).toEqual([]);
      const held = [
        { part: 1, sizeBytes: 5, tag: "0" },
        { part: 2, sizeBytes: 5, tag: "0" },
      ];
      await expect(blob.complete(held)).rejects.toMatchObject(mistake);
      await expect(blob.complete(held.slice(1))).rejects.toMatchObject(mistake);
      await expect(blob.complete([])).rejects.toMatchObject(mistake);
      await blob.abort();
    });

    test("a session that is aborted, abandoned or complete is gone, and abort after it is success", async () => {
      const gone = { code: "multipart_gone" };
      const aborted = await store.begin("gone/one", cut);
      const abandoned = await store.begin("gone/one", cut);
      const held = await send(aborted, 1, Buffer.from("bytes"));
      await aborted.abort();
      await expect(aborted.list()).rejects.toMatchObject(gone);
      await expect(send(aborted, 1, Buffer.from("bytes"))).rejects.toMatchObject(gone);
      await expect(aborted.complete([held])).rejects.toMatchObject(gone);
      await send(abandoned, 1, Buffer.from("bytes"));
      await store.abandon("gone/one");
      await store.abandon("gone/one");
      await expect(abandoned.list()).rejects.toMatchObject(gone);
      const complete = await store.begin("gone/two", cut);
      await complete.complete([await send(complete, 1, Buffer.from("bytes"))]);
      await expect(complete.list()).rejects.toMatchObject(gone);
      for (const blob of [aborted, abandoned, complete]) await blob.abort();
      expect(await store.stat("gone/one")).toBeNull();
      expect(String(await get(store, "gone/two"))).toBe("bytes");
    });

    test("abandoning a key leaves the sessions of others alone", async () => {
      const other = await store.begin("abandoned/one-more", cut);
      const held = await send(other, 1, Buffer.from("bytes"));
      await store.begin("abandoned/one", cut);
      await store.abandon("abandoned/one");
      expect(await other.list()).toEqual([held]);
      await other.abort();
    });

    test("a key that is none is refused", async () => {
      for (const method of [
        () => store.begin("../outside", cut),
        () => store.resume("../outside", "0".repeat(32), cut),
        () => store.abandon("../outside"),
      ])
        await expect(method()).rejects.toMatchObject({ name: "TypeError" });
    });

    test("once the store cannot serve, each method is refused as an outage", async () => {
      if (opened.breakDown === undefined) return;
      await opened.breakDown();
      for (const method of [
        () => store.begin("outage/parted", cut),
        () => store.abandon("outage/parted"),
      ])
        await expect(method()).rejects.toMatchObject({ code: "store_unavailable" });
    });
  });
}
