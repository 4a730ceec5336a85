import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import { isRefusal } from "../../../src/errors.ts";
import { type Layout, objectBytes } from "../../../src/floe/layout.ts";
import type { OpenSegmentsOptions } from "../../../src/floe/open-segments.ts";
import { StreamPlaces } from "../../../src/floe/place.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import type { SealSegmentsOptions } from "../../../src/floe/seal-segments.ts";
import type { Slot } from "../../../src/floe/slot.ts";
import {
  aad,
  smallCapacityBytes as capacityBytes,
  chunksOf,
  dataKey,
  plaintextOf,
  sealed,
  small,
} from "./builders.ts";
import { attemptIn, openedIn, readerOf, sealedIn, writerOf } from "./pooled.ts";

/** Counts the slots that are out, and which came back. */
class CountingPool extends SegmentPool {
  out = 0;
  most = 0;
  override takeSlot(layout?: Layout): Slot {
    this.out += 1;
    this.most = Math.max(this.most, this.out);
    return super.takeSlot(layout);
  }
  override giveSlot(slot: Slot): void {
    this.out -= 1;
    super.giveSlot(slot);
  }
}

const pool = new CountingPool({ threads: 2 });
const own = new CountingPool({ threads: 0 });
afterAll(async () => await pool[Symbol.asyncDispose]());

const options = { key: dataKey(), aad, layout: small };
const plaintext = plaintextOf(7 * capacityBytes + 6);
const object = await sealed(plaintext);
const header = object.subarray(0, 74);

function segmentOf(position: number): Buffer {
  return object.subarray(74 + position * 64, 74 + (position + 1) * 64);
}

async function seal(rest: Partial<SealSegmentsOptions> = {}, bytes = plaintext): Promise<Buffer> {
  using sealer = new Sealer(options);
  return await sealedIn(pool, sealer, bytes, small, rest);
}

/** Refused; every byte that was written is true, and the digest saw a true beginning. Gives how many segments were written and seen. */
async function expectRefused(bytes: Uint8Array, rest: Partial<OpenSegmentsOptions> = {}) {
  const { written, isWritten, taken, error } = await attemptIn(pool, bytes, {
    ...options,
    ...rest,
  });
  expect(isRefusal(error, "object_corrupt")).toBe(true);
  expect(plaintext.subarray(0, taken.length).equals(taken)).toBe(true);
  for (const [at, is] of isWritten.entries()) if (is === 1) expect(written[at]).toBe(plaintext[at]);
  return { isWritten, takenBytes: taken.length };
}

test.each([0, 1, 31, 32, 33, 64, 200, 230])(
  "%d bytes are sealed and opened in threads to the same bytes, by place and in order",
  async (sizeBytes) => {
    const bytes = plaintext.subarray(0, sizeBytes);
    for (const isAppending of [false, true]) {
      const made = await seal({ isAppending }, bytes);
      const { written, taken } = await openedIn(pool, made, { ...options, isAppending });
      expect(written.equals(bytes)).toBe(true);
      expect(taken.equals(bytes)).toBe(true);
    }
  },
);

