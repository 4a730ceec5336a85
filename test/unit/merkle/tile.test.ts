import { expect, test } from "@jest/globals";
import { array, assert, constantFrom, property, string, uint8Array } from "fast-check";
import { encodeBundle, parseBundle } from "../../../src/merkle/bundle.ts";
import {
  parseTilePath,
  partialTilesOf,
  splitHashes,
  type Tile,
  tileHash,
  tilePath,
  tilesBetween,
  tilesOf,
} from "../../../src/merkle/tile.ts";
import { TileEdge } from "../../../src/merkle/tile-edge.ts";
import { Frontier, rootOf } from "../../../src/merkle/tree.ts";
import { syntheticLeaves, tilesFrom } from "./growing-log.ts";

const paths: readonly (readonly [Tile, string])[] = [
  [{ level: 0, number: 0, width: 256 }, "tile/0/000"],
  [{ level: 0, number: 0, width: 1 }, "tile/0/000.p/1"],
  [{ level: 2, number: 999, width: 255 }, "tile/2/999.p/255"],
  [{ level: 1, number: 1000, width: 256 }, "tile/1/x001/000"],
  [{ level: 0, number: 1234067, width: 256 }, "tile/0/x001/x234/067"],
  [{ level: "entries", number: 1234067, width: 7 }, "tile/entries/x001/x234/067.p/7"],
  [
    { level: 63, number: Number.MAX_SAFE_INTEGER, width: 256 },
    "tile/63/x009/x007/x199/x254/x740/991",
  ],
];

test.each(paths)("tile %o stands at %s, both ways", (tile, path) => {
  expect(tilePath(tile)).toBe(path);
  expect(parseTilePath(path)).toEqual(tile);
});

test.each([
  "",
  "tile",
  "tile/0",
  "tile/0/0",
  "tile/0/00",
  "tile/0/0000",
  "tile/0/x000/001",
  "tile/0/x001/x067",
  "tile/0/001/067",
  "tile/00/000",
  "tile/01/000",
  "tile/64/000",
  "tile/-1/000",
  "tile/entry/000",
  "tile/0/000.p",
  "tile/0/000.p/",
  "tile/0/000.p/0",
  "tile/0/000.p/01",
  "tile/0/000.p/256",
  "tile/0/000.p/1/",
  "tile/0/000/",
  "/tile/0/000",
  "tile/0/000\n",
  "tile/0/x009/x007/x199/x254/x740/992",
  "tile/0/../0/000",
  "tile/0/٠٠٠",
])("%j is not the path of a tile", (path) => {
  expect(parseTilePath(path)).toBeNull();
});

test("a path that parses is always the tile's own, and no text makes the parser throw", () => {
  const piece = constantFrom(
    "tile",
    "/",
    "x",
    "0",
    "1",
    "001",
    "234",
    "entries",
    ".p/",
    "255",
    "..",
  );
  const text = array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  for (const arbitrary of [text, string()]) {
    assert(
      property(arbitrary, (path) => {
        const tile = parseTilePath(path);
        return tile === null || tilePath(tile) === path;
      }),
    );
  }
});

const existing: readonly (readonly [number, readonly string[]])[] = [
  [0, []],
  [1, ["tile/entries/000.p/1", "tile/0/000.p/1"]],
  [255, ["tile/entries/000.p/255", "tile/0/000.p/255"]],
  [256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]],
  [
    257,
    ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"],
  ],
];

test.each(existing)("a log of %d leaves consists of %j", (size, expected) => {
  expect([...tilesOf(size)].map(tilePath)).toEqual(expected);
});

