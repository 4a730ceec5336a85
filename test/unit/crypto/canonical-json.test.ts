import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Canonical, canonicalJson } from "../../../src/crypto/canonical-json.ts";

const text = (value: Canonical) => canonicalJson(value).toString("utf8");

test("names are sorted by their UTF-16 code units (RFC 8785, section 3.2.3)", () => {
  const euro = "€";
  const smile = "\u{1f600}";
  const dagesh = "\ufb33";
  const unsorted = {
    [euro]: 1,
    "\r": 2,
    [dagesh]: 3,
    "1": 4,
    [smile]: 5,
    "\u0080": 6,
    "\u00f6": 7,
  };
  expect(Object.keys(JSON.parse(text(unsorted)))).toEqual(
    // JavaScript puts the name "1" first by itself; the next test looks at the bytes.
    ["1", "\r", "\u0080", "\u00f6", euro, smile, dagesh],
  );
  expect(text(unsorted)).toBe(
    `{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"${euro}":1,"${smile}":5,"${dagesh}":3}`,
  );
});

test("strings escape only what JSON must escape, in its short forms (RFC 8785, section 3.2.2.2)", () => {
  expect(text('€$\u000f\nA\'B"\\"/\b\t\f\r\u007f')).toBe(
    '"€$\\u000f\\nA\'B\\"\\\\\\"/\\b\\t\\f\\r\u007f"',
  );
});

test("there is no white space and the order of arrays stays", () => {
  expect(text({ list: [3, 1, { b: null, a: [true, false] }], empty: {}, none: [] })).toBe(
    '{"empty":{},"list":[3,1,{"a":[true,false],"b":null}],"none":[]}',
  );
});

test("the bytes are UTF-8 and nothing is normalised", () => {
  expect(canonicalJson("é")).toEqual(Buffer.from([0x22, 0xc3, 0xa9, 0x22]));
  expect(canonicalJson("e\u0301")).toEqual(Buffer.from([0x22, 0x65, 0xcc, 0x81, 0x22]));
});

test("integers to the edge of what a double holds", () => {
  expect(text([0, -0, 9007199254740991, -9007199254740991])).toBe(
    "[0,0,9007199254740991,-9007199254740991]",
  );
});

describe("refuses", () => {
  test.each<[string, unknown]>([
    ["a fraction", 0.5],
    ["an integer that a double cannot hold exactly", 2 ** 53],
    ["what is not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["undefined", undefined],
    ["a bigint", 1n],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
  ])("%s, alone and deep inside", (_, value) => {
    expect(() => canonicalJson(value as Canonical)).toThrow(TypeError);
    expect(() => canonicalJson({ a: [{ b: value }] } as Canonical)).toThrow(/^\$\.a\[0\]\.b /);
  });
});

test("the same value has the same bytes whatever the order of its names, and parses to itself", () => {
  const integer = fc.maxSafeInteger().map((number) => number + 0);
  const { value } = fc.letrec<{ value: Canonical }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string({ unit: "grapheme" }),
      fc.boolean(),
      fc.constant(null),
      integer,
      fc.array(tie("value")),
      fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      const bytes = canonicalJson(given);
      expect(JSON.parse(bytes.toString("utf8"))).toEqual(given);
      expect(canonicalJson(reversed(given))).toEqual(bytes);
    }),
  );
});

function reversed(value: Canonical): Canonical {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, each]) => [name, reversed(each as Canonical)]),
  );
}
