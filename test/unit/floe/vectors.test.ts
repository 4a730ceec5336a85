import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { Secret } from "../../../src/crypto/secret.ts";
import { open } from "../../../src/floe/open.ts";
import { openRange } from "../../../src/floe/open-range.ts";
import { Sealer, seal } from "../../../src/floe/seal.ts";
import { replay, sha256Hex, type Vector, vectorPlaintext } from "../../vectors/floe/cases.ts";
import { chunksOf, gather } from "./builders.ts";
import { referenceOpen } from "./reference.ts";

const own: readonly Vector[] = JSON.parse(
  readFileSync(new URL("../../vectors/floe/vectors.json", import.meta.url), "utf8"),
);

describe("our own known answers", () => {
  test.each(own)("$name, in segments of $segmentBytes bytes", async (vector) => {
    const key = Buffer.from(vector.keyHex, "hex");
    const aad = Buffer.from(vector.aadHex, "hex");
    const options = { key: new Secret(Buffer.from(key)), aad, layout: vector };
    const plaintext = vectorPlaintext(vector.plaintextBytes);
    const random = replay(vector.ivsHex);
    const object = await gather(seal(chunksOf(plaintext, 99_999), { ...options, random }));
    expect(sha256Hex(object)).toBe(vector.objectSha256);
    if (vector.objectHex !== undefined) expect(object.toString("hex")).toBe(vector.objectHex);
    expect((await gather(open(chunksOf(object, 99_999), options))).equals(plaintext)).toBe(true);
    expect((await referenceOpen(object, key, aad)).equals(plaintext)).toBe(true);
  });
});

const folder = new URL("../../../../shared/vectors/floe/", import.meta.url);
const isPresent = existsSync(folder);
if (!isPresent) {
  console.warn(
    "FLOE's published known answers are not in ../shared/vectors: their tests are skipped",
  );
}

type Published = {
  readonly name: string;
  readonly key: Buffer;
  readonly aad: Buffer;
  readonly read: () => { readonly object: Buffer; readonly plaintext: Buffer };
};

function text(name: string): Published {
  const bytes = (kind: string) =>
    Buffer.from(readFileSync(new URL(`${name}_${kind}.txt`, folder), "utf8").trim(), "hex");
  const read = () => ({ object: bytes("ct"), plaintext: bytes("pt") });
  return { name, key: Buffer.alloc(32), aad: Buffer.from("This is AAD"), read };
}

function binary(sizeBytes: number): Published {
  const name = `gen_go_1M_len${sizeBytes}.bin`;
  const read = () => ({
    object: readFileSync(new URL(name, folder)),
    plaintext: Buffer.from(Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 31 + 7) % 251)),
  });
  const key = Buffer.from(Uint8Array.from({ length: 32 }, (_, index) => index));
  return { name, key, aad: Buffer.from("weightvault/test/aad"), read };
}

const published = [
  text("go_GCM256_IV256_64"),
  text("rust_GCM256_IV256_64"),
  text("java_GCM256_IV256_4K"),
  text("java_lastSegAligned"),
  text("java_lastSegEmpty"),
  binary(0),
  binary(2_097_091),
];

(isPresent ? describe : describe.skip)("known answers of other implementations", () => {
  test.each(published)("$name opens to its plaintext, whole and in ranges", async (one) => {
    const { object, plaintext } = one.read();
    expect(object.length).toBeGreaterThan(plaintext.length);
    const layout = { segmentBytes: object.readUInt32BE(2) };
    const options = { key: new Secret(Buffer.from(one.key)), aad: one.aad, layout };
    const opened = await gather(open(chunksOf(object, 65_536), options));
    expect(opened.equals(plaintext)).toBe(true);
    const range = {
      start: Math.floor(plaintext.length / 3),
      end: Math.ceil((2 * plaintext.length) / 3),
    };
    const read = (start: number, end: number) => chunksOf(object.subarray(start, end), 65_536);
    const sized = { ...options, objectBytes: object.length };
    const part = await gather(openRange(read, { ...sized, ...range }));
    expect(part.equals(plaintext.subarray(range.start, range.end))).toBe(true);
    expect((await referenceOpen(object, one.key, one.aad)).equals(plaintext)).toBe(true);
  });

  test.each(published)("$name is what our encoder makes with the same IVs", async (one) => {
    const { object, plaintext } = one.read();
    const segmentBytes = object.readUInt32BE(2);
    const ivsHex = [object.toString("hex", 10, 42)];
    for (let offset = 74; offset < object.length; offset += segmentBytes) {
      ivsHex.push(object.toString("hex", offset + 4, offset + 16));
    }
    const options = {
      key: new Secret(Buffer.from(one.key)),
      aad: one.aad,
      layout: { segmentBytes },
      random: replay(ivsHex),
    };
    if (one.name !== "java_lastSegEmpty") {
      const again = await gather(seal(chunksOf(plaintext, 65_536), options));
      expect(again.equals(object)).toBe(true);
      return;
    }
    using sealer = new Sealer(options);
    const segments = ivsHex.slice(1).map((_, position, all) => {
      const isFinal = position === all.length - 1;
      const capacityBytes = segmentBytes - 32;
      const start = position * capacityBytes;
      return sealer.seal([plaintext.subarray(start, start + capacityBytes)], { position, isFinal });
    });
    expect(Buffer.concat([sealer.header, ...segments.flat()])).toEqual(object);
  });
});
