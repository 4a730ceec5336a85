import { expect, test } from "@jest/globals";
import { Permits } from "../../../src/custody/permits.ts";

test("no more permits are out than there are, and who waits gets them in order", async () => {
  const permits = new Permits(2);
  const order: number[] = [];
  await permits.take(60_000);
  await permits.take(60_000);
  const waiting = [1, 2].map(async (who) => {
    await permits.take(60_000);
    order.push(who);
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  permits.give();
  await waiting[0];
  expect(order).toEqual([1]);
  permits.give();
  await waiting[1];
  expect(order).toEqual([1, 2]);
});

test("who gave up waiting takes no permit from whoever comes later", async () => {
  const permits = new Permits(1);
  await permits.take(60_000);
  await expect(permits.take(1)).rejects.toThrow("no permit came free in time");
  permits.give();
  await permits.take(60_000);
  permits.give();
});
