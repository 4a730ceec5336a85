import { expect, test } from "@jest/globals";
import { batchLimit } from "../../../src/ledger/batch-limit.ts";
import { gathering } from "../../../src/ledger/gathering.ts";

test("what comes slowly hardly waits, what comes fast is gathered for 25 ms at most, and nothing waits behind a full batch", () => {
  expect([0, 1, 10, 50, batchLimit - 1, batchLimit].map(gathering)).toEqual([0, 0.5, 5, 25, 25, 0]);
});
