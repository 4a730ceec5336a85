import { randomFillSync } from "node:crypto";
import { open } from "node:fs/promises";

const hidden = 4_096;
const chunkBytes = 4 * 2 ** 20;

/**
 * Writes a safetensors file of bf16 tensors: u64le length of the header, the header as JSON, the tensors one after the other. The
 * weights are random, with the exponent bits of small numbers, so that a reader finds nothing odd. Gives its size in bytes.
 */
export async function makeCheckpoint(path: string, tensorBytes: number): Promise<number> {
  const rows = Math.floor(tensorBytes / (hidden * 2));
  const layers = 4;
  const tensors = Array.from({ length: layers }, (_, layer) => {
    const shape = [Math.floor(rows / layers) + (layer < rows % layers ? 1 : 0), hidden] as const;
    return { name: `model.layers.${layer}.weight`, shape, bytes: shape[0] * shape[1] * 2 };
  });
  let offset = 0;
  const header: Record<string, unknown> = {
    __metadata__: { format: "pt", made_by: "weightvault demo" },
  };
  for (const { name, shape, bytes } of tensors) {
    header[name] = { dtype: "BF16", shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = Buffer.from(JSON.stringify(header), "utf8");
  // The format wants the tensors aligned; spaces fill the header up.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, 0x20)]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const file = await open(path, "wx");
  try {
    await file.write(Buffer.concat([length, padded]));
    const chunk = Buffer.alloc(chunkBytes);
    for (let left = offset; left > 0; left -= chunk.length) {
      await file.write(smallNumbers(chunk), 0, Math.min(chunk.length, left));
    }
  } finally {
    await file.close();
  }
  return 8 + padded.length + offset;
}

/** bf16 is the upper half of a float32: sign, eight bits of exponent, seven of fraction. Exponents 112 to 119 give 2^-15 to 2^-8. */
function smallNumbers(chunk: Buffer): Buffer {
  randomFillSync(chunk);
  const words = new Uint16Array(chunk.buffer, chunk.byteOffset, chunk.length / 2);
  for (let at = 0; at < words.length; at += 1) words[at] = ((words[at] ?? 0) & 0x83ff) | (112 << 7);
  return chunk;
}
