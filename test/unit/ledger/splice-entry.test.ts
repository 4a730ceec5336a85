import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { canonicalJson } from "../../../src/crypto/canonical-json.ts";
import {
  bodyBytes,
  type EntryBody,
  encodeEntry,
  parseEntry,
  spliceEntry,
} from "../../../src/ledger/entry.ts";

const place = {
  index: 7,
  previous: "ab".repeat(32),
  time: "2026-01-31T23:59:59.999Z",
  kind: "release.allowed",
} as const;

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: "binary" }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: "binary" }), tie("any"), { maxKeys: 4 }),
  ),
})).any;
const body = fc.dictionary(fc.string({ unit: "binary" }), value, {
  maxKeys: 6,
}) as fc.Arbitrary<EntryBody>;

test("an entry spliced around a canonical body is byte for byte the one that is encoded", () => {
  fc.assert(
    fc.property(
      body,
      fc.maxSafeInteger().filter((index) => index > 0),
      (each, index) => {
        const spliced = spliceEntry({ ...place, index }, canonicalJson(each));
        expect(spliced).toEqual(encodeEntry({ ...place, index, body: each }));
      },
    ),
    { numRuns: 500 },
  );
});

test("the body that was submitted is found again in its entry, byte for byte", () => {
  fc.assert(
    fc.property(body, (each) => {
      const bytes = canonicalJson(each);
      const spliced = spliceEntry(place, bytes);
      const entry = spliced === null ? null : parseEntry(spliced);
      if (spliced === null || entry === null) throw new Error("the entry does not parse");
      expect(bodyBytes(entry, spliced)).toEqual(bytes);
    }),
  );
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["an array", "[]"],
  ["a number", "1"],
  ["null", "null"],
  ["white space", '{"a": 1}'],
  ["names out of order", '{"b":1,"a":2}'],
  ["a name twice", '{"a":1,"a":2}'],
  ["an escape that need not be", '{"a":"\\u0041"}'],
  ["a fraction", '{"a":1.5}'],
  ["a number past what is safe", '{"a":9007199254740993}'],
  [
    "the end of one entry and the beginning of another",
    '{"a":1},"index":3,"kind":"license.activated","x":{}',
  ],
  ["members after the body", '{"a":1},"b":{}'],
])("a body that is %s is never spliced", (_what, text) => {
  expect(spliceEntry(place, Buffer.from(text))).toBeNull();
});

test("a body that is not UTF-8 is never spliced", () => {
  const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')]);
  expect(spliceEntry(place, bytes)).toBeNull();
});

test("a body that is nested past the stack, or too long for an entry, is never spliced", () => {
  const deep = `{"a":${"[".repeat(40_000)}${"]".repeat(40_000)}}`.slice(0, 200_000);
  expect(spliceEntry(place, Buffer.from(deep))).toBeNull();
  const longest = 65_535 - encodeEntry({ ...place, body: { a: "" } }).length;
  expect(spliceEntry(place, canonicalJson({ a: "x".repeat(longest) }))).toHaveLength(65_535);
  expect(spliceEntry(place, canonicalJson({ a: "x".repeat(longest + 1) }))).toBeNull();
});

test.each([
  { ...place, kind: 'x.y","z":"' },
  { ...place, kind: "X.y" },
  { ...place, previous: "AB".repeat(32) },
  { ...place, time: "2026-02-30T00:00:00.000Z" },
  { ...place, index: -1 },
  { ...place, index: 0 },
])("a member that no entry has is never spliced: %j", (wrong) => {
  expect(spliceEntry(wrong, canonicalJson({}))).toBeNull();
});
