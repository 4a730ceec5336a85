import { expect, test } from "@jest/globals";
import { selectRange } from "../../../src/http/range.ts";

const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };
const part = (start: number, end: number) => ({ kind: "part", start, end });

test.each([
  // RFC 9110, section 14.1.2
  ["bytes=0-0", 10, part(0, 1)],
  ["bytes=0-9", 10, part(0, 10)],
  ["bytes=0-", 10, part(0, 10)],
  ["bytes=9-", 10, part(9, 10)],
  ["bytes=5-1000000", 10, part(5, 10)],
  ["bytes=-1", 10, part(9, 10)],
  ["bytes=-10", 10, part(0, 10)],
  ["bytes=-11", 10, part(0, 10)],
  ["BYTES=1-2", 10, part(1, 3)],
  ["bytes= 1-2 ", 10, part(1, 3)],
  [`bytes=0-${"9".repeat(400)}`, 10, part(0, 10)],
  [`bytes=-${"9".repeat(400)}`, 10, part(0, 10)],
] as const)("%s of %i bytes is a part", (header, sizeBytes, wanted) => {
  expect(selectRange(header, sizeBytes)).toEqual(wanted);
});

test.each([
  ["bytes=10-", 10],
  ["bytes=10-20", 10],
  [`bytes=${"9".repeat(400)}-`, 10],
  ["bytes=-0", 10],
  ["bytes=0-", 0],
  ["bytes=0-0", 0],
] as const)("%s of %i bytes cannot be satisfied", (header, sizeBytes) => {
  expect(selectRange(header, sizeBytes)).toEqual(unsatisfiable);
});

test.each([
  undefined,
  "",
  "bytes",
  "bytes=",
  "bytes=-",
  "bytes=2-1",
  "bytes=a-b",
  "bytes=0x0-0x5",
  "bytes=1.0-2",
  "bytes=1e1-20",
  "bytes=--5",
  "bytes=+1-2",
  "items=0-1",
  "bytes 0-1",
  "bytes=0-1,3-4",
  "bytes=0-1\n",
])("%j asks for the whole", (header) => {
  expect(selectRange(header, 10)).toEqual(whole);
});

test("the last bytes of an empty file are the whole of it", () => {
  expect(selectRange("bytes=-5", 0)).toEqual(whole);
});
