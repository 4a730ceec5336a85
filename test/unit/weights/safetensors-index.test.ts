import { expect, test } from "@jest/globals";
import { Malformed } from "../../../src/weights/malformed.ts";
import { countShards, readShardIndex } from "../../../src/weights/safetensors-index.ts";
import type { Counted } from "../../../src/weights/tensors.ts";

const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const map = { a: one, b: two, c: two };

function index(weightMap: unknown, metadata: unknown = { total_size: 24 }): string {
  return JSON.stringify({ metadata, weight_map: weightMap });
}

function shard(...names: readonly string[]): Counted {
  return {
    tensors: names.map((name) => ({ name, elements: 4n, begin: 0n, end: 8n })),
    parameters: 4n * BigInt(names.length),
    dataBytes: 8n * BigInt(names.length),
  };
}

const both = new Map([
  [one, shard("a")],
  [two, shard("b", "c")],
]);

test("the parameters of all shards are added", () => {
  expect(countShards(readShardIndex(index(map)), both)).toBe(12n);
  expect(
    countShards(readShardIndex(index(map, { total_size: 24, note: [true, 1.5, null] })), both),
  ).toBe(12n);
  expect(countShards(readShardIndex(index(map, undefined)), both)).toBe(12n);
});

test.each<[string, ReadonlyMap<string, Counted>, RegExp]>([
  ["a shard that is missing", new Map([[one, shard("a")]]), /missing/],
  [
    "a tensor that its shard has not",
    new Map([
      [one, shard("a")],
      [two, shard("b")],
    ]),
    /names 3 tensors/,
  ],
  [
    "a tensor that the index does not name",
    new Map([
      [one, shard("a")],
      [two, shard("b", "c", "d")],
    ]),
    /does not put/,
  ],
  [
    "a tensor in two shards",
    new Map([
      [one, shard("a", "b")],
      [two, shard("b", "c")],
    ]),
    /does not put/,
  ],
])("%s is refused", (_, headers, message) => {
  expect(() => countShards(readShardIndex(index(map)), headers)).toThrow(message);
});

test("another total size than the shards have is refused", () => {
  expect(() => countShards(readShardIndex(index(map, { total_size: 25 })), both)).toThrow(
    /states 25/,
  );
});

test.each([
  "../model.safetensors",
  "/etc/model.safetensors",
  "sub/model.safetensors",
  "sub\\model.safetensors",
  ".hidden.safetensors",
  "model.bin",
  "model.safetensors\u0000",
  "",
])("a shard called %j is refused", (name) => {
  expect(() => readShardIndex(index({ a: name }))).toThrow(Malformed);
});

test.each([
  "",
  "[]",
  "{}",
  index({}),
  index([]),
  index({ a: 1 }),
  `{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}`,
  `{"weight_map":{"a":"x.safetensors"},"weight_map":{"a":"y.safetensors"}}`,
])("%s is no index", (text) => {
  expect(() => readShardIndex(text)).toThrow(Malformed);
});

test("more than ten thousand shards are refused", () => {
  const many = Object.fromEntries(
    Array.from({ length: 10_001 }, (_, at) => [`t${at}`, `m${at}.safetensors`]),
  );
  expect(() => readShardIndex(index(many))).toThrow(/10000/);
});
