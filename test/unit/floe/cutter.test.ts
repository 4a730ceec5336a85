import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { Cutter, sliceBlock, slices } from "../../../src/floe/cutter.ts";
import { plaintextOf } from "./builders.ts";

test("any chunks are cut into full blocks and a last one, nothing lost and nothing moved", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.uint8Array({ maxLength: 40 })),
      (blockBytes, chunks) => {
        const cutter = new Cutter(blockBytes);
        const blocks: Buffer[] = [];
        for (const chunk of chunks) {
          for (const block of cutter.push(chunk)) blocks.push(Buffer.concat(block));
          chunk.fill(0xee);
        }
        expect(blocks.every((block) => block.length === blockBytes)).toBe(true);
        const last = Buffer.concat(cutter.end());
        const whole = Buffer.concat(chunks).length;
        expect(last.length > 0 || whole === 0).toBe(true);
        expect(blocks.length * blockBytes + last.length).toBe(whole);
      },
    ),
  );
});

test("what was held is overwritten by wipe", () => {
  const cutter = new Cutter(8);
  expect([...cutter.push(Buffer.from("secret"))]).toEqual([]);
  const [held] = cutter.end();
  cutter.wipe();
  expect(held).toEqual(Buffer.alloc(6));
  expect(cutter.end()).toEqual([]);
});

test("a slice over views is the slice of their bytes", () => {
  const bytes = plaintextOf(20);
  fc.assert(
    fc.property(fc.nat(20), fc.nat(20), fc.nat(20), (cut, start, end) => {
      const views = sliceBlock([bytes.subarray(0, cut), bytes.subarray(cut)], start, end);
      expect(Buffer.concat(views)).toEqual(bytes.subarray(start, end));
    }),
  );
});

test("slices are the chunk in order, each at most the size asked for", () => {
  const bytes = plaintextOf(20);
  expect([...slices(bytes, 8)].map((slice) => slice.length)).toEqual([8, 8, 4]);
  expect(Buffer.concat([...slices(bytes, 8)])).toEqual(bytes);
});
