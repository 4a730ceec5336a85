import { describe, expect, test } from "@jest/globals";
import { Opener, open } from "../../../src/floe/open.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import {
  aad,
  chunksOf,
  dataKey,
  gather,
  outcomeOf,
  plaintextOf,
  sealed,
  small,
  smallCapacityBytes,
} from "./builders.ts";

const options = { key: dataKey(), aad, layout: small };
const plaintext = plaintextOf(2 * smallCapacityBytes + 6);
const object = await sealed(plaintext);
const header = object.subarray(0, 74);
const segments = [object.subarray(74, 138), object.subarray(138, 202), object.subarray(202)];
const chunkings = [1, 7, 1_000];

/** Opens bytes in several chunkings, with and without a recorded size, and holds every outcome to a refusal after true segments. */
async function expectRefused(
  bytes: Uint8Array,
  wholeSegments: number,
  recorded: readonly (number | undefined)[] = [undefined, object.length],
): Promise<void> {
  for (const objectBytes of recorded) {
    for (const chunkBytes of chunkings) {
      const sized = objectBytes === undefined ? {} : { objectBytes };
      const pieces = open(chunksOf(bytes, chunkBytes), { ...options, ...sized });
      const { given, refusal } = await outcomeOf(pieces);
      expect(refusal).toBe("object_corrupt");
      expect(given.equals(plaintext.subarray(0, given.length))).toBe(true);
      expect(given.length).toBeLessThanOrEqual(wholeSegments * smallCapacityBytes);
    }
  }
}

function flip(bytes: Uint8Array, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return changed;
}

describe("a changed object is refused, and only verified segments came before", () => {
  test("every bit of the header", async () => {
    for (let bit = 0; bit < 74 * 8; bit += 1) await expectRefused(flip(object, bit), 0);
  });

  test("every bit of every segment: length, IV, ciphertext and tag", async () => {
    for (let bit = 74 * 8; bit < object.length * 8; bit += 1) {
      await expectRefused(flip(object, bit), Math.floor(((bit >> 3) - 74) / 64));
    }
  });

  test("every truncation, whatever size was recorded", async () => {
    for (let sizeBytes = 0; sizeBytes < object.length; sizeBytes += 1) {
      const wholeSegments = Math.max(0, Math.floor((sizeBytes - 74) / 64));
      const truncated = object.subarray(0, sizeBytes);
      await expectRefused(truncated, wholeSegments, [undefined, object.length, sizeBytes]);
    }
  });

  test.each([1, 26, 31, 32, 58, 64, 100])("%d trailing bytes", async (trailingBytes) => {
    const longer = Buffer.concat([object, Buffer.alloc(trailingBytes)]);
    await expectRefused(longer, 2, [undefined, object.length, longer.length]);
  });

  const [first = header, second = header, final = header] = segments;
  test.each<[string, Buffer[], number]>([
    ["the first two swapped", [second, first, final], 0],
    ["the final one moved forward", [first, final, second], 1],
    ["the first repeated", [first, first, second, final], 1],
    ["the final one repeated", [first, second, final, final], 2],
    ["the first dropped", [second, final], 0],
    ["a middle one dropped", [first, final], 1],
    ["the final one dropped", [first, second], 1],
    ["all dropped", [], 0],
    ["the header repeated", [header, first, second, final], 0],
  ])("segments: %s", async (_, stored, wholeSegments) => {
    const bytes = Buffer.concat([header, ...stored]);
    await expectRefused(bytes, wholeSegments, [undefined, object.length, bytes.length]);
  });

  test("the final segment dropped and the one before it marked final", async () => {
    const marked = Buffer.from(second);
    marked.writeUInt32BE(64);
    const bytes = Buffer.concat([header, first, marked]);
    await expectRefused(bytes, 1, [undefined, object.length, bytes.length]);
  });

  test("a full final segment marked as not final, with another behind it", async () => {
    const full = await sealed(plaintext.subarray(0, 32));
    const marked = Buffer.from(full);
    marked.writeUInt32BE(0xffffffff, 74);
    await expectRefused(Buffer.concat([marked, final]), 0);
    await expectRefused(Buffer.concat([full, final]), 0);
  });

  test("segments of another object under the same key", async () => {
    const other = await sealed(plaintext);
    await expectRefused(Buffer.concat([header, other.subarray(74)]), 0);
    await expectRefused(Buffer.concat([header, first, other.subarray(138)]), 1);
  });
});

