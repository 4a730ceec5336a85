import { expect, test } from "@jest/globals";
import { threadsFor } from "../../../src/floe/threads.ts";

test.each([
  [1_000, 8, 0],
  [2 ** 30, 1, 0],
  [2 ** 30, 2, 1],
  [2 ** 30, 3, 2],
  [2 ** 40, 64, 2],
])("%d bytes on %d processors are worth %d threads", (sizeBytes, processors, threads) => {
  expect(threadsFor(sizeBytes, processors)).toBe(threads);
});
