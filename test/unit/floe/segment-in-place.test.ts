import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { isRefusal } from "../../../src/errors.ts";
import {
  openSegment,
  openSegmentInPlace,
  sealSegment,
  sealSegmentInto,
} from "../../../src/floe/segment.ts";
import { dataKey } from "./builders.ts";

/** Some steps of the cipher and a bit. */
const layout = { segmentBytes: 100_000 };
const key = dataKey();
const keys = { at: () => key };
const place = { position: 3, isFinal: true };
const iv = randomBytes(12);

const sizes = [0, 1, 32_767, 32_768, 32_769, 65_536, 99_968];

test.each(sizes)(
  "a segment of %d bytes of plaintext is the same in one memory, in another, and in pieces",
  (sizeBytes) => {
    const plaintext = randomBytes(sizeBytes);
    const pieces = sealSegment(keys, layout, { ...place, iv, plaintext: [plaintext] });
    const segment = Buffer.concat(pieces);
    const elsewhere = Buffer.alloc(segment.length);
    const before = Buffer.from(plaintext);
    sealSegmentInto(keys, layout, { ...place, iv, plaintext, target: elsewhere });
    expect(elsewhere.equals(segment)).toBe(true);
    expect(plaintext.equals(before)).toBe(true);
    const here = Buffer.concat([Buffer.alloc(16), plaintext, Buffer.alloc(16)]);
    const within = here.subarray(16, 16 + sizeBytes);
    sealSegmentInto(keys, layout, { ...place, iv, plaintext: within, target: here });
    expect(here.equals(segment)).toBe(true);
    expect(openSegmentInPlace(keys, layout, { ...place, segment: here })).toBe(sizeBytes);
    expect(within.equals(plaintext)).toBe(true);
    const opened = openSegment(keys, layout, { ...place, segment: [segment] });
    expect(Buffer.concat(opened).equals(plaintext)).toBe(true);
  },
);

test.each(sizes)(
  "a segment of %d bytes of plaintext that does not open in place is left as it came",
  (sizeBytes) => {
    const plaintext = [randomBytes(sizeBytes)];
    const segment = Buffer.concat(sealSegment(keys, layout, { ...place, iv, plaintext }));
    for (const at of [0, 4, 15, 16, Math.floor(segment.length / 2), segment.length - 1]) {
      const damaged = Buffer.from(segment);
      damaged.writeUInt8(damaged.readUInt8(at) ^ 1, at);
      const before = Buffer.from(damaged);
      expect(() => openSegmentInPlace(keys, layout, { ...place, segment: damaged })).toThrow(
        at < 4 ? "does not have its length" : "fails its tag",
      );
      expect(damaged.equals(before)).toBe(true);
    }
    const elsewhere = { ...place, position: 4, segment: Buffer.from(segment) };
    expect(() => openSegmentInPlace(keys, layout, elsewhere)).toThrow("fails its tag");
    expect(elsewhere.segment.equals(segment)).toBe(true);
  },
);

test("a segment is sealed into no memory but its own size", () => {
  const plaintext = randomBytes(20);
  for (const sizeBytes of [51, 53]) {
    const target = Buffer.alloc(sizeBytes);
    expect(() => sealSegmentInto(keys, layout, { ...place, iv, plaintext, target })).toThrow(
      RangeError,
    );
    expect(target.equals(Buffer.alloc(sizeBytes))).toBe(true);
  }
  const short = () => openSegmentInPlace(keys, layout, { ...place, segment: Buffer.alloc(31) });
  let refused: unknown = null;
  try {
    short();
  } catch (error) {
    refused = error;
  }
  expect(isRefusal(refused, "object_corrupt")).toBe(true);
});
