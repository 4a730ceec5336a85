import { randomBytes } from "node:crypto";
import { afterAll, expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";
import { extentOf, headerBytes, segmentOffset } from "../../../src/floe/layout.ts";
import { SegmentPool } from "../../../src/floe/pool.ts";
import { seal } from "../../../src/floe/seal.ts";
import { openerOf } from "../../../src/floe/segment-opener.ts";

const layout = { segmentBytes: 64 };
const aad = Buffer.from("an object");
const pool = new SegmentPool({ threads: 1 });
afterAll(async () => await pool[Symbol.asyncDispose]());
const keyBytes = randomBytes(32);
const key = () => new Secret(Buffer.from(keyBytes));

async function sealed(plaintext: Buffer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const source = (async function* () {
    yield plaintext;
  })();
  for await (const piece of seal(source, { key: key(), aad, layout })) pieces.push(piece);
  return Buffer.concat(pieces);
}

const segmentOf = (object: Buffer, position: number) => [
  object.subarray(segmentOffset(position, layout), segmentOffset(position + 1, layout)),
];

/** What is refused is given to nobody. */
async function takeNone(): Promise<void> {
  throw new Error("plaintext of a segment that does not belong there");
}

const sizes = [0, 1, 31, 32, 33, 64, 100];

test.each([
  ...sizes.map((sizeBytes) => [sizeBytes, "here", {}] as const),
  ...sizes.map((sizeBytes) => [sizeBytes, "in a thread", { pool }] as const),
])(
  "segments of %i bytes open in any order, each in its own place alone (%s)",
  async (sizeBytes, _where, threads) => {
    const plaintext = randomBytes(sizeBytes);
    const object = await sealed(plaintext);
    const { segments } = extentOf(object.length, layout) ?? { segments: 0 };
    const options = { key: key(), aad, layout, objectBytes: object.length, ...threads };
    using opener = openerOf(object.subarray(0, headerBytes), options);
    const opened: Buffer[] = [];
    for (let position = segments - 1; position >= 0; position -= 1) {
      await opener.open(position, segmentOf(object, position), async (pieces) => {
        opened.unshift(Buffer.concat(pieces));
      });
    }
    expect(Buffer.concat(opened)).toEqual(plaintext);
    for (let position = 1; position < segments; position += 1)
      await expect(
        opener.open(position - 1, segmentOf(object, position), takeNone),
      ).rejects.toMatchObject({
        code: "object_corrupt",
      });
  },
);

test("a segment that is too short or too long for its place is refused", async () => {
  const object = await sealed(randomBytes(80));
  const options = { key: key(), aad, layout, objectBytes: object.length };
  using opener = openerOf(object.subarray(0, headerBytes), options);
  const [first = Buffer.alloc(0)] = segmentOf(object, 0);
  for (const segment of [[first.subarray(1)], [first, Buffer.alloc(1)], []])
    await expect(opener.open(0, segment, takeNone)).rejects.toMatchObject({
      code: "object_corrupt",
    });
  await expect(opener.open(9, [first], takeNone)).rejects.toMatchObject({ code: "object_corrupt" });
});

test("a header of another object, and a size that no object has, open nothing", async () => {
  const object = await sealed(randomBytes(80));
  const header = object.subarray(0, headerBytes);
  const options = { key: key(), aad, layout, objectBytes: object.length };
  const other = { ...options, aad: Buffer.from("another") };
  expect(() => openerOf(header, other)).toThrow("fails its tag");
  expect(() => openerOf(header, { ...options, objectBytes: 5 })).toThrow("No sealed object");
});

test("plaintext opened in a thread stands until its taker is done, and a failure of the taker is the opener's", async () => {
  const plaintext = randomBytes(64);
  const object = await sealed(plaintext);
  const options = { key: key(), aad, layout, objectBytes: object.length, pool };
  using opener = openerOf(object.subarray(0, headerBytes), options);
  const both = Promise.withResolvers<void>();
  let taking = 0;
  const opened = await Promise.all(
    [0, 1].map(async (position) => {
      let taken = Buffer.alloc(0);
      await opener.open(position, segmentOf(object, position), async (pieces) => {
        taking += 1;
        if (taking === 2) both.resolve();
        await both.promise;
        taken = Buffer.concat(pieces);
      });
      return taken;
    }),
  );
  expect(Buffer.concat(opened)).toEqual(plaintext);
  const full = new Error("no room");
  const refused = opener.open(0, segmentOf(object, 0), async () => await Promise.reject(full));
  await expect(refused).rejects.toBe(full);
});
