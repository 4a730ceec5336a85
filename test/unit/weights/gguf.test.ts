import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { readGguf } from "../../../src/weights/gguf.ts";
import { Malformed } from "../../../src/weights/malformed.ts";
import { entry, type Gguf, gguf, info, text, u8, u16, u32, u64 } from "./files.ts";

const types = { u8: 0, u16: 2, u32: 4, f32: 6, bool: 7, text: 8, array: 9, u64: 10 };
const [f32, q4_0, q4K, bf16] = [0, 2, 12, 30];

const metadata = [
  entry("general.architecture", types.text, text("llama")),
  entry("general.alignment", types.u32, u32(64)),
  entry("tokenizer.ggml.tokens", types.array, u32(types.text), u64(2), text("a"), text("b")),
  entry("tokenizer.ggml.scores", types.array, u32(types.f32), u64(3), Buffer.alloc(12)),
  entry("nested", types.array, u32(types.array), u64(1), u32(types.bool), u64(2), u8(0), u8(1)),
  entry("flag", types.bool, u8(1)),
  entry("split.count", types.u16, u16(1)),
];
const model: Gguf = {
  entries: metadata,
  infos: [
    info("token_embd.weight", [256, 3], q4K, 0),
    info("output_norm.weight", [5], f32, 448),
    info("blk.0.attn.weight", [32, 2], q4_0, 512),
  ],
  alignment: 64,
  dataBytes: 548,
};

function read(file: Buffer, fileBytes = BigInt(file.length)) {
  return readGguf(file, fileBytes);
}

test.each([2, 3])(
  "the parameters of version %i are the elements of all shapes together",
  (version) => {
    const counted = read(gguf({ ...model, version }));
    expect(counted?.parameters).toBe(768n + 5n + 64n);
    expect(counted?.tensors.map(({ name }) => name)).toHaveLength(3);
  },
);

test("the known bytes of a small file give the known count", () => {
  const known =
    "47475546" +
    "03000000" +
    "0100000000000000" +
    "0000000000000000" +
    "0100000000000000" +
    "77" +
    "02000000" +
    "0200000000000000" +
    "0300000000000000" +
    "1e000000" +
    "0000000000000000" +
    "00".repeat(96 - 65) +
    "00".repeat(12);
  expect(read(Buffer.from(known, "hex"))?.parameters).toBe(6n);
});

test("a count that a float would round is exact", () => {
  const shape = [2n ** 31n + 1n, 2n ** 31n - 1n];
  const file = gguf({ infos: [info("w", shape, f32, 0)] });
  const bytes = 4n * (2n ** 62n - 1n);
  expect(read(file, BigInt(file.length) + bytes)?.parameters).toBe(2n ** 62n - 1n);
});

test("bytes that end before the header ask for more of the file, and more of it gives the same count", () => {
  const file = gguf(model);
  const whole = read(file)?.parameters;
  const header = file.length - 548;
  for (let bytes = 0; bytes < header - 64; bytes += 1)
    expect(read(file.subarray(0, bytes), BigInt(file.length))).toBeNull();
  expect(read(file.subarray(0, header), BigInt(file.length))?.parameters).toBe(whole);
});

test("a file that was cut off anywhere is refused", () => {
  const file = gguf(model);
  for (let bytes = 0; bytes < file.length; bytes += 1)
    expect(() => read(file.subarray(0, bytes))).toThrow(Malformed);
});

const one = (given: Partial<Gguf>): Buffer => gguf({ dataBytes: 12, ...given });

