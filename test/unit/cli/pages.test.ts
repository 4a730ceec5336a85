import { expect, test } from "@jest/globals";
import { Pages } from "../../../src/cli/pages.ts";

test("pages that each bring something new are followed to the last, which may bring nothing", () => {
  const pages = new Pages("records");
  expect(pages.next(["a", "b"], "2")).toBe("2");
  expect(pages.next(["b", "c"], "3")).toBe("3");
  expect(pages.next([], null)).toBeNull();
});

test.each<[string, readonly (readonly [readonly string[], string])[]]>([
  [
    "has the cursor of the one before",
    [
      [["a"], "1"],
      [["b"], "1"],
    ],
  ],
  [
    "has the cursor of an older one",
    [
      [["a"], "1"],
      [["b"], "2"],
      [["c"], "1"],
    ],
  ],
  [
    "brings nothing new",
    [
      [["a", "b"], "1"],
      [["b", "a"], "2"],
    ],
  ],
  [
    "is empty",
    [
      [["a"], "1"],
      [[], "2"],
    ],
  ],
])("a page that %s and is not the last ends the listing", (_, given) => {
  const pages = new Pages("records");
  const last = given.at(-1);
  for (const [keys, cursor] of given.slice(0, -1)) pages.next(keys, cursor);
  expect(() => pages.next(last?.[0] ?? [], last?.[1] ?? null)).toThrow(
    "the server's list of records does not go on",
  );
});
