import { expect, test } from "@jest/globals";
import { RecentEntries } from "../../../src/ledger/recent-entries.ts";
import { encodeBundle } from "../../../src/merkle/bundle.ts";
import { leafHash } from "../../../src/merkle/tree.ts";

function written(first: number, count: number) {
  const entries = Array.from({ length: count }, (_, offset) =>
    Buffer.from(`entry ${first + offset}`),
  );
  return { first, entries, leaves: entries.map(leafHash) };
}

test("bundles and tiles of leaf hashes are those of the entries that were taken, across batches", () => {
  const recent = new RecentEntries();
  recent.add(written(250, 4));
  recent.add(written(254, 300));
  const { entries, leaves } = written(256, 256);
  expect(recent.tile({ level: "entries", number: 1, width: 256 })).toEqual(encodeBundle(entries));
  expect(recent.tile({ level: 0, number: 1, width: 256 })).toEqual(Buffer.concat(leaves));
  expect(recent.tile({ level: 0, number: 2, width: 42 })).toEqual(
    Buffer.concat(written(512, 42).leaves),
  );
  expect(recent.leaf(253)).toEqual(leafHash(Buffer.from("entry 253")));
});

test("what is not held whole is told to be read elsewhere", () => {
  const recent = new RecentEntries();
  recent.add(written(250, 300));
  const asked = [
    { level: "entries", number: 0, width: 256 },
    { level: 0, number: 0, width: 251 },
    { level: "entries", number: 2, width: 39 },
    { level: 1, number: 0, width: 1 },
  ] as const;
  expect(asked.map((tile) => recent.tile(tile))).toEqual([null, null, null, null]);
  expect([recent.leaf(249), recent.leaf(550), recent.leaf(-1)]).toEqual([null, null, null]);
});

test("entries that do not follow those that are held take their place", () => {
  const recent = new RecentEntries();
  recent.add(written(0, 300));
  recent.add(written(256, 10));
  expect(recent.tile({ level: "entries", number: 0, width: 256 })).toBeNull();
  expect(recent.tile({ level: "entries", number: 1, width: 10 })).not.toBeNull();
});

test("what is published is held no longer than its tile is filling", () => {
  const recent = new RecentEntries();
  recent.add(written(0, 600));
  recent.forget(520);
  expect(recent.leaf(511)).toBeNull();
  expect(recent.tile({ level: "entries", number: 2, width: 88 })).toEqual(
    encodeBundle(written(512, 88).entries),
  );
  recent.forget(520);
  recent.forget(255);
  expect(recent.leaf(512)).not.toBeNull();
});

test("no more bytes are held than there is room for, and what was forgotten gives its room back", () => {
  const recent = new RecentEntries(7 * 512);
  recent.add(written(0, 256));
  recent.add(written(256, 256));
  expect(recent.leaf(0)).toBeNull();
  expect(recent.leaf(256)).not.toBeNull();
  recent.forget(512);
  recent.add(written(512, 256));
  recent.forget(700);
  expect(recent.tile({ level: "entries", number: 2, width: 256 })).not.toBeNull();
});