test.each<[string, Buffer, RegExp]>([
  ["another magic", Buffer.from("GGML0000000000000000000000000000"), /begin with GGUF/],
  ["version 1", gguf({ version: 1 }), /version 1/],
  ["version 4", gguf({ version: 4 }), /version 4/],
  ["the other byte order", gguf({ version: 0x03000000 }), /big-endian/],
  ["more tensors than the file can have", one({ tensorCount: 1_000 }), /1000 tensors/],
  ["a count of 2^64-1", one({ tensorCount: 2n ** 64n - 1n }), /tensors/],
  ["more entries than the file can have", one({ entryCount: 2n ** 40n }), /metadata entries/],
  [
    "a text of 2^63 bytes",
    one({ entries: [entry("k", types.text, u64(2n ** 63n))] }),
    /more than the file/,
  ],
  [
    "a key of 2^40 bytes",
    one({ entries: [Buffer.concat([u64(2n ** 40n), Buffer.alloc(8)])] }),
    /key would have/,
  ],
  [
    "an array of 2^60 elements",
    one({ entries: [entry("k", types.array, u32(types.u8), u64(2n ** 60n))] }),
    /elements/,
  ],
  [
    "an array of arrays of arrays of arrays",
    one({
      entries: [
        entry(
          "k",
          types.array,
          ...Array.from({ length: 4 }, () => [u32(types.array), u64(1)]).flat(),
          u32(0),
          u64(0),
        ),
      ],
    }),
    /nested/,
  ],
  [
    "a value of a type that nobody knows",
    one({ entries: [entry("k", 13, u64(0))] }),
    /unknown type 13/,
  ],
  ["a boolean of 2", one({ entries: [entry("k", types.bool, u8(2))] }), /boolean/],
  [
    "a key twice",
    one({ entries: [entry("k", types.u8, u8(1)), entry("k", types.u8, u8(2))] }),
    /comes twice/,
  ],
  [
    "a tensor twice",
    one({ infos: [info("w", [1], f32, 0), info("w", [1], f32, 32)], dataBytes: 36 }),
    /comes twice/,
  ],
  [
    "an alignment of 0",
    one({ entries: [entry("general.alignment", types.u32, u32(0))] }),
    /alignment 0/,
  ],
  [
    "an alignment of 48",
    one({ entries: [entry("general.alignment", types.u32, u32(48))] }),
    /alignment 48/,
  ],
  [
    "an alignment that is a text",
    one({ entries: [entry("general.alignment", types.text, text("32"))] }),
    /uint32/,
  ],
  [
    "one part of a split model",
    one({ entries: [entry("split.count", types.u16, u16(2))] }),
    /split model/,
  ],
  ["five dimensions", one({ infos: [info("w", [1, 1, 1, 1, 1], f32, 0)] }), /5 dimensions/],
  ["shapes past 64 bits", one({ infos: [info("w", [2n ** 32n, 2n ** 32n], f32, 0)] }), /overflows/],
  ["a dimension of 2^64-1", one({ infos: [info("w", [2n ** 64n - 1n], f32, 0)] }), /overflows/],
  ["a tensor type that was taken out", one({ infos: [info("w", [32], 4, 0)] }), /unknown type 4/],
  [
    "rows that do not fill blocks",
    one({ infos: [info("w", [31, 32], q4_0, 0)] }),
    /fill blocks of Q4_0/,
  ],
  ["data that is not aligned", one({ infos: [info("w", [1], f32, 4)] }), /not aligned/],
  ["data past the end", one({ infos: [info("w", [4], f32, 0)], dataBytes: 12 }), /ends past/],
  ["an offset past the end", one({ infos: [info("w", [1], f32, 2 ** 40)] }), /hole/],
  [
    "an overlap",
    one({ infos: [info("v", [16], bf16, 0), info("w", [3], f32, 0)], dataBytes: 64 }),
    /overlaps/,
  ],
  [
    "a hole",
    one({ infos: [info("v", [1], f32, 0), info("w", [1], f32, 64)], dataBytes: 68 }),
    /hole/,
  ],
  [
    "data after the last tensor",
    one({ infos: [info("w", [1], f32, 0)], dataBytes: 64 }),
    /goes on after/,
  ],
  ["a name of 300 bytes", one({ infos: [info("w".repeat(300), [1], f32, 0)] }), /300 bytes/],
  [
    "a key that is not UTF-8",
    one({ entries: [Buffer.concat([u64(1), Buffer.from([0xff]), u32(types.u8), u8(0)])] }),
    /not UTF-8/,
  ],
])("%s is refused", (_, file, message) => {
  expect(() => read(file)).toThrow(message);
  expect(() => read(file)).toThrow(Malformed);
});

test("whatever the bytes are, they are counted, refused as malformed, or too few", () => {
  const file = gguf(model);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (edits) => {
        const damaged = Buffer.from(file);
        for (const [at, byte] of edits) damaged[at] = byte;
        try {
          read(damaged);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Malformed);
        }
      },
    ),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const start = Buffer.concat([Buffer.from("GGUF"), u32(3), Buffer.from(bytes)]);
      try {
        read(start);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Malformed);
      }
    }),
  );
});

/** Bytes of one block by its parts, as ggml-common.h declares them: 2 for a half, and the arrays beside it. */
const blocks: readonly (readonly [type: number, elements: number, bytes: number])[] = [
  [0, 1, 4],
  [1, 1, 2],
  [2, 32, 2 + 32 / 2],
  [3, 32, 2 + 2 + 32 / 2],
  [6, 32, 2 + 4 + 32 / 2],
  [7, 32, 2 + 2 + 4 + 32 / 2],
  [8, 32, 2 + 32],
  [10, 256, 2 + 2 + 256 / 16 + 256 / 4],
  [11, 256, 2 + 256 / 4 + 256 / 8 + 12],
  [12, 256, 2 + 2 + 12 + 256 / 2],
  [13, 256, 2 + 2 + 12 + 256 / 2 + 256 / 8],
  [14, 256, 2 + 256 / 16 + 256 / 2 + 256 / 4],
  [16, 256, 2 + 2 * (256 / 8)],
  [17, 256, 2 + 2 * (256 / 8) + 256 / 32],
  [18, 256, 2 + 3 * (256 / 8)],
  [19, 256, 2 + 256 / 8 + 2 * (256 / 32)],
  [20, 32, 2 + 32 / 2],
  [21, 256, 2 + 256 / 4 + 256 / 32 + 256 / 8 + 256 / 64],
  [22, 256, 2 + 256 / 4 + 256 / 32 + 256 / 32],
  [23, 256, 2 + 2 + 256 / 64 + 256 / 2],
  [24, 1, 1],
  [25, 1, 2],
  [26, 1, 4],
  [27, 1, 8],
  [28, 1, 8],
  [29, 256, 256 / 8 + 256 / 16 + 256 / 32],
  [30, 1, 2],
  [34, 256, 2 + (256 - 4 * (256 / 64)) / 5 + 256 / 64],
  [35, 256, 2 + 256 / 4],
  [39, 32, 1 + 32 / 2],
  [40, 64, 64 / 16 + 64 / 2],
  [41, 128, 2 + 128 / 8],
  [42, 64, 2 + 64 / 4],
];

test.each(blocks)("tensor type %i packs %i elements in %i bytes", (type, elements, bytes) => {
  const file = gguf({ infos: [info("w", [elements, 3], type, 0)], dataBytes: 3 * bytes });
  expect(read(file)?.parameters).toBe(BigInt(3 * elements));
  expect(() => read(file, BigInt(file.length) - 1n)).toThrow(Malformed);
});

test("no other tensor type is counted", () => {
  const known = new Set(blocks.map(([type]) => type));
  for (let type = 0; type < 64; type += 1) {
    if (known.has(type)) continue;
    const file = gguf({ infos: [info("w", [256], type, 0)], dataBytes: 1_024 });
    expect(() => read(file)).toThrow(Malformed);
  }
});