describe("a changed object is refused in threads, and no byte of a segment that does not verify is written or hashed", () => {
  test.each([74, 79, 95, 137, 74 + 3 * 64 + 20, 74 + 5 * 64, 74 + 7 * 64 + 37])(
    "a bit of byte %d",
    async (at) => {
      const changed = Buffer.from(object);
      changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
      const position = Math.floor((at - 74) / 64);
      const { isWritten, takenBytes } = await expectRefused(changed);
      expect(takenBytes).toBeLessThanOrEqual(position * capacityBytes);
      expect(isWritten.subarray(position * capacityBytes, (position + 1) * capacityBytes)).toEqual(
        new Uint8Array(capacityBytes),
      );
    },
  );

  test.each([3, 20, 60])("byte %d of the header: nothing is read below it", async (at) => {
    const changed = Buffer.from(object);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    const { isWritten } = await expectRefused(changed);
    expect(isWritten.includes(1)).toBe(false);
  });

  test("truncated at every boundary, and between", async () => {
    for (let sizeBytes = 0; sizeBytes < object.length; sizeBytes += 8)
      await expectRefused(object.subarray(0, sizeBytes));
    for (let segments = 0; segments < 8; segments += 1)
      await expectRefused(object.subarray(0, 74 + segments * 64));
  });

  test("segments swapped, repeated, dropped and moved to the end", async () => {
    const [a, b, c, ...others] = Array.from({ length: 8 }, (_, position) => segmentOf(position));
    const rest = Buffer.concat(others);
    if (a === undefined || b === undefined || c === undefined) throw new Error("too few segments");
    for (const stored of [
      [b, a, c, rest],
      [a, a, c, rest],
      [a, c, rest],
      [a, b, c, rest, segmentOf(7)],
      [a, b, c],
    ])
      await expectRefused(Buffer.concat([header, ...stored]));
  });

  test("another key, other associated bytes, another recorded size", async () => {
    await expectRefused(object, { key: dataKey(8) });
    await expectRefused(object, { aad: Buffer.from("other") });
    for (const sizeBytes of [object.length - 1, object.length - 38, 75])
      await expectRefused(object, { objectBytes: sizeBytes });
  });
});

test("segments from one position to another are opened alone, and sealed again in their places", async () => {
  const positions = { start: 2, end: 5 };
  const { isWritten, taken, error } = await attemptIn(pool, object, { ...options, positions });
  expect(error).toBe(null);
  expect(taken.equals(plaintext.subarray(2 * capacityBytes, 5 * capacityBytes))).toBe(true);
  expect(isWritten.indexOf(1)).toBe(2 * capacityBytes);
  expect(isWritten.lastIndexOf(1)).toBe(5 * capacityBytes - 1);
  using sealer = new Sealer({ ...options, header });
  const resumed = Buffer.from(object);
  const write = writerOf(resumed);
  await sealedIn(pool, sealer, plaintext, small, { positions, write });
  expect(resumed.subarray(74 + 2 * 64, 74 + 5 * 64)).not.toEqual(object.subarray(202, 394));
  expect((await openedIn(pool, resumed, options)).taken.equals(plaintext)).toBe(true);
  for (const bad of [
    { start: -1, end: 2 },
    { start: 2, end: 2 },
    { start: 0, end: 9 },
  ]) {
    await expect(openedIn(pool, object, { ...options, positions: bad })).rejects.toThrow(
      RangeError,
    );
    await expect(seal({ positions: bad })).rejects.toThrow(RangeError);
  }
});

test.each([1, 2, 5])(
  "memory is bounded by configuration: %d segments are held at the most, and a slow target holds the source back",
  async (depth) => {
    for (const each of [pool, own]) {
      const bytes = plaintextOf(100 * capacityBytes);
      const counts = { read: 0, written: 0, mostAhead: 0 };
      const target = Buffer.alloc(objectBytes(bytes.length, small));
      const read = readerOf(bytes);
      const write = writerOf(target);
      using sealer = new Sealer(options);
      target.set(sealer.header);
      // Runs that failed let their slots go.
      [each.out, each.most] = [0, 0];
      await sealedIn(each, sealer, bytes, small, {
        depth,
        read: async (into, offset) => {
          counts.read += 1;
          counts.mostAhead = Math.max(counts.mostAhead, counts.read - counts.written);
          await read(into, offset);
        },
        write: async (segment, offset) => {
          await new Promise(setImmediate);
          await write(segment, offset);
          counts.written += 1;
        },
      });
      expect(counts).toEqual({ read: 100, written: 100, mostAhead: depth });
      expect({ most: each.most, out: each.out }).toEqual({ most: depth, out: 0 });
      expect((await openedIn(each, target, { ...options, depth })).taken.equals(bytes)).toBe(true);
    }
  },
);