test.each([
  ["key", { ...options, key: dataKey(8) }],
  ["associated bytes", { ...options, aad: Buffer.concat([aad, Buffer.alloc(1)]) }],
  ["no associated bytes", { ...options, aad: Buffer.alloc(0) }],
  ["layout", { ...options, layout: { segmentBytes: 128 } }],
])("another %s is refused at the header, before any segment is read", async (_, wrong) => {
  let chunks = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunksOf(object, 37)) {
      chunks += 1;
      yield chunk;
    }
  }
  const outcome = await outcomeOf(open(counted(), wrong));
  expect(outcome).toEqual({ given: Buffer.alloc(0), refusal: "object_corrupt" });
  expect(chunks).toBe(2);
});

test.each([0, 74, 105, 203, 239, 241, 304])(
  "a recorded size of %d bytes that is not the object's is refused",
  async (objectBytes) => {
    const { given, refusal } = await outcomeOf(
      open(chunksOf(object, 9), { ...options, objectBytes }),
    );
    expect(refusal).toBe("object_corrupt");
    expect(given.equals(plaintext.subarray(0, given.length))).toBe(true);
  },
);

test("a source that never ends is left as soon as it is longer than recorded", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield object;
    for (;;) yield Buffer.alloc(64);
  }
  const outcome = await outcomeOf(open(endless(), { ...options, objectBytes: object.length }));
  expect(outcome.refusal).toBe("object_corrupt");
});

test("an empty final segment after full ones is accepted, as other encoders make it", async () => {
  using sealer = new Sealer(options);
  const other = Buffer.concat([
    sealer.header,
    ...sealer.seal([plaintext.subarray(0, 32)], { position: 0, isFinal: false }),
    ...sealer.seal([], { position: 1, isFinal: true }),
  ]);
  for (const chunkBytes of chunkings) {
    expect(await gather(open(chunksOf(other, chunkBytes), options))).toEqual(
      plaintext.subarray(0, 32),
    );
    const sized = { ...options, objectBytes: other.length };
    expect(await gather(open(chunksOf(other, chunkBytes), sized))).toEqual(
      plaintext.subarray(0, 32),
    );
  }
});

test("an opener that is pushed gives each segment as soon as it is complete and known not to be the last", () => {
  using opener = new Opener(options);
  expect(Buffer.concat(opener.write(object.subarray(0, 74 + 64)))).toHaveLength(0);
  expect(Buffer.concat(opener.write(object.subarray(138, 139)))).toHaveLength(32);
  expect(Buffer.concat(opener.write(object.subarray(139)))).toHaveLength(32);
  expect(Buffer.concat(opener.finish())).toEqual(plaintext.subarray(64));
});

test("an opener that refused, or was finished, gives nothing more", () => {
  const damaged = new Opener(options);
  expect(() => damaged.write(flip(object, 700))).toThrow("Segment 0");
  expect(() => damaged.finish()).toThrow(expect.objectContaining({ code: "object_corrupt" }));
  const wrongKey = new Opener({ ...options, key: dataKey(8) });
  expect(() => wrongKey.write(object)).toThrow("header");
  expect(() => wrongKey.write(object)).toThrow("header");
  const done = new Opener(options);
  done.write(object);
  done.finish();
  expect(() => done.finish()).toThrow(expect.objectContaining({ code: "object_corrupt" }));
});

test("an opener whose keys were wiped opens nothing", () => {
  const opener = new Opener(options);
  opener.write(object.subarray(0, 80));
  opener[Symbol.dispose]();
  expect(() => opener.write(object.subarray(80))).toThrow("wiped");
});
