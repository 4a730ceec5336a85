import { expect, test } from "@jest/globals";
import { restorableUntil } from "../../../src/vault/backups.ts";
import { chained, pauseMs } from "../../../src/vault/rewrap.ts";
import { olderThan } from "../../../src/vault/wrapped-keys.ts";

test.each([
  [100, 0, 100, 1_000],
  [100, 400, 100, 600],
  [100, 1_000, 100, 0],
  [100, 5_000, 100, 0],
  [1, 0, 1, 1_000],
  [50, 0, 1_000, 50],
])(
  "after %i keys in %i ms at %i a second it rests %i ms, so that no second has more",
  (keys, spentMs, perSecond, restMs) => {
    expect(pauseMs(keys, spentMs, perSecond)).toBe(restMs);
  },
);

test("what was replaced, in its order, makes the digest; any change of it makes another", () => {
  const row = (name: string, fill: number) => ({
    noun: "object" as const,
    record: name,
    old_sha256: Buffer.alloc(32, fill),
    new_sha256: Buffer.alloc(32, fill + 1),
  });
  const none = Buffer.alloc(32);
  const [one, two] = [row("a", 1), row("b", 3)];
  const digest = chained(chained(none, one), two);
  expect(digest).toHaveLength(32);
  const others = [
    chained(chained(none, two), one),
    chained(none, two),
    chained(chained(none, { ...one, record: "c" }), two),
    chained(chained(none, { ...one, noun: "person" }), two),
    chained(chained(none, { ...one, old_sha256: two.old_sha256 }), two),
    chained(chained(none, { ...one, new_sha256: two.new_sha256 }), two),
  ];
  for (const other of others) expect(other.equals(digest)).toBe(false);
});

test("a backup restores until the day on which its retention ends; nobody says of an unstated one", () => {
  const at = new Date("2026-11-23T23:59:59.000Z");
  expect(restorableUntil(at, 0)).toBe("2026-11-23");
  expect(restorableUntil(at, 35)).toBe("2026-12-28");
  expect(restorableUntil(at, null)).toBeNull();
});

test("what is wrapped under other keys is counted for each noun", () => {
  const uses = [
    { kek: "new", object: 9, person: 9, term: 1 },
    { kek: "old", object: 1, person: 2, term: 0 },
    { kek: "older", object: 3, person: 0, term: 0 },
  ];
  expect(olderThan("new", uses)).toEqual({ object: 4, person: 2, term: 0 });
});
