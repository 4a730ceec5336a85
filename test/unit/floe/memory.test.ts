import { expect, test } from "@jest/globals";
import { open } from "../../../src/floe/open.ts";
import { seal } from "../../../src/floe/seal.ts";
import { aad, dataKey } from "./builders.ts";

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