describe("an aborted run ends with the signal's reason, and nothing is written afterwards", () => {
  const reason = new Error("interrupted");

  test("before it begins", async () => {
    const signal = AbortSignal.abort(reason);
    const { isWritten, error } = await attemptIn(pool, object, { ...options, signal });
    expect({ error, isAnyWritten: isWritten.includes(1) }).toEqual({
      error: reason,
      isAnyWritten: false,
    });
    await expect(seal({ signal })).rejects.toBe(reason);
  });

  test("while the source is silent, which is not waited for", async () => {
    const silent = async () => await new Promise<never>(() => {});
    const controller = new AbortController();
    const opening = attemptIn(pool, object, {
      ...options,
      header,
      read: silent,
      signal: controller.signal,
    });
    const sealing = seal({ read: silent, signal: controller.signal });
    controller.abort(reason);
    expect((await opening).error).toBe(reason);
    await expect(sealing).rejects.toBe(reason);
  });

  test("while segments are under way", async () => {
    const controller = new AbortController();
    let writes = 0;
    let isOver = false;
    const write = async () => {
      expect(isOver).toBe(false);
      writes += 1;
      if (writes === 3) controller.abort(reason);
      await new Promise(setImmediate);
      expect(isOver).toBe(false);
    };
    const { error } = await attemptIn(pool, object, {
      ...options,
      write,
      signal: controller.signal,
    });
    isOver = true;
    expect(error).toBe(reason);
    await sleep(5);
    expect(writes).toBeLessThan(8);
  });
});

test.each(["read", "write", "take"] as const)(
  "a failure of %s ends the run with its own error, once what was under way is over",
  async (member) => {
    const broken = new Error(`${member} broke`);
    const failing = (() => {
      throw broken;
    }) as unknown as OpenSegmentsOptions[typeof member];
    const { error } = await attemptIn(pool, object, { ...options, header, [member]: failing });
    expect(error).toBe(broken);
    await expect(seal({ [member]: failing })).rejects.toBe(broken);
  },
);

test("a thread that dies ends sealing and opening with an error that says so", async () => {
  const text =
    'import { parentPort } from "node:worker_threads"; parentPort.on("message", () => process.exit(1));';
  const program = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
  await using mortal = new SegmentPool({ threads: 2, program });
  using sealer = new Sealer(options);
  await expect(sealedIn(mortal, sealer, plaintext, small)).rejects.toThrow("thread");
  const { isWritten, error } = await attemptIn(mortal, object, options);
  expect(String(error)).toContain("a thread that seals and opens segments ended");
  expect(isWritten.includes(1)).toBe(false);
});

describe("a stream read as places", () => {
  test.each([1, 7, 64, 74, 10_000])(
    "in chunks of %d bytes opens to the same bytes",
    async (chunkBytes) => {
      using places = new StreamPlaces(chunksOf(object, chunkBytes));
      const { taken } = await openedIn(pool, object, { ...options, read: places.read });
      await places.end();
      expect(taken.equals(plaintext)).toBe(true);
    },
  );

  test("refuses a stream that ends too early, and at its end one that goes on", async () => {
    using short = new StreamPlaces(chunksOf(object.subarray(0, 300), 50));
    const { error } = await attemptIn(pool, object, { ...options, read: short.read });
    expect(isRefusal(error, "object_corrupt")).toBe(true);
    using long = new StreamPlaces(chunksOf(Buffer.concat([object, Buffer.alloc(1)]), 50));
    await openedIn(pool, object, { ...options, read: long.read });
    await expect(long.end()).rejects.toMatchObject({ code: "object_corrupt" });
  });

  test("closes its source when nobody reads on", async () => {
    let isClosed = false;
    async function* source() {
      try {
        for (;;) yield object;
      } finally {
        isClosed = true;
      }
    }
    {
      using places = new StreamPlaces(source());
      await places.read(Buffer.alloc(10), 0);
    }
    await new Promise(setImmediate);
    expect(isClosed).toBe(true);
  });
});
