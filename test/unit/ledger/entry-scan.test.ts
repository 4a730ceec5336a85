import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeEntry, parseEntry } from "../../../src/ledger/entry.ts";
import { isPlainEntry, plainValueEnd, previousFromEnd } from "../../../src/ledger/entry-scan.ts";
import { EntryTimes } from "../../../src/ledger/entry-time.ts";
import { encodeAll } from "../../vectors/ledger/build.ts";
import { story } from "../../vectors/ledger/story.ts";

const entries = encodeAll(story());
const sample = entries[60] ?? Buffer.alloc(0);

const times = new EntryTimes();

/** As a verifier asks, who knows the time and the link already; it must come to the same as without. */
function passes(entry: Buffer): boolean {
  const from = entry.length - previousFromEnd;
  const isLinked = /^[0-9a-f]{64}$/.test(entry.toString("latin1", from, from + 64));
  const isTimed = !Number.isNaN(times.read(entry));
  const isPlain = isTimed && isPlainEntry(entry, { skip: null, isLinked, isTimed });
  if (isPlainEntry(entry) !== isPlain)
    throw new Error(`known and not known differ: ${entry.toString()}`);
  return isPlain;
}

test("every entry of a vault is found canonical without being built", () => {
  expect(entries.filter((entry) => !passes(entry))).toEqual([]);
});

test("whatever one byte is changed to, nothing passes that the parser would refuse", () => {
  const passed: string[] = [];
  for (let at = 0; at < sample.length; at += 1)
    for (const byte of Buffer.from('"\\{}[]:,0919azA-. \u0000\u007f\u00e9!')) {
      const changed = Buffer.from(sample);
      changed[at] = byte;
      if (passes(changed) && parseEntry(changed) === null) passed.push(changed.toString());
    }
  expect(passed).toEqual([]);
});

test("whatever is cut out or doubled, nothing passes that the parser would refuse", () => {
  fc.assert(
    fc.property(fc.nat(sample.length), fc.nat(40), fc.boolean(), (at, length, isDoubled) => {
      const [before, piece] = [sample.subarray(0, at), sample.subarray(at, at + length)];
      const after = sample.subarray(isDoubled ? at : at + length);
      const changed = Buffer.concat(isDoubled ? [before, piece, after] : [before, after]);
      return !passes(changed) || parseEntry(changed) !== null;
    }),
    { numRuns: 3_000 },
  );
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger(),
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value")),
  ),
})).value;

test("what passes is read as it was written", () => {
  const entry = { index: 1, previous: "0".repeat(64), time: "2026-01-01T00:00:00.000Z" };
  fc.assert(
    fc.property(fc.dictionary(fc.string(), json), (body) => {
      const bytes = encodeEntry({ ...entry, kind: "thing.done", body: body as never });
      return !passes(bytes) || parseEntry(bytes) !== null;
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["names out of order", '{"b":1,"a":2}'],
  ["a name twice", '{"a":1,"a":2}'],
  ["a space", '{"a": 1}'],
  ["a leading zero", '{"a":01}'],
  ["a negative zero", '{"a":-0}'],
  ["a fraction", '{"a":1.5}'],
  ["an integer that is not exact", '{"a":9007199254740993}'],
  ["a comma at the end", '{"a":1,}'],
  ["an escape", '{"a":"\\u0041"}'],
  ["a list without an end", "[1,2"],
])("%s is not certain", (_, text) => {
  const end = plainValueEnd(Buffer.from(text), 0);
  expect(end === -1 || end < text.length).toBe(true);
});

test("a plain entry is of a day of the calendar, and on every one of them it is found plain", () => {
  const entry = { index: 1, previous: "0".repeat(64), kind: "thing.done", body: {} };
  const bytes = encodeEntry({ ...entry, time: "2026-01-01T00:00:00.000Z" }).toString();
  const wrong: string[] = [];
  for (const year of ["0000", "1900", "2000", "2026", "2028", "2100"])
    for (let month = 0; month <= 13; month += 1)
      for (let day = 0; day <= 32; day += 1) {
        const date = [year, ...[month, day].map((part) => String(part).padStart(2, "0"))].join("-");
        const changed = Buffer.from(bytes.replace("2026-01-01", date));
        if (passes(changed) !== (parseEntry(changed) !== null)) wrong.push(date);
      }
  expect(wrong).toEqual([]);
});

test("the time of a plain entry is what the calendar says, in every year that can be written", () => {
  const from = Date.parse("0000-01-01T00:00:00.000Z");
  const to = Date.parse("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (atMs) => {
      const time = new Date(atMs).toISOString();
      const entry = { index: 1, previous: "0".repeat(64), time, kind: "thing.done", body: {} };
      const bytes = encodeEntry(entry);
      // The second time the minute is the one that was read last.
      return times.read(bytes) === atMs && times.read(bytes) === atMs;
    }),
    { numRuns: 2_000 },
  );
});
