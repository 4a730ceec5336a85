import { expect, test } from "@jest/globals";
import { assert, constantFrom, integer, property, string, tuple, uint8Array } from "fast-check";
import { type Canonical, canonicalJson } from "../../../src/crypto/canonical-json.ts";
import { type Entry, encodeEntry, parseEntry } from "../../../src/ledger/entry.ts";

const entry: Entry = {
  index: 1,
  previous: "ab".repeat(32),
  time: "2026-01-31T23:59:59.999Z",
  kind: "release.allowed",
  body: { release: "r", b: [1, true, null, { z: "é", a: "\u2028" }], a: -5 },
};

const text = encodeEntry(entry).toString();

/** The entry with members replaced, encoded by hand so that nothing refuses it. */
const written = (change: { readonly [name: string]: Canonical }): Buffer =>
  canonicalJson({ ...entry, ...change });

test("an entry comes back from its bytes", () => {
  expect(parseEntry(encodeEntry(entry))).toEqual(entry);
  const first = { ...entry, index: 0, previous: "" };
  expect(parseEntry(encodeEntry(first))).toEqual(first);
});

test("an entry's bytes are RFC 8785: names in order, nothing between", () => {
  const simple = encodeEntry({ ...entry, body: { b: 1, a: "x" } }).toString();
  expect(simple).toBe(
    `{"body":{"a":"x","b":1},"index":1,"kind":"release.allowed","previous":"${"ab".repeat(32)}","time":"2026-01-31T23:59:59.999Z"}`,
  );
});

const unfit: readonly (readonly [string, { readonly [name: string]: Canonical }])[] = [
  ["another member", { more: 1 }],
  ["a negative index", { index: -1 }],
  ["an index in a string", { index: "1" }],
  ["an index of 0 with a previous", { index: 0 }],
  ["no previous after index 0", { previous: "" }],
  ["a previous of 63 digits", { previous: "a".repeat(63) }],
  ["a previous in upper case", { previous: "AB".repeat(32) }],
  ["a previous that is null", { previous: null }],
  ["a time without milliseconds", { time: "2026-01-31T23:59:59Z" }],
  ["a time with an offset", { time: "2026-01-31T23:59:59.999+00:00" }],
  ["the 30th of February", { time: "2026-02-30T00:00:00.000Z" }],
  ["the 29th of February of 2026", { time: "2026-02-29T00:00:00.000Z" }],
  ["a 13th month", { time: "2026-13-01T00:00:00.000Z" }],
  ["a 24th hour", { time: "2026-01-31T24:00:00.000Z" }],
  ["a 60th minute", { time: "2026-01-31T23:60:00.000Z" }],
  ["a time in numbers", { time: 1 }],
  ["a kind in upper case", { kind: "Release.allowed" }],
  ["a kind without a verb", { kind: "release." }],
  ["a kind of three parts", { kind: "release.allowed.twice" }],
  ["a kind that ends in a newline", { kind: "release.allowed\n" }],
  ["a body that is a list", { body: [] }],
  ["a body that is null", { body: null }],
  ["a body that is a string", { body: "x" }],
];

test.each(unfit)("an entry with %s is refused", (_, change) => {
  expect(parseEntry(written({}))).toEqual(entry);
  expect(parseEntry(written(change))).toBeNull();
});

test.each(unfit.slice(1))("an entry with %s is not written", (_, change) => {
  const changed = { ...entry, ...change } as unknown as Entry;
  expect(() => encodeEntry(changed)).toThrow(TypeError);
});

test.each(["body", "index", "kind", "previous", "time"])(
  "an entry without its %s is refused",
  (name) => {
    const { [name]: _, ...rest } = { ...entry } as { readonly [name: string]: Canonical };
    expect(parseEntry(canonicalJson(rest))).toBeNull();
  },
);

