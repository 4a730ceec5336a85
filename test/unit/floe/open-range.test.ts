import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { openRange } from "../../../src/floe/open-range.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import {
  aad,
  chunksOf,
  dataKey,
  gather,
  outcomeOf,
  plaintextOf,
  sealed,
  small,
  smallCapacityBytes,
} from "./builders.ts";

const options = { key: dataKey(), aad, layout: small };
const plaintext = plaintextOf(4 * smallCapacityBytes + 6);
const object = await sealed(plaintext);

function reader(bytes: Uint8Array, chunkBytes = 1_000) {
  const reads: [number, number][] = [];
  const read = (start: number, end: number) => {
    reads.push([start, end]);
    return chunksOf(bytes.subarray(start, end), chunkBytes);
  };
  return { read, reads };
}

test("any range is the slice of the plaintext, for any size and chunking, with the header known or not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 1, max: 200 }),
      fc.nat(),
      fc.nat(),
      fc.boolean(),
      async (sizeBytes, chunkBytes, a, b, isHeaderKnown) => {
        const whole = plaintextOf(sizeBytes);
        const stored = await sealed(whole);
        const [from, to] = [a % (sizeBytes + 1), b % (sizeBytes + 1)];
        const range = { start: Math.min(from, to), end: Math.max(from, to) };
        const known = isHeaderKnown ? { header: stored.subarray(0, 74) } : {};
        const { read } = reader(stored, chunkBytes);
        const pieces = openRange(read, {
          ...options,
          ...range,
          ...known,
          objectBytes: stored.length,
        });
        expect(await gather(pieces)).toEqual(whole.subarray(range.start, range.end));
      },
    ),
  );
});

test.each<[number, number, [number, number]]>([
  [0, 1, [74, 138]],
  [31, 32, [74, 138]],
  [31, 33, [74, 202]],
  [32, 64, [138, 202]],
  [40, 130, [138, 368]],
  [128, 134, [330, 368]],
  [0, 134, [74, 368]],
])(
  "the range %d to %d reads the header and the segments that cover it",
  async (start, end, covering) => {
    const { read, reads } = reader(object);
    const range = { ...options, start, end, objectBytes: object.length };
    await gather(openRange(read, range));
    expect(reads).toEqual([[0, 74], covering]);
    reads.length = 0;
    await gather(openRange(read, { ...range, header: object.subarray(0, 74) }));
    expect(reads).toEqual([covering]);
  },
);

test("every changed bit of the header and of the segments that cover the range is refused", async () => {
  const range = { start: 40, end: 90, objectBytes: object.length };
  for (let bit = 0; bit < object.length * 8; bit += 1) {
    const offset = bit >> 3;
    const changed = Buffer.from(object);
    changed.writeUInt8(changed.readUInt8(offset) ^ (1 << (bit & 7)), offset);
    const isRead = offset < 74 || (offset >= 138 && offset < 266);
    const { given, refusal } = await outcomeOf(
      openRange(reader(changed, 16).read, { ...options, ...range }),
    );
    expect(refusal).toBe(isRead ? "object_corrupt" : null);
    expect(given.equals(plaintext.subarray(40, 40 + given.length))).toBe(true);
    expect(given.length).toBeLessThanOrEqual(isRead ? (offset < 202 ? 0 : 24) : 50);
  }
});

test("a store that gives other segments, fewer bytes or more than asked is refused", async () => {
  const range = { ...options, start: 32, end: 96, objectBytes: object.length };
  const answers: [string, (start: number, end: number) => Uint8Array][] = [
    ["the segments before", (start, end) => object.subarray(start - 64, end - 64)],
    ["the segments after", (start, end) => object.subarray(start + 64, end + 64)],
    ["one byte less", (start, end) => object.subarray(start, end - 1)],
    ["one segment less", (start, end) => object.subarray(start, end - 64)],
    ["nothing", () => Buffer.alloc(0)],
    ["one byte more", (start, end) => object.subarray(start, end + 1)],
    ["one segment more", (start, end) => object.subarray(start, end + 64)],
    ["all of the object", () => object],
  ];
  for (const [name, answer] of answers) {
    const read = (start: number, end: number) =>
      chunksOf(start === 0 ? object.subarray(0, 74) : answer(start, end));
    const { given, refusal } = await outcomeOf(openRange(read, range));
    expect([name, refusal]).toEqual([name, "object_corrupt"]);
    expect(given.equals(plaintext.subarray(32, 32 + given.length))).toBe(true);
  }
});

