import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Block } from "../../../src/floe/cutter.ts";
import { type Layout, objectBytes, oneMebibyteLayout } from "../../../src/floe/layout.ts";
import { open } from "../../../src/floe/open.ts";
import { Sealer, seal } from "../../../src/floe/seal.ts";
import type { Place } from "../../../src/floe/segment.ts";
import {
  aad,
  chunksOf,
  dataKey,
  gather,
  plaintextOf,
  sealed,
  small,
  smallCapacityBytes,
} from "./builders.ts";
import { referenceOpen } from "./reference.ts";

const options = { key: dataKey(), aad, layout: small };

test("any size in any chunks is sealed and opened to the same bytes, and an independent decoder agrees", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(33, 64, 100),
      async (chunks, chunkBytes, segmentBytes) => {
        const layout: Layout = { segmentBytes };
        const plaintext = Buffer.concat(chunks);
        async function* source(): AsyncGenerator<Uint8Array> {
          yield* chunks;
        }
        const object = await gather(seal(source(), { ...options, layout }));
        expect(object).toHaveLength(objectBytes(plaintext.length, layout));
        const opened = await gather(open(chunksOf(object, chunkBytes), { ...options, layout }));
        expect(opened).toEqual(plaintext);
        expect(await referenceOpen(object, dataKey().expose(), aad)).toEqual(plaintext);
      },
    ),
  );
});

test.each([0, 1, 1_048_543, 1_048_544, 1_048_545, 2_097_088, 2_500_000])(
  "the product's layout: %d bytes are sealed, opened, and opened by an independent decoder",
  async (sizeBytes) => {
    const plaintext = plaintextOf(sizeBytes);
    const object = await sealed(plaintext, oneMebibyteLayout);
    expect(object).toHaveLength(objectBytes(sizeBytes));
    const opened = await gather(open(chunksOf(object, 65_536), { key: dataKey(), aad }));
    expect(opened.equals(plaintext)).toBe(true);
    const reference = await referenceOpen(object, dataKey().expose(), aad);
    expect(reference.equals(plaintext)).toBe(true);
  },
);

test("an exact multiple ends in a full final segment, and an empty source in an empty one", async () => {
  const full = await sealed(plaintextOf(2 * smallCapacityBytes));
  expect(full).toHaveLength(74 + 2 * 64);
  expect([full.readUInt32BE(74), full.readUInt32BE(74 + 64)]).toEqual([0xffffffff, 64]);
  const empty = await sealed(Buffer.alloc(0));
  expect(empty).toHaveLength(106);
  expect(empty.readUInt32BE(74)).toBe(32);
});

test("a chunk may be reused as soon as the next is asked for", async () => {
  const shared = Buffer.alloc(20);
  async function* reused(bytes: Buffer): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += shared.length) {
      shared.fill(0xee);
      yield shared.subarray(0, bytes.copy(shared, 0, start));
    }
  }
  const plaintext = plaintextOf(130);
  const object = await gather(seal(reused(plaintext), options));
  expect(await gather(open(reused(object), options))).toEqual(plaintext);
});

test("every seal has its own header IV and every segment its own IV", async () => {
  const ivs = new Set<string>();
  for (let time = 0; time < 3; time += 1) {
    const object = await sealed(plaintextOf(100));
    ivs.add(object.toString("hex", 10, 42));
    for (const offset of [74, 138, 202, 266]) {
      ivs.add(object.toString("hex", offset + 4, offset + 16));
    }
  }
  expect(ivs.size).toBe(15);
});

test("an upload goes on under its stored header, part by part, and a part may be sealed again", async () => {
  const plaintext = plaintextOf(5 * smallCapacityBytes);
  const half = 2 * smallCapacityBytes;
  using before = new Sealer(options);
  const header = Buffer.from(before.header);
  const begun = before.stream();
  const firstPart = [...begun.write(plaintext.subarray(0, half)), ...begun.finishPart()];
  const lost = Buffer.concat(before.stream(2).write(plaintext.subarray(half)));

  using after = new Sealer({ ...options, header });
  const resumed = after.stream(2);
  const secondPart = [...resumed.write(plaintext.subarray(half)), ...resumed.finish()];
  expect(resumed.position).toBe(5);
  expect(after.header).toEqual(header);
  const object = Buffer.concat([header, ...firstPart, ...secondPart]);
  expect(await gather(open(chunksOf(object), options))).toEqual(plaintext);
  expect(Buffer.concat(secondPart).subarray(0, lost.length)).not.toEqual(lost);
});

