import { createCipheriv, randomBytes } from "node:crypto";
import { Secret } from "../../src/crypto/secret.ts";
import { objectAad } from "../../src/floe/aad.ts";
import { objectBytes } from "../../src/floe/layout.ts";
import { StreamPlaces } from "../../src/floe/place.ts";
import { SegmentPool } from "../../src/floe/pool.ts";
import { Sealer } from "../../src/floe/seal.ts";
import { sealSegments } from "../../src/floe/seal-segments.ts";
import {
  type Figure,
  figure,
  gibibyte,
  interleave,
  type Measurement,
  mebibyte,
  rateOf,
  repeated,
  scaled,
} from "./measure.ts";

const rounds = 5;

/** Sealing a stream in one thread, against the cipher alone on the same buffers. */
export async function sealStream(measurement: Measurement): Promise<readonly Figure[]> {
  const sizeBytes = scaled(2 * gibibyte, measurement);
  const chunk = randomBytes(mebibyte);
  const warmUpBytes = Math.min(sizeBytes, 64 * mebibyte);
  await sealAll(chunk, warmUpBytes);
  await encryptAll(chunk, warmUpBytes);
  const rates = await interleave(
    rounds,
    {
      "bare cipher": async () =>
        await rateOf(sizeBytes, async () => await encryptAll(chunk, sizeBytes)),
      seal: async () => await rateOf(sizeBytes, async () => await sealAll(chunk, sizeBytes)),
    },
    measurement,
  );
  return [figure("seal-stream", "MiB/s", { value: rates.seal, baseline: rates["bare cipher"] })];
}

/** As the server seals what is uploaded, without threads: into memory that is used again. */
async function sealAll(chunk: Buffer, sizeBytes: number): Promise<void> {
  using key = new Secret(randomBytes(32));
  using sealer = new Sealer({ key, aad: objectAad(randomBytes(16)) });
  using places = new StreamPlaces(repeated(chunk, sizeBytes));
  let sealedBytes = sealer.header.length;
  await sealSegments(sealer, {
    pool: new SegmentPool({ threads: 0 }),
    plaintextBytes: sizeBytes,
    read: places.read,
    write: async (segment) => void (sealedBytes += segment.length),
    isAppending: true,
  });
  if (sealedBytes !== objectBytes(sizeBytes))
    throw new Error(`the sealed object has ${sealedBytes} bytes`);
}

/**
 * The loop keeps its newest output in a variable: one that drops each output at once is measured with an allocator that reuses the same
 * pages, which nobody who does something with the output sees.
 */
async function encryptAll(chunk: Buffer, sizeBytes: number): Promise<void> {
  const cipher = createCipheriv("aes-256-gcm", randomBytes(32), randomBytes(12));
  let output = Buffer.alloc(0);
  let encryptedBytes = 0;
  for (let left = sizeBytes; left > 0; left -= chunk.length) {
    output = cipher.update(left >= chunk.length ? chunk : chunk.subarray(0, left));
    encryptedBytes += output.length;
  }
  output = cipher.final();
  if (encryptedBytes + output.length !== sizeBytes) throw new Error("the cipher lost bytes");
}
