import { expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";
import { createHeader } from "../../../src/floe/header.ts";
import { oneMebibyteLayout } from "../../../src/floe/layout.ts";
import { Sealer } from "../../../src/floe/seal.ts";
import { aad, dataKey, small } from "./builders.ts";
import { referenceOpenSegment } from "./reference.ts";

test("segment keys change every 2^20 segments, in whatever order segments are sealed", async () => {
  using sealer = new Sealer({ key: dataKey(), aad, layout: small });
  const plaintext = Buffer.alloc(32, 9);
  for (const position of [0, 2 ** 20 - 1, 2 ** 20, 2 ** 20 - 1, 2 ** 33 + 5, 2 ** 40 - 2]) {
    const segment = Buffer.concat(sealer.seal([plaintext], { position, isFinal: false }));
    const opened = await referenceOpenSegment({
      header: sealer.header,
      segment,
      key: dataKey().expose(),
      aad,
      position,
      isFinal: false,
    });
    expect(opened).toEqual(plaintext);
  }
});

test("2^20 segments share one key, and the next have another", () => {
  const { keys } = createHeader({ key: dataKey(), aad });
  const first = Buffer.from(keys.at(0).expose());
  expect(Buffer.from(keys.at(2 ** 20 - 1).expose())).toEqual(first);
  expect(Buffer.from(keys.at(2 ** 20).expose())).not.toEqual(first);
  expect(Buffer.from(keys.at(0).expose())).toEqual(first);
});

test("a segment key is wiped when the next takes its place, and all keys when the object is done", () => {
  const { keys } = createHeader({ key: dataKey(), aad });
  const first = keys.at(0);
  const firstBytes = first.expose();
  const second = keys.at(2 ** 20);
  expect(firstBytes.every((byte) => byte === 0)).toBe(true);
  expect(() => first.expose()).toThrow("wiped");
  keys[Symbol.dispose]();
  expect(() => second.expose()).toThrow("wiped");
  expect(() => keys.at(0)).toThrow("wiped");
});

test("the caller's data key is not wiped with them", () => {
  const key = dataKey();
  createHeader({ key, aad }).keys[Symbol.dispose]();
  expect(key.expose()).toEqual(Buffer.alloc(32, 7));
});

test.each([-1, 0.5, 2 ** 40])("no segment has position %d", (position) => {
  const { keys } = createHeader({ key: dataKey(), aad, layout: oneMebibyteLayout });
  expect(() => keys.at(position)).toThrow(RangeError);
});

test("the last possible segment can only be the final one", () => {
  using sealer = new Sealer({ key: dataKey(), aad, layout: small });
  const plaintext = [Buffer.alloc(32)];
  const position = 2 ** 40 - 1;
  expect(() => sealer.seal(plaintext, { position, isFinal: false })).toThrow(RangeError);
  expect(Buffer.concat(sealer.seal(plaintext, { position, isFinal: true }))).toHaveLength(64);
});

test.each([0, 16, 31, 33])("a key of %d bytes is not a data key", (sizeBytes) => {
  const key = new Secret(Buffer.alloc(sizeBytes));
  expect(() => createHeader({ key, aad })).toThrow(RangeError);
});
