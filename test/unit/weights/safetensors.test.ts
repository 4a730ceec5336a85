import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Malformed } from "../../../src/weights/malformed.ts";
import { headerLength, lengthBytes, readSafetensors } from "../../../src/weights/safetensors.ts";
import type { Counted } from "../../../src/weights/tensors.ts";
import { safetensors, tensor } from "./files.ts";

function read(file: Buffer, fileBytes = BigInt(file.length)): Counted {
  const length = headerLength(file.subarray(0, 64), fileBytes);
  return readSafetensors(file.subarray(lengthBytes, lengthBytes + length), fileBytes);
}

const two = { a: tensor("F32", [2, 3], 0, 24), b: tensor("BF16", [5], 24, 34) };

test("the parameters are the elements of all shapes together", () => {
  const header = {
    __metadata__: { format: "pt" },
    "model.embed": tensor("BF16", [32000, 4096], 0, 262_144_000),
    "model.norm": tensor("F32", [4096], 262_144_000, 262_160_384),
    scalar: tensor("F64", [], 262_160_384, 262_160_392),
    empty: tensor("F32", [0, 7], 262_160_392, 262_160_392),
  };
  const file = safetensors(header, 0);
  const counted = read(file, BigInt(file.length) + 262_160_392n);
  expect(counted.parameters).toBe(131_076_097n);
  expect(counted.tensors).toHaveLength(4);
});

test("types below a byte are counted where they fill whole bytes", () => {
  const file = safetensors({ a: tensor("F4", [4, 2], 0, 4), b: tensor("F6_E2M3", [4], 4, 7) }, 7);
  expect(read(file).parameters).toBe(12n);
});

test.each([
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"].map(
    (dtype) => [dtype, 8] as const,
  ),
  ...["I16", "U16", "F16", "BF16"].map((dtype) => [dtype, 16] as const),
  ...["I32", "U32", "F32"].map((dtype) => [dtype, 32] as const),
  ...["I64", "U64", "F64", "C64"].map((dtype) => [dtype, 64] as const),
  ["F4", 4],
  ["F6_E2M3", 6],
  ["F6_E3M2", 6],
] as const)("an element of %s has %i bits", (dtype, bits) => {
  const file = safetensors({ a: tensor(dtype, [8], 0, bits) }, bits);
  expect(read(file).parameters).toBe(8n);
  expect(() => read(safetensors({ a: tensor(dtype, [16], 0, bits) }, bits))).toThrow(Malformed);
});

test("the known bytes of a small file give the known count", () => {
  const known =
    "4000000000000000" +
    Buffer.from('{"t":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}}         ').toString(
      "hex",
    ) +
    "01020304";
  expect(read(Buffer.from(known, "hex")).parameters).toBe(4n);
});

