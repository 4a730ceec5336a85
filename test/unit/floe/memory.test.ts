import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { segmentOffset } from "../../../src/floe/layout.ts";
import { open } from "../../../src/floe/open.ts";
import { seal } from "../../../src/floe/seal.ts";
import {
  aad,
  chunksOf,
  dataKey,
  outcomeOf,
  plaintextOf,
  sealed,
  small,
  smallCapacityBytes,
} from "./builders.ts";

const mebibyte = 1_048_576;

test.each([65_536, mebibyte, 16 * mebibyte])(
  "256 MiB in chunks of %d bytes pass through seal and open with at most a few segments between source and consumer",
  async (chunkBytes) => {
    const chunk = Buffer.alloc(chunkBytes, 3);
    const totalBytes = 256 * mebibyte;
    let pulledBytes = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      while (pulledBytes < totalBytes) {
        pulledBytes += chunkBytes;
        yield chunk;
      }
    }
    const options = { key: dataKey(), aad };
    let givenBytes = 0;
    let greatestLeadBytes = 0;
    let greatestPieceBytes = 0;
    for await (const piece of open(seal(source(), options), options)) {
      greatestLeadBytes = Math.max(greatestLeadBytes, pulledBytes - givenBytes);
      givenBytes += piece.length;
      greatestPieceBytes = Math.max(greatestPieceBytes, piece.length);
    }
    expect(givenBytes).toBe(totalBytes);
    expect(greatestLeadBytes).toBeLessThanOrEqual(3 * mebibyte + chunkBytes);
    expect(greatestPieceBytes).toBeLessThanOrEqual(mebibyte);
  },
);

test("nothing is pulled from the source until the consumer asks", async () => {
  let pulled = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    for (;;) {
      pulled += 1;
      yield Buffer.alloc(mebibyte);
    }
  }
  const pieces = seal(source(), { key: dataKey(), aad });
  expect((await pieces.next()).value).toHaveLength(74);
  expect(pulled).toBe(0);
  await pieces.next();
  await new Promise(setImmediate);
  expect(pulled).toBeLessThanOrEqual(2);
  await pieces.return();
});

test("one huge chunk is sealed segment by segment, as the consumer asks", async () => {
  let ivs = 0;
  const random = (sizeBytes: number) => {
    ivs += 1;
    return randomBytes(sizeBytes);
  };
  const plaintext = plaintextOf(100 * smallCapacityBytes);
  const pieces = seal(chunksOf(plaintext), { key: dataKey(), aad, layout: small, random });
  await pieces.next();
  await pieces.next();
  expect(ivs).toBeLessThanOrEqual(3);
  await pieces.return();
});

test("one huge chunk is opened segment by segment: what precedes a damaged one is given out", async () => {
  const plaintext = plaintextOf(10 * smallCapacityBytes);
  const damaged = await sealed(plaintext);
  const offset = segmentOffset(8, small) + 20;
  damaged.writeUInt8(damaged.readUInt8(offset) ^ 1, offset);
  const pieces = open(chunksOf(damaged), { key: dataKey(), aad, layout: small });
  const { given, refusal } = await outcomeOf(pieces);
  expect(refusal).toBe("object_corrupt");
  expect(given).toEqual(plaintext.subarray(0, 8 * smallCapacityBytes));
});