test.each([
  ["a space", text.replace(":", ": ")],
  ["a newline at the end", `${text}\n`],
  ["a byte order mark", `\ufeff${text}`],
  ["members in another order", JSON.stringify({ index: 1, ...JSON.parse(text) })],
  ["names of the body in another order", text.replace('"a":-5,"b"', '"b":0,"a"')],
  ["a name twice", text.replace('"a":-5', '"a":-5,"a":-5')],
  ["a member twice", text.replace('"index":1', '"index":1,"index":1')],
  ["an escape that need not be", text.replace("release.allowed", "release.\\u0061llowed")],
  ["an escaped solidus", text.replace('"r"', '"\\/"')],
  ["a number with a fraction", text.replace("-5", "-5.0")],
  ["a number with an exponent", text.replace("-5", "5e0")],
  ["a fraction", text.replace("-5", "0.5")],
  ["a minus zero", text.replace("-5", "-0")],
  ["an integer past 2^53-1", text.replace("-5", "9007199254740992")],
  ["an escaped lone surrogate", text.replace('"r"', '"\\ud800"')],
  ["an escaped pair of surrogates", text.replace('"r"', '"\\ud83d\\ude00"')],
  ["nothing", ""],
  ["a list", `[${text}]`],
  ["two entries", text + text],
])("the same entry with %s is refused: it has one form", (_, other) => {
  expect(other).not.toBe(text);
  expect(parseEntry(Buffer.from(other))).toBeNull();
});

test("names that JavaScript would put in another order than RFC 8785 are taken in RFC 8785's", () => {
  const numbered = { ...entry, body: { "9": 2, "10": 1 } };
  const bytes = encodeEntry(numbered).toString();
  expect(bytes).toContain('{"10":1,"9":2}');
  expect(parseEntry(Buffer.from(bytes))).toEqual(numbered);
  expect(parseEntry(Buffer.from(bytes.replace('"10":1,"9":2', '"9":2,"10":1')))).toBeNull();
});

test.each([
  ["U+FFFD in place of 3 broken bytes", Buffer.of(0xf0, 0x9f, 0x98)],
  ["an overlong form", Buffer.of(0xc0, 0xaf)],
  ["an encoded surrogate", Buffer.of(0xed, 0xa0, 0x80)],
])("bytes that are not UTF-8 are refused: %s", (_, broken) => {
  const [before = "", after = ""] = text.split('"r"');
  const parts = [Buffer.from(`${before}"`), broken, Buffer.from(`"${after}`)];
  expect(parseEntry(Buffer.concat(parts))).toBeNull();
});

test("an entry of 65,535 bytes is written and read, one more is not", () => {
  const overhead = encodeEntry({ ...entry, body: { a: "" } }).length;
  const sized = (bytes: number): Entry => ({ ...entry, body: { a: "x".repeat(bytes - overhead) } });
  expect(parseEntry(encodeEntry(sized(65_535)))?.index).toBe(1);
  expect(() => encodeEntry(sized(65_536))).toThrow(RangeError);
  const { body, ...rest } = sized(65_536);
  expect(parseEntry(canonicalJson({ body, ...rest }))).toBeNull();
});

test("a value that canonical JSON does not know is not written", () => {
  for (const value of [0.5, 2 ** 53, Number.NaN, undefined]) {
    const body = { value } as unknown as Entry["body"];
    expect(() => encodeEntry({ ...entry, body })).toThrow(TypeError);
  }
});

test("no bytes make the parser throw, not even ones nested without end", () => {
  const [before = "", after = ""] = text.split("-5");
  const nested = `${before}${"[".repeat(30_000)}${"]".repeat(30_000)}${after}`;
  expect(() => parseEntry(Buffer.from(nested))).not.toThrow();
  assert(
    property(uint8Array({ maxLength: 300 }), (bytes) => {
      expect(parseEntry(bytes)).toBeNull();
    }),
  );
});

test("whatever parses is, byte for byte, its canonical form", () => {
  const piece = constantFrom(
    '"',
    "\\",
    "\\u0061",
    "\\ud800",
    "1",
    "0",
    "-0",
    ".5",
    "e1",
    ",",
    ":",
    "{}",
    '"a":1,',
    "é",
    " ",
  );
  const damage = tuple(integer({ min: 0, max: text.length }), integer({ min: 0, max: 3 }), piece);
  let parsed = 0;
  assert(
    property(damage, string({ unit: "binary" }), ([at, cut, put], name) => {
      const changed = text.slice(0, at) + put + text.slice(at + cut);
      const named = text.replace('"r"', JSON.stringify(name));
      for (const candidate of [Buffer.from(changed), Buffer.from(named)]) {
        const back = parseEntry(candidate);
        if (back === null) continue;
        parsed += 1;
        expect(encodeEntry(back)).toEqual(candidate);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(parsed).toBeGreaterThan(500);
});
