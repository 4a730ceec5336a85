import { expect, test } from "@jest/globals";
import { counted, entriesOf } from "../../../src/cli/counted.ts";

test("one is told in the singular, and every other number in the plural", () => {
  expect([0, 1, 2, "1", "10"].map((count) => counted(count, "file"))).toEqual([
    "0 files",
    "1 file",
    "2 files",
    "1 file",
    "10 files",
  ]);
  expect([entriesOf(1), entriesOf(21)]).toEqual(["1 entry", "21 entries"]);
});
