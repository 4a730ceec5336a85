import { expect, test } from "@jest/globals";
import { evaluate } from "../../../src/http/precondition.ts";

const etag = '"abc"';
const kindOf = (headers: Record<string, string>) => evaluate(headers, etag, 10).kind;

test.each([
  [{}, "whole"],
  [{ "if-none-match": etag }, "not-modified"],
  [{ "if-none-match": 'W/"abc"' }, "not-modified"],
  [{ "if-none-match": '"x", "abc"' }, "not-modified"],
  [{ "if-none-match": "*" }, "not-modified"],
  [{ "if-none-match": '"x"' }, "whole"],
  [{ "if-none-match": "abc" }, "whole"],
  [{ "if-match": etag }, "whole"],
  [{ "if-match": "*" }, "whole"],
  [{ "if-match": '"x", "abc"' }, "whole"],
  [{ "if-match": '"x"' }, "precondition-failed"],
  // If-Match compares strongly, so that a weak tag never matches (RFC 9110, section 13.1.1).
  [{ "if-match": 'W/"abc"' }, "precondition-failed"],
  [{ "if-match": "" }, "precondition-failed"],
  [{ "if-match": '"x"', "if-none-match": etag }, "precondition-failed"],
  [{ range: "bytes=0-1", "if-none-match": etag }, "not-modified"],
  [{ range: "bytes=0-1", "if-range": etag }, "part"],
  [{ range: "bytes=0-1", "if-range": '"x"' }, "whole"],
  [{ range: "bytes=0-1", "if-range": 'W/"abc"' }, "whole"],
  [{ range: "bytes=0-1", "if-range": "Mon, 23 Nov 2026 09:00:00 GMT" }, "whole"],
  [{ range: "bytes=10-", "if-range": '"x"' }, "whole"],
  [{ range: "bytes=10-" }, "unsatisfiable"],
] as const)("%j gives %s", (headers, kind) => {
  expect(kindOf({ ...headers })).toBe(kind);
});
