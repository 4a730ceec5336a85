/** Writes `vectors.json`: known answers of our own encoder with fixed IVs. Run it with `node test/vectors/floe/make.ts`. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { Secret } from "../../../src/crypto/secret.ts";
import { objectAad } from "../../../src/floe/aad.ts";
import { segmentCount } from "../../../src/floe/layout.ts";
import { seal } from "../../../src/floe/seal.ts";
import { replay, sha256Hex, type Vector, vectorPlaintext } from "./cases.ts";

const greatestHexBytes = 2_048;

const cases: readonly (readonly [name: string, segmentBytes: number, plaintextBytes: number])[] = [
  ["empty", 64, 0],
  ["one byte", 64, 1],
  ["one full segment", 64, 32],
  ["one byte more than a segment", 64, 33],
  ["an exact multiple", 64, 96],
  ["several segments", 64, 200],
  ["4 KiB segments", 4_096, 10_000],
  ["1 MiB segments, empty", 1_048_576, 0],
  ["1 MiB segments, one full", 1_048_576, 1_048_544],
  ["1 MiB segments, three", 1_048_576, 2_097_100],
];

/** Bytes that look random and are the same each time. */
function fixed(label: string, sizeBytes: number): Buffer {
  return createHash("sha512").update(label).digest().subarray(0, sizeBytes);
}

async function make([name, segmentBytes, plaintextBytes]: (typeof cases)[number]): Promise<Vector> {
  const layout = { segmentBytes };
  const key = fixed(`${name}: key`, 32);
  const aad = objectAad(fixed(`${name}: object`, 16));
  const segments = Array.from({ length: segmentCount(plaintextBytes, layout) }, (_, position) =>
    fixed(`${name}: segment ${position}`, 12),
  );
  const ivsHex = [fixed(`${name}: header`, 32), ...segments].map((iv) => iv.toString("hex"));
  async function* source(): AsyncGenerator<Uint8Array> {
    yield vectorPlaintext(plaintextBytes);
  }
  const keyHex = key.toString("hex");
  const pieces: Buffer[] = [];
  for await (const piece of seal(source(), {
    key: new Secret(key),
    aad,
    layout,
    random: replay(ivsHex),
  })) {
    pieces.push(piece);
  }
  const object = Buffer.concat(pieces);
  const small = object.length <= greatestHexBytes ? { objectHex: object.toString("hex") } : {};
  const objectSha256 = sha256Hex(object);
  const aadHex = aad.toString("hex");
  return { name, segmentBytes, keyHex, aadHex, ivsHex, plaintextBytes, objectSha256, ...small };
}

const vectors: Vector[] = [];
for (const one of cases) vectors.push(await make(one));
await writeFile(new URL("vectors.json", import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`);
