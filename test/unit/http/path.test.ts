import { expect, test } from "@jest/globals";
import type { Refusal } from "../../../src/errors.ts";
import { matchTemplate, pathSegments, targetPath } from "../../../src/http/path.ts";

const files = "/v1/repositories/lab/model/revisions/main/files";

function codeOf(path: string): string {
  try {
    pathSegments(path);
    return "none";
  } catch (error) {
    return (error as Refusal).code;
  }
}

test.each([
  ["/livez", "/livez"],
  ["/livez?x=/y", "/livez"],
  ["http://vault.example/livez?x", "/livez"],
  ["HTTPS://vault.example:7373/livez", "/livez"],
  ["http://vault.example", "/"],
  ["http://vault.example?x", "/"],
  ["//livez", "//livez"],
  ["/a/../b", "/a/../b"],
])("the path of the target %s is %s, as it was sent", (target, path) => {
  expect(targetPath(target)).toBe(path);
});

test("each segment is decoded once", () => {
  expect(pathSegments("/a%20b/%25/%2525/%C3%A9/x%2By+z/..%2e")).toEqual([
    "a b",
    "%",
    "%25",
    "é",
    "x+y+z",
    "...",
  ]);
});

test.each([
  ["bytes that are not UTF-8", "%ff"],
  ["a cut-off sequence", "%C3"],
  ["an overlong encoding of a slash", "%C0%AF"],
  ["a surrogate", "%ED%A0%80"],
  ["an unfinished escape", "a%2"],
  ["an escape that is none", "%zz"],
  ["an encoded slash", "a%2Fb"],
  ["an encoded slash in lower case", "..%2f.."],
  ["a NUL", "a%00b"],
  ["a raw backslash", "a\\b"],
  ["a fragment", "a#b"],
  ["a raw control character", "a\tb"],
  ["raw bytes outside ASCII", "a\u00e9"],
])("%s makes a file path invalid, and another address unknown", (_, segment) => {
  expect(codeOf(`${files}/${segment}`)).toBe("invalid_path");
  expect(codeOf(`/v1/repositories/${segment}/model`)).toBe("not_found");
});

test("a template takes one segment for a name, and all that are left for a name with dots", () => {
  expect(matchTemplate("/v1/x/{id}", ["v1", "x", "7"])).toEqual({ id: "7" });
  expect(matchTemplate("/v1/x/{id}", ["v1", "x", ""])).toBeNull();
  expect(matchTemplate("/v1/x/{id}", ["v1", "x", "7", "y"])).toBeNull();
  expect(matchTemplate("/v1/x/{id}", ["v1", "x"])).toBeNull();
  expect(matchTemplate("/v1/x/{path...}", ["v1", "x", "a", "", ".."])).toEqual({ path: "a//.." });
  expect(matchTemplate("/v1/x/{path...}", ["v1", "x"])).toBeNull();
});
