import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { giveBack } from "../../../src/floe/memory.ts";
import { lend } from "../../../src/vault/memory.ts";

const mebibyte = 1024 * 1024;

test("bytes that were given back take no memory, without waiting for the collector", () => {
  const before = process.memoryUsage().arrayBuffers;
  const bytes = Buffer.allocUnsafeSlow(64 * mebibyte);
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60 * mebibyte);
  giveBack(bytes);
  expect(bytes).toHaveLength(0);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * mebibyte);
});

test.each([
  ["begins", 0, 50],
  ["lies in the middle of", 10, 50],
  ["ends", 50, 100],
])("a view that %s a greater memory is left alone, and so is the rest of it", (_, start, end) => {
  const whole = randomBytes(100);
  const copy = Buffer.from(whole);
  giveBack(whole.subarray(start, end));
  expect(whole).toEqual(copy);
});

test("what is given back twice, or has no bytes, is no mistake", () => {
  const bytes = Buffer.alloc(10);
  giveBack(bytes);
  giveBack(bytes);
  giveBack(Buffer.alloc(0));
  expect(bytes).toHaveLength(0);
});

test("a lent chunk is whole while its turn lasts, and gone when the next is asked for", async () => {
  const chunks = [randomBytes(100_000), randomBytes(1), Buffer.alloc(0), randomBytes(70_000)];
  const copies = chunks.map((chunk) => Buffer.from(chunk));
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  let turn = 0;
  for await (const chunk of lend(source())) {
    expect(Buffer.from(chunk)).toEqual(copies[turn]);
    for (const past of chunks.slice(0, turn)) expect(past).toHaveLength(0);
    turn += 1;
  }
  expect(turn).toBe(chunks.length);
  expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0, 0, 0]);
});

test("who stops in the middle of what was lent ends the source", async () => {
  let isEnded = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield Buffer.alloc(10);
      yield Buffer.alloc(10);
    } finally {
      isEnded = true;
    }
  }
  for await (const chunk of lend(source())) {
    expect(chunk).toHaveLength(10);
    break;
  }
  expect(isEnded).toBe(true);
});
