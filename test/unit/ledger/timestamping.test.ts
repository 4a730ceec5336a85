import { expect, test } from "@jest/globals";
import { retryPauseMs } from "../../../src/ledger/timestamping.ts";

test("an authority that is away is asked again after seconds, each time after twice as long, and never after more than the interval", () => {
  const everyMs = 600_000;
  const pauses = Array.from({ length: 10 }, (_, at) => retryPauseMs(at + 1, everyMs));
  expect(pauses.slice(0, 4)).toEqual([5_000, 10_000, 20_000, 40_000]);
  expect(pauses.slice(-3)).toEqual([everyMs, everyMs, everyMs]);
  expect(retryPauseMs(5_000, everyMs)).toBe(everyMs);
  // Whoever wants a stamp each second is not made to wait longer for one.
  expect(retryPauseMs(1, 1_000)).toBe(1_000);
});
