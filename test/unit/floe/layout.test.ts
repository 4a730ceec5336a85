import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  encodeParameters,
  extentOf,
  objectBytes,
  oneMebibyteLayout,
  partsOf,
  plaintextBytes,
  plaintextPartsOf,
  segmentAt,
  segmentCapacityBytes,
  segmentCount,
  segmentOffset,
} from "../../../src/floe/layout.ts";
import { small } from "./builders.ts";

test("the product's parameters are those of GCM256_IV256_1M", () => {
  expect(encodeParameters({ segmentBytes: 1_048_576 }).toString("hex")).toBe(
    "00000010000000000020",
  );
  expect(segmentCapacityBytes()).toBe(1_048_544);
});

test.each([
  [0, 1, 106],
  [1, 1, 107],
  [1_048_543, 1, 1_048_649],
  [1_048_544, 1, 1_048_650],
  [1_048_545, 2, 1_048_683],
  [2_097_088, 2, 2_097_226],
  [2_097_091, 3, 2_097_261],
])(
  "a plaintext of %d bytes is %d segments and an object of %d bytes",
  (plain, segments, object) => {
    expect(segmentCount(plain)).toBe(segments);
    expect(objectBytes(plain)).toBe(object);
    expect(extentOf(object)).toEqual({ objectBytes: object, plaintextBytes: plain, segments });
  },
);

test("segments begin at 74 bytes and follow each other without a gap", () => {
  expect([0, 1, 5].map((position) => segmentOffset(position))).toEqual([74, 1_048_650, 5_242_954]);
  expect([0, 1_048_543, 1_048_544, 3_145_632].map((offset) => segmentAt(offset))).toEqual([
    0, 0, 1, 3,
  ]);
});

test.each([
  -1,
  0,
  73,
  74,
  105,
  106.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  1_048_650 + 1,
  1_048_650 + 31,
])("no object has %d bytes", (object) => {
  expect(extentOf(object)).toBeNull();
  expect(plaintextBytes(object)).toBeNull();
});

test("an object that ends in an empty segment after a full one has a size too", () => {
  expect(extentOf(1_048_650 + 32)).toEqual({
    objectBytes: 1_048_682,
    plaintextBytes: 1_048_544,
    segments: 2,
  });
});

test("an object of more than 2^40 segments has no extent and cannot be planned", () => {
  const greatest = 74 + 2 ** 40 * 64;
  expect(extentOf(greatest, small)?.segments).toBe(2 ** 40);
  expect(extentOf(greatest + 32, small)).toBeNull();
  expect(() => segmentCount(2 ** 40 * 32 + 1, small)).toThrow(RangeError);
});

test("object and plaintext sizes are each other's inverse, for any size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 43 }),
      fc.constantFrom(40, 64, 4_096, 1_048_576),
      (plain, segmentBytes) => {
        expect(plaintextBytes(objectBytes(plain, { segmentBytes }), { segmentBytes })).toBe(plain);
      },
    ),
  );
});

test.each([-1, 0.5, Number.NaN, 2 ** 53])("%d is not a plaintext's size", (sizeBytes) => {
  expect(() => objectBytes(sizeBytes)).toThrow(RangeError);
});

test.each([0, 32, 64.5, 2 ** 32 - 1, 2 ** 32])("a segment cannot have %d bytes", (segmentBytes) => {
  expect(() => encodeParameters({ segmentBytes })).toThrow(RangeError);
});

test.each([
  [0, 16],
  [16 * 1_048_544, 16],
  [160_000 * 1_048_544, 16],
  [160_000 * 1_048_544 + 1, 17],
  [5_000_000_000_000, 477],
])(
  "the object of %d bytes is cut into the header with %d MiB, then as many",
  (plain, mebibytes) => {
    const parts = partsOf(plain);
    expect(parts).toEqual({ firstBytes: 74 + mebibytes * 2 ** 20, nextBytes: mebibytes * 2 ** 20 });
    const after = objectBytes(plain) - parts.firstBytes;
    expect(1 + Math.max(0, Math.ceil(after / parts.nextBytes))).toBeLessThanOrEqual(10_000);
  },
);

test.each([
  [0, 1],
  [16_776_704, 1],
  [16_776_705, 2],
  [160 * 2 ** 30, null],
  [5 * 2 ** 40, null],
])("a plaintext of %d bytes is sent in parts that fit the object's", (sizeBytes, parts) => {
  const cut = plaintextPartsOf(sizeBytes);
  expect(cut.segments).toBeGreaterThanOrEqual(16);
  expect(cut.parts).toBeLessThanOrEqual(10_000);
  if (parts !== null) expect(cut.parts).toBe(parts);
  expect(cut.partBytes).toBe(cut.segments * segmentCapacityBytes());
  expect(partsOf(sizeBytes).nextBytes).toBe(cut.segments * oneMebibyteLayout.segmentBytes);
  expect((cut.parts - 1) * cut.partBytes).toBeLessThan(Math.max(1, sizeBytes));
});
