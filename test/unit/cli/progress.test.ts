import { PassThrough } from "node:stream";
import { expect, test } from "@jest/globals";
import { Progress, progressLine, sizeText, timeText } from "../../../src/cli/progress.ts";

function terminal(isTTY: boolean, columns = 200) {
  const stream = new PassThrough({ encoding: "utf8" });
  return Object.assign(stream, { isTTY, columns });
}

const drawn = (stream: PassThrough) => String(stream.read() ?? "");

test("a stderr that is no terminal gets nothing", () => {
  const stderr = terminal(false);
  {
    using progress = new Progress({ stderr, totalBytes: 10 });
    progress.label("a.bin");
    progress.add(10);
  }
  expect(drawn(stderr)).toBe("");
});

test("the line is drawn at most ten times a second, and cleared at the end", () => {
  const stderr = terminal(true);
  let now = 0;
  {
    using progress = new Progress({ stderr, totalBytes: 1_000, now: () => now });
    for (; now < 1_000; now += 10) progress.add(10);
  }
  const text = drawn(stderr);
  expect(text.split("\r").length - 1).toBe(11);
  expect(text.endsWith("\r\u001b[K")).toBe(true);
});

test("the line is never wider than the terminal", () => {
  const stderr = terminal(true, 40);
  using progress = new Progress({ stderr, totalBytes: 1 });
  progress.label("x".repeat(100));
  expect(drawn(stderr).replace("\u001b[K", "").length).toBeLessThanOrEqual(40);
});

test("the line says how far it is", () => {
  const state = { label: "a.bin", doneBytes: 1e6, totalBytes: 4e6, seconds: 0.5 };
  expect(progressLine(state)).toBe(
    `[${"#".repeat(6)}${" ".repeat(18)}]  25%  1.0 MB of 4.0 MB  2.0 MB/s  2 s left  a.bin`,
  );
});

test("what was there before is done, and no part of the rate", () => {
  const state = { label: "a.bin", doneBytes: 3e6, skippedBytes: 2e6, totalBytes: 4e6, seconds: 1 };
  expect(progressLine(state)).toContain("75%  3.0 MB of 4.0 MB  1.0 MB/s  1 s left");
  expect(progressLine({ ...state, doneBytes: 2e6 })).toContain("0 B/s  a.bin");
  expect(progressLine({ ...state, doneBytes: 4e6 })).toContain("2.0 MB/s  a.bin");
});

test.each([
  [0.2, "1 s"],
  [59, "59 s"],
  [320, "5 min 20 s"],
  [10_800, "3 h 0 min"],
  [190_800, "2 d 5 h"],
])("%d seconds are %s", (seconds, text) => {
  expect(timeText(seconds)).toBe(text);
});

test("a label cannot steer the terminal", () => {
  const line = progressLine({ label: "\u001b[2Ja\nb", doneBytes: 0, totalBytes: 0, seconds: 0 });
  expect(line).not.toMatch(/\p{Cc}/u);
  expect(line).toContain("100%");
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [9_990, "10 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [42e9, "42 GB"],
  [5e18, "5000 PB"],
])("%d bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