test.each([
  [65_536, ["tile/0/255", "tile/1/000", "tile/2/000.p/1"], 256 + 256 + 1 + 1],
  [65_537, ["tile/0/256.p/1", "tile/1/000", "tile/2/000.p/1"], 257 + 257 + 1 + 1],
  [70_000, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"], 274 + 274 + 2 + 1],
])("a log of %d leaves has %j among its tiles", (size, some, count) => {
  const all = [...tilesOf(size)].map(tilePath);
  expect(all).toEqual(expect.arrayContaining([...some]));
  expect(all).toHaveLength(count);
});

test("growing step by step writes every tile of each size on the way, and none twice", () => {
  const steps = [0, 1, 1, 200, 255, 256, 257, 600, 1024, 65_535, 65_536, 66_000];
  const written = new Set<string>();
  for (const [step, after] of steps.entries()) {
    const before = steps[step - 1] ?? 0;
    const grown = [...tilesBetween(before, after)].map(tilePath);
    const present = new Set([...tilesOf(after)].map(tilePath));
    expect(grown.filter((path) => !present.has(path))).toEqual([]);
    expect(grown.filter((path) => written.has(path))).toEqual([]);
    for (const path of grown) written.add(path);
    expect([...present].filter((path) => !written.has(path))).toEqual([]);
  }
});

test.each([1, 255, 256, 257, 65_536, 65_537])(
  "the tiles of %d synthetic leaves have the right widths, hashes and root",
  (size) => {
    const leaves = syntheticLeaves(size);
    const tiles = tilesFrom(leaves);
    const expected = [...tilesOf(size)].filter(({ level }) => level !== "entries");
    expect([...tiles.keys()].toSorted()).toEqual(expected.map(tilePath).toSorted());
    for (const tile of expected) {
      const bytes = tiles.get(tilePath(tile));
      expect(bytes).toHaveLength(tile.width * 32);
      const span = 256 ** Number(tile.level);
      const first = tile.number * 256 * span;
      expect(splitHashes(bytes ?? Buffer.alloc(0))[0]).toEqual(
        rootOf(leaves.slice(first, first + span)),
      );
    }
    const edge = new TileEdge();
    const frontier = new Frontier();
    for (const leaf of leaves) {
      edge.append(leaf);
      frontier.append(leaf);
    }
    expect(edge.root()).toEqual(frontier.root());
    expect(edge.partials().map(({ tile }) => tile)).toEqual(partialTilesOf(size));
  },
);

test("an edge restored at any size up to 600 grows on as if it had never stopped", () => {
  const leaves = syntheticLeaves(700);
  const whole = new TileEdge();
  for (const leaf of leaves) whole.append(leaf);
  const edge = new TileEdge();
  for (const [size, leaf] of leaves.slice(0, 600).entries()) {
    const partials = new Map(edge.partials().map(({ tile, bytes }) => [tilePath(tile), bytes]));
    const restored = TileEdge.restore(size, partials);
    expect(restored.root()).toEqual(edge.root());
    if (size % 51 === 0) {
      for (const next of leaves.slice(size)) restored.append(next);
      expect(restored.root()).toEqual(whole.root());
      expect(restored.partials()).toEqual(whole.partials());
    }
    edge.append(leaf);
  }
});

test("every tile that an edge fills comes with the hash of its subtree, on every level", () => {
  const edge = new TileEdge();
  const filled = syntheticLeaves(65_536).flatMap((leaf) => [...edge.append(leaf)]);
  expect(filled).toHaveLength(257);
  for (const { bytes, root } of filled) expect(root).toEqual(tileHash(bytes));
  expect(edge.root()).toEqual(filled.at(-1)?.root);
});

test("an edge is not restored without a partial tile, or from one of another width", () => {
  expect(() => TileEdge.restore(3, new Map())).toThrow(RangeError);
  const wrong = new Map([["tile/0/000.p/3", Buffer.alloc(64)]]);
  expect(() => TileEdge.restore(3, wrong)).toThrow(RangeError);
});

test("only a full tile has a hash, and it is the root of its hashes", () => {
  const leaves = syntheticLeaves(256);
  expect(tileHash(Buffer.concat(leaves))).toEqual(rootOf(leaves));
  expect(() => tileHash(Buffer.concat(leaves.slice(1)))).toThrow(RangeError);
  expect(() => splitHashes(Buffer.alloc(33))).toThrow(RangeError);
});

test("a bundle gives back its entries, and its bytes are the only ones that do", () => {
  const entries = array(uint8Array({ maxLength: 40 }), { maxLength: 20 });
  assert(
    property(entries, (list) => {
      const bytes = encodeBundle(list);
      expect(parseBundle(bytes)).toEqual(list.map((entry) => Buffer.from(entry)));
    }),
  );
  assert(
    property(uint8Array({ maxLength: 60 }), (bytes) => {
      const parsed = parseBundle(bytes);
      return parsed === null || encodeBundle(parsed).equals(bytes);
    }),
  );
});

test("a bundle that ends inside an entry, or holds more than 256, is refused", () => {
  const whole = encodeBundle([Buffer.from("one"), Buffer.alloc(0), Buffer.from("three")]);
  const wholeEntries = new Set([0, 5, 7, whole.length]);
  for (let length = 0; length <= whole.length; length += 1) {
    const parsed = parseBundle(whole.subarray(0, length));
    expect(parsed === null).toBe(!wholeEntries.has(length));
  }
  expect(parseBundle(Buffer.alloc(2 * 257))).toBeNull();
  expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(RangeError);
  expect(() => encodeBundle(Array.from({ length: 257 }, () => Buffer.alloc(0)))).toThrow(
    RangeError,
  );
});