test.each<[string, Buffer, RegExp]>([
  [
    "a tensor twice",
    safetensors(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
    ),
    /comes twice/,
  ],
  [
    "a member twice",
    safetensors('{"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}', 1),
    /comes twice/,
  ],
  [
    "a name twice, once escaped",
    safetensors(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
      2,
    ),
    /comes twice/,
  ],
  [
    "shapes past 64 bits",
    safetensors('{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}', 0),
    /overflows/,
  ],
  [
    "a product that a float would round",
    safetensors('{"a":{"dtype":"U8","shape":[3037000500,3037000500],"data_offsets":[0,0]}}', 0),
    /overflows/,
  ],
  ["an overlap", safetensors({ ...two, b: tensor("BF16", [5], 20, 30) }, 34), /overlaps/],
  [
    "the same bytes twice",
    safetensors({ a: tensor("U8", [4], 0, 4), b: tensor("U8", [4], 0, 4) }, 4),
    /overlaps/,
  ],
  ["a hole", safetensors({ ...two, b: tensor("BF16", [5], 26, 36) }, 36), /hole/],
  ["a hole at the start", safetensors({ a: tensor("U8", [4], 1, 5) }, 5), /hole/],
  ["data past the end", safetensors(two, 33), /ends past/],
  ["data after the last tensor", safetensors(two, 35), /goes on after/],
  [
    "a size that the shape does not give",
    safetensors({ a: tensor("F32", [2, 3], 0, 12) }, 12),
    /needs 24 bytes/,
  ],
  ["a type that nobody knows", safetensors({ a: tensor("F31", [1], 0, 4) }, 4), /dtype/],
  [
    "a type with a name of every object",
    safetensors({ a: tensor("constructor", [1], 0, 4) }, 4),
    /dtype/,
  ],
  ["half a byte", safetensors({ a: tensor("F4", [3], 0, 1) }, 1), /whole bytes/],
  ["a negative dimension", safetensors({ a: tensor("U8", [-1], 0, 1) }, 1), /whole numbers/],
  ["a fraction of a dimension", safetensors({ a: tensor("U8", [1.5], 0, 1) }, 1), /whole numbers/],
  ["an end before the beginning", safetensors({ a: tensor("U8", [1], 1, 0) }, 1), /ends before/],
  [
    "three offsets",
    safetensors({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1, 2] } }, 1),
    /two whole/,
  ],
  [
    "a member that nobody knows",
    safetensors({ a: { ...tensor("U8", [1], 0, 1), code: "x" } }, 1),
    /does not know/,
  ],
  ["metadata that is no text", safetensors({ __metadata__: { n: 1 } }, 0), /__metadata__/],
  ["a list for a header", safetensors("[]", 0), /begin with/],
  ["a space before the header", safetensors(" {}", 0), /begin with/],
  ["text after the header", safetensors("{}{}", 0), /does not parse/],
  ["a cut-off header", safetensors('{"a":', 0), /does not parse/],
  ["a nest of brackets", safetensors(`{"a":${"[".repeat(50_000)}`, 0), /too deep/],
])("%s is refused", (_, file, message) => {
  expect(() => read(file)).toThrow(message);
  expect(() => read(file)).toThrow(Malformed);
});

test("a header that is not UTF-8 is refused", () => {
  const file = safetensors('{"a":0}', 0);
  file[11] = 0xff;
  expect(() => read(file)).toThrow(/not UTF-8/);
});

test("a length of more than 100 MB is refused before anything is read", () => {
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(100_000_001n);
  expect(() => headerLength(start, 2n ** 50n)).toThrow(/100000000/);
  start.writeBigUInt64LE(100_000_000n);
  expect(headerLength(start, 2n ** 50n)).toBe(100_000_000);
  start.writeBigUInt64LE(2n ** 64n - 1n);
  expect(() => headerLength(start, 2n ** 50n)).toThrow(Malformed);
});

test("a file that was cut off anywhere is refused", () => {
  const file = safetensors(two, 34);
  expect(read(file).parameters).toBe(11n);
  for (let bytes = 0; bytes < file.length; bytes += 1)
    expect(() => read(file.subarray(0, bytes))).toThrow(Malformed);
});

const shapes = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 });

test("any file that was written counts its elements, and in any order of its tensors", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), shapes, { maxKeys: 8 }), (named) => {
      const described: [string, unknown][] = [];
      let [end, elements] = [0, 0];
      for (const [name, shape] of Object.entries(named)) {
        if (name === "__metadata__" || name === "__proto__") continue;
        const count = shape.reduce((product, each) => product * each, 1);
        described.push([name, tensor("F16", shape, end, end + 2 * count)]);
        [end, elements] = [end + 2 * count, elements + count];
      }
      const header = Object.fromEntries(described.reverse());
      expect(read(safetensors(header, end)).parameters).toBe(BigInt(elements));
    }),
  );
});

test("whatever the bytes are, they are counted or refused as malformed", () => {
  const file = safetensors(two, 34);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (edits) => {
        const damaged = Buffer.from(file);
        for (const [at, byte] of edits) damaged[at] = byte;
        try {
          expect(read(damaged).parameters).toBeGreaterThanOrEqual(0n);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Malformed);
        }
      },
    ),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => read(Buffer.from(bytes))).toThrow(Malformed);
    }),
  );
});