test("a stored header of another key, of other associated bytes or layout is refused before anything is sealed", () => {
  const { header } = new Sealer(options);
  const refusal = expect.objectContaining({ code: "object_corrupt" });
  expect(() => new Sealer({ ...options, header, key: dataKey(8) })).toThrow(refusal);
  expect(() => new Sealer({ ...options, header, aad: Buffer.from("other") })).toThrow(refusal);
  expect(() => new Sealer({ ...options, header, layout: { segmentBytes: 65 } })).toThrow(refusal);
  expect(() => new Sealer({ ...options, header: header.subarray(1) })).toThrow(refusal);
});

test("a stream seals each position once and ends once", () => {
  using sealer = new Sealer(options);
  const stream = sealer.stream();
  expect(stream.write(plaintextOf(40))).not.toEqual([]);
  expect(stream.position).toBe(1);
  expect(stream.finish()).not.toEqual([]);
  expect(stream.position).toBe(2);
  expect(() => stream.write(plaintextOf(1))).toThrow("finished");
  expect(() => stream.finish()).toThrow("finished");
  expect(() => stream.finishPart()).toThrow("finished");
});

test("a part that does not end with a full segment cannot be followed by another", () => {
  using sealer = new Sealer(options);
  const stream = sealer.stream();
  expect(() => stream.finishPart()).toThrow(RangeError);
  stream.write(plaintextOf(40));
  expect(() => stream.finishPart()).toThrow(RangeError);
});

test("an empty final segment is sealed for an empty object alone", () => {
  using sealer = new Sealer(options);
  expect(() => sealer.stream(3).finish()).toThrow(RangeError);
  expect(Buffer.concat(sealer.stream().finish())).toHaveLength(32);
});

test("a segment that is not final must be full, and none may be longer", () => {
  using sealer = new Sealer(options);
  const place = { position: 0, isFinal: false };
  expect(() => sealer.seal([plaintextOf(31)], place)).toThrow(RangeError);
  expect(() => sealer.seal([plaintextOf(33)], place)).toThrow(RangeError);
  expect(() => sealer.seal([plaintextOf(33)], { ...place, isFinal: true })).toThrow(RangeError);
});

test("a failure ends the stream: no object comes of a plaintext with a hole", () => {
  let sizes = [32, 12, 11, 12];
  const random = () => Buffer.alloc(sizes.shift() ?? 12);
  using sealer = new Sealer({ ...options, random });
  const stream = sealer.stream();
  expect(() => stream.write(plaintextOf(100))).toThrow("12 bytes");
  sizes = [12, 12];
  expect(() => stream.write(plaintextOf(10))).toThrow("finished");
  expect(() => stream.finish()).toThrow("finished");
});

test("a sealer whose keys were wiped seals nothing", () => {
  const sealer = new Sealer(options);
  sealer[Symbol.dispose]();
  expect(() => sealer.seal([], { position: 0, isFinal: true })).toThrow("wiped");
});

test("plaintext that was held back is overwritten when the stream ends", () => {
  const held: Uint8Array[] = [];
  class WatchedSealer extends Sealer {
    override seal(plaintext: Block, place: Place): Buffer[] {
      held.push(...plaintext);
      return super.seal(plaintext, place);
    }
  }
  using sealer = new WatchedSealer(options);
  const stream = sealer.stream();
  stream.write(plaintextOf(20));
  stream.finish();
  expect(held).toEqual([Buffer.alloc(20)]);
});

test("a consumer that leaves early closes the source", async () => {
  let isClosed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield plaintextOf(40);
    } finally {
      isClosed = true;
    }
  }
  let pieces = 0;
  for await (const piece of open(seal(source(), options), options)) {
    expect(piece.length).toBeGreaterThan(0);
    pieces += 1;
    if (pieces === 3) break;
  }
  expect(isClosed).toBe(true);
});

test("a source that fails gives its own error, and no final segment", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield plaintextOf(40);
    throw new Error("the source broke");
  }
  const pieces: Buffer[] = [];
  const sealing = async () => {
    for await (const piece of seal(failing(), options)) pieces.push(piece);
  };
  await expect(sealing()).rejects.toThrow("the source broke");
  expect(Buffer.concat(pieces)).toHaveLength(74 + 64);
});