test("a header of the wrong length is refused, whether read or known", async () => {
  const range = { ...options, start: 0, end: 1, objectBytes: object.length };
  const shorter = (start: number, end: number) => chunksOf(object.subarray(start, end - 1));
  const longer = (start: number, end: number) => chunksOf(object.subarray(start, end + 1), 10);
  for (const read of [shorter, longer]) {
    expect((await outcomeOf(openRange(read, range))).refusal).toBe("object_corrupt");
  }
  const known = { ...range, header: object.subarray(0, 73) };
  expect((await outcomeOf(openRange(reader(object).read, known))).refusal).toBe("object_corrupt");
});

test("finality comes from the recorded size: a truncated object with a size to match is refused", async () => {
  for (const fullSegments of [1, 2, 4]) {
    const stored = object.subarray(0, 74 + fullSegments * 64);
    const end = fullSegments * smallCapacityBytes;
    const range = { ...options, start: end - 1, end, objectBytes: stored.length };
    expect((await outcomeOf(openRange(reader(stored).read, range))).refusal).toBe("object_corrupt");
  }
});

test("a final segment is refused where the recorded size says that more follow", async () => {
  const full = await sealed(plaintext.subarray(0, smallCapacityBytes));
  const longer = Buffer.concat([full, full.subarray(74)]);
  const range = { ...options, start: 0, end: 1, objectBytes: longer.length };
  expect((await outcomeOf(openRange(reader(longer).read, range))).refusal).toBe("object_corrupt");
});

test.each([
  [-1, 5],
  [5, 4],
  [0, 135],
  [135, 135],
  [0.5, 2],
  [0, Number.NaN],
])("the range %d to %d does not lie in the plaintext and nothing is read", async (start, end) => {
  const { read, reads } = reader(object);
  const pieces = openRange(read, { ...options, start, end, objectBytes: object.length });
  expect((await outcomeOf(pieces)).refusal).toBe("range_not_satisfiable");
  expect(reads).toEqual([]);
});

test("an empty range has one segment verified all the same", async () => {
  for (const at of [0, 64, plaintext.length]) {
    const range = { ...options, start: at, end: at, objectBytes: object.length };
    expect(await gather(openRange(reader(object).read, range))).toHaveLength(0);
    const wrong = { ...range, key: dataKey(8) };
    expect((await outcomeOf(openRange(reader(object).read, wrong))).refusal).toBe("object_corrupt");
    const damaged = Buffer.from(object);
    for (let offset = 100; offset < damaged.length; offset += 64) {
      damaged.writeUInt8(damaged.readUInt8(offset) ^ 1, offset);
    }
    expect((await outcomeOf(openRange(reader(damaged).read, range))).refusal).toBe(
      "object_corrupt",
    );
  }
});

test("the empty range at the end of an object of full segments is its last segment's", async () => {
  const full = await sealed(plaintext.subarray(0, 2 * smallCapacityBytes));
  const { read, reads } = reader(full);
  const range = { ...options, start: 64, end: 64, objectBytes: full.length };
  expect(await gather(openRange(read, range))).toHaveLength(0);
  expect(reads).toEqual([
    [0, 74],
    [138, 202],
  ]);
});

test("ranges of an object that ends in an empty segment are its plaintext", async () => {
  using sealer = new Sealer(options);
  const stored = Buffer.concat([
    sealer.header,
    ...sealer.seal([plaintext.subarray(0, 32)], { position: 0, isFinal: false }),
    ...sealer.seal([], { position: 1, isFinal: true }),
  ]);
  for (const [start, end] of [
    [0, 32],
    [31, 32],
    [32, 32],
  ] as const) {
    const range = { ...options, start, end, objectBytes: stored.length };
    expect(await gather(openRange(reader(stored).read, range))).toEqual(
      plaintext.subarray(start, end),
    );
  }
});
