import { open } from "node:fs/promises";
import { z } from "zod";

const headerLimitBytes = 100_000_000;
const elementBytes = { BF16: 2, F16: 2, F32: 4 } as const;

const tensor = z.strictObject({
  dtype: z.enum(["BF16", "F16", "F32"]),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const header = z
  .object({ __metadata__: z.record(z.string(), z.string()).optional() })
  .catchall(tensor);

export type Safetensors = {
  readonly tensors: readonly (z.infer<typeof tensor> & { readonly name: string })[];
  /** What all tensors take together, without the header. */
  readonly tensorBytes: number;
};

/**
 * Reads the header of a safetensors file: u64le length, JSON, then the tensors. Throws where it is not one: a header that is cut or is
 * no JSON of this shape, a tensor whose bytes are not its shape times its element, or offsets that leave a gap, overlap or do not end with the file.
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const prefix = Buffer.alloc(8);
    if ((await file.read(prefix, 0, 8, 0)).bytesRead < 8) throw new Error("no length");
    const headerBytes = Number(prefix.readBigUInt64LE());
    if (headerBytes > Math.min(headerLimitBytes, size - 8)) throw new Error("the header is cut");
    const text = Buffer.alloc(headerBytes);
    await file.read(text, 0, headerBytes, 8);
    if (text[0] !== 0x7b) throw new Error("the header does not begin with {");
    const { __metadata__: _, ...named } = header.parse(JSON.parse(text.toString("utf8")));
    const tensors = Object.entries(named as Record<string, z.infer<typeof tensor>>)
      .map(([name, each]) => ({ name, ...each }))
      .toSorted((a, b) => a.data_offsets[0] - b.data_offsets[0]);
    const tensorBytes = size - 8 - headerBytes;
    assertTiled(tensors, tensorBytes);
    return { tensors, tensorBytes };
  } finally {
    await file.close();
  }
}

function assertTiled(tensors: Safetensors["tensors"], tensorBytes: number): void {
  let end = 0;
  for (const { name, dtype, shape, data_offsets } of tensors) {
    if (data_offsets[0] !== end) throw new Error(`${name} does not begin where the last one ended`);
    const elements = shape.reduce((product, length) => product * length, 1);
    end += elements * elementBytes[dtype];
    if (data_offsets[1] !== end) throw new Error(`${name} does not end as its shape says`);
  }
  if (end !== tensorBytes)
    throw new Error(`the tensors end at ${end} of ${tensorBytes} bytes of the file`);
}
