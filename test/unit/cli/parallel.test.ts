import { expect, test } from "@jest/globals";
import { inParallel } from "../../../src/cli/parallel.ts";

const { signal } = new AbortController();

test("no more than so many are under way, and all are done", async () => {
  const [done, running] = [[] as number[], { now: 0, most: 0 }];
  await inParallel([1, 2, 3, 4, 5, 6, 7], { most: 3, signal }, async (item) => {
    running.now += 1;
    running.most = Math.max(running.most, running.now);
    await new Promise((resolve) => setImmediate(resolve));
    running.now -= 1;
    done.push(item);
  });
  expect(running.most).toBe(3);
  expect(new Set(done)).toEqual(new Set([1, 2, 3, 4, 5, 6, 7]));
});

test("the first failure tells those under way, begins no other, and is thrown when none is left", async () => {
  const [begun, ended] = [[] as number[], [] as number[]];
  const working = inParallel([1, 2, 3, 4], { most: 2, signal }, async (item, stopping) => {
    begun.push(item);
    if (item === 2) throw new Error("the second fails");
    await new Promise<void>((resolve) => {
      if (stopping.aborted) resolve();
      stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    ended.push(item);
    throw new Error("told to stop");
  });
  await expect(working).rejects.toThrow("the second fails");
  expect({ begun, ended }).toEqual({ begun: [1, 2], ended: [1] });
});
