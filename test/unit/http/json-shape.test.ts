import { expect, test } from "@jest/globals";
import { assertJsonShape, elementLimit } from "../../../src/http/json-shape.ts";

const check = (text: string) => () => assertJsonShape(Buffer.from(text, "utf8"));
const list = (length: number, element = "1") => `[${Array(length).fill(element).join(",")}]`;
const members = (length: number) =>
  `{${Array.from({ length }, (_, index) => `"${index}":1`).join(",")}}`;
const refusal = (message: string) =>
  expect.objectContaining({
    code: "invalid_request",
    members: { errors: [{ path: "", message }] },
  });

test.each<[string, string, string]>([
  ["an array", list(10_001), "may have 10000 elements in an array at the most"],
  [
    "an inner array",
    `{"a":[{"b":${list(10_001)}}]}`,
    "may have 10000 elements in an array at the most",
  ],
  ["an object", members(1_001), "may have 1000 members at the most"],
  ["an inner object", `[${members(1_001)}]`, "may have 1000 members at the most"],
  ["all together", list(7, list(9_000)), "may have 60000 values at the most"],
  ["many empty arrays", list(10_000, "[[],[],[],[]]"), "may have 60000 values at the most"],
  ["nesting", `${"[".repeat(17)}${"]".repeat(17)}`, "may have 16 levels at the most"],
  ["unclosed nesting", "[".repeat(1_000_000), "may have 16 levels at the most"],
  [
    "elements that are missing",
    `[${",".repeat(10_000)}`,
    "may have 10000 elements in an array at the most",
  ],
])("%s beyond its limit is refused before it is parsed", (_, text, message) => {
  expect(check(text)).toThrow(refusal(message));
});

test.each<[string, string]>([
  ["an array", list(elementLimit)],
  ["an object", members(1_000)],
  ["nesting", `${"[".repeat(16)}${"]".repeat(16)}`],
  ["a commit of ten thousand files", list(elementLimit, '{"path":"a","size":1,"sha256":"b"}')],
  ["commas and brackets in a string", `["${",[{".repeat(20_000)}"]`],
  ["an escaped quote before them", `["\\"${",[{".repeat(20_000)}"]`],
  ["an escaped backslash before the end of a string", `["\\\\",${"1,".repeat(100)}1]`],
  ["one array after another", `[${list(9_000)},${list(9_000)}]`],
  ["what is no JSON", '}]]{"a'],
])("%s within its limit is let through", (_, text) => {
  expect(check(text)).not.toThrow();
});

const twice = "names a member twice";

test.each<[string, string]>([
  ["side by side", '{"a":1,"a":2}'],
  ["in an inner object", '[{"b":{"a":1,"c":[],"a":2}}]'],
  ["once with an escape", '{"a":1,"\\u0061":2}'],
  ["around a structure", '{"a":{"b":[{}]},"c":"a","a":null}'],
  ["as a reader may set them", '{"roles":["reader"],"roles":["operator"]}'],
])("an object that names a member twice, %s, is refused", (_, text) => {
  expect(check(text)).toThrow(refusal(twice));
});

test.each<[string, string]>([
  ["in two objects", '[{"a":1},{"a":2}]'],
  ["in an object and in one within it", '{"a":{"a":{"a":1}},"b":2}'],
  ["as a name and as a value", '{"a":"a","b":"a","c":["a","a"]}'],
  ["in another case", '{"a":1,"A":2}'],
])("the same name %s is let through", (_, text) => {
  expect(check(text)).not.toThrow();
});

test("a string ends where JSON says that it ends", () => {
  const tooMany = refusal("may have 10000 elements in an array at the most");
  expect(check(`["\\\\",${"1,".repeat(10_000)}1]`)).toThrow(tooMany);
  expect(check(`["\\\\\\"",${"1,".repeat(10_000)}1]`)).toThrow(tooMany);
});
