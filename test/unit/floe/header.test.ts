import { expect, test } from "@jest/globals";
import { isRefusal } from "../../../src/errors.ts";
import { createHeader, openHeader } from "../../../src/floe/header.ts";
import { aad, dataKey, small } from "./builders.ts";

const options = { key: dataKey(), aad, layout: small };

function refusalOf(header: Uint8Array, given = options): string | null {
  try {
    openHeader(header, given);
    return null;
  } catch (thrown) {
    return isRefusal(thrown) ? thrown.code : "another error";
  }
}

test("a header is parameters, IV and tag, and opens to the keys that it was made with", () => {
  const iv = Buffer.alloc(32, 0xab);
  const { header, keys } = createHeader(options, () => iv);
  expect(header).toHaveLength(74);
  expect(header.toString("hex", 0, 42)).toBe(`00000000004000000020${"ab".repeat(32)}`);
  const opened = openHeader(header, options);
  expect(opened.at(0).equals(keys.at(0))).toBe(true);
  expect(opened.at(2 ** 20).equals(keys.at(2 ** 20))).toBe(true);
});

test("the caller's header bytes may change after it was opened", () => {
  const { header, keys } = createHeader(options);
  const stored = Buffer.from(header);
  const opened = openHeader(stored, options);
  stored.fill(0);
  expect(opened.at(0).equals(keys.at(0))).toBe(true);
});

test("another key, other associated bytes, another layout and every changed bit are refused", () => {
  const { header } = createHeader(options);
  expect(refusalOf(header)).toBeNull();
  expect(refusalOf(header, { ...options, key: dataKey(8) })).toBe("object_corrupt");
  expect(refusalOf(header, { ...options, aad: aad.subarray(1) })).toBe("object_corrupt");
  expect(refusalOf(header, { ...options, layout: { segmentBytes: 65 } })).toBe("object_corrupt");
  for (let bit = 0; bit < header.length * 8; bit += 1) {
    const changed = Buffer.from(header);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(refusalOf(changed)).toBe("object_corrupt");
  }
});

test.each([0, 10, 42, 73, 75])("%d bytes are not a header", (sizeBytes) => {
  const { header } = createHeader(options);
  const bytes = Buffer.concat([header, Buffer.alloc(1)]).subarray(0, sizeBytes);
  expect(refusalOf(bytes)).toBe("object_corrupt");
});

test.each([31, 33])(
  "a random source that gives a header IV of %d bytes is refused",
  (sizeBytes) => {
    expect(() => createHeader(options, () => Buffer.alloc(sizeBytes))).toThrow(RangeError);
  },
);
