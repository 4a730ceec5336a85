import { hash, randomUUID } from "node:crypto";
import { expect, test } from "@jest/globals";
import { SeenIds } from "../../../src/ledger/verify-ids.ts";

/** UUIDs of version 7 made in one millisecond: all but the last digits are alike. */
const alike = (number: number): string =>
  `019afd00-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

test.each([
  ["random UUIDs", () => randomUUID()],
  ["UUIDs that are alike", alike],
  ["other ids", (number: number) => `release ${number}`],
])("each of 50,000 %s keeps its own state", (_, idOf) => {
  const ids = Array.from({ length: 50_000 }, (__, number) => idOf(number));
  const seen = new SeenIds();
  for (const [number, id] of ids.entries()) {
    if (seen.get(id) !== 0) throw new Error(`${id} was seen before it was set`);
    seen.set(id, 1 + (number % 2));
  }
  for (const [number, id] of ids.entries()) if (number % 3 === 0) seen.set(id, 3);
  const wrong = ids.filter(
    (id, number) => seen.get(id) !== (number % 3 === 0 ? 3 : 1 + (number % 2)),
  );
  expect(wrong).toEqual([]);
  expect(seen.size).toBe(ids.length);
});

test("an id in another spelling is another id", () => {
  const seen = new SeenIds();
  seen.set("019afd00-0000-7000-8000-00000000000a", 1);
  expect(seen.get("019AFD00-0000-7000-8000-00000000000A")).toBe(0);
  expect(seen.get("")).toBe(0);
});

test("the digest of an id beyond ASCII is an id of its own", () => {
  const seen = new SeenIds();
  seen.set("licence-\u00e9", 7);
  expect(seen.get(hash("sha256", "licence-\u00e9"))).toBe(0);
  expect(seen.get("licence-\u00e9")).toBe(7);
});

test("ids whose hashes are kept in one place, and ids that come again, keep their own states", () => {
  const seen = new SeenIds();
  const endsAlike = Array.from({ length: 2_000 }, (_, number) => `${number}-aaa`);
  for (const [number, id] of endsAlike.entries()) {
    expect(seen.get(id)).toBe(0);
    seen.set(id, 1 + (number % 255));
    expect(seen.get(endsAlike[0] ?? "")).toBe(1);
  }
  expect(endsAlike.filter((id, number) => seen.get(id) !== 1 + (number % 255))).toEqual([]);
  expect(seen.get("a")).toBe(0);
  seen.set("a", 7);
  expect(seen.get("a")).toBe(7);
});

test("an id takes 10.6 bytes at most, free places included", () => {
  const seen = new SeenIds();
  for (let number = 0; number < 150_000; number += 1) seen.set(alike(number), 1);
  expect(seen.size).toBe(150_000);
  expect(seen.sizeBytes / seen.size).toBeGreaterThan(8);
  expect(seen.sizeBytes / seen.size).toBeLessThan(10.6);
  for (let number = 0; number < 150_000; number += 1_000) expect(seen.get(alike(number))).toBe(1);
});
