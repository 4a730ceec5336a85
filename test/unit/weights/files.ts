/** Files of both formats, written from their published descriptions, for tests alone. */

export type Described = Readonly<Record<string, unknown>>;

/** The eight bytes of a length, the header, and so many bytes of zeros. */
export function safetensors(header: Described | string, dataBytes: number): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header), "utf8");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

export function tensor(dtype: string, shape: readonly number[], begin: number, end: number) {
  return { dtype, shape, data_offsets: [begin, end] };
}

const number = (bytes: 1 | 2 | 4 | 8, value: number | bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return buffer.subarray(0, bytes);
};
export const u8 = (value: number) => number(1, value);
export const u16 = (value: number) => number(2, value);
export const u32 = (value: number) => number(4, value);
export const u64 = (value: number | bigint) => number(8, value);
export const text = (value: string) =>
  Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** An entry of the metadata: a key, a type and the bytes of a value. */
export const entry = (key: string, type: number, ...value: readonly Buffer[]) =>
  Buffer.concat([text(key), u32(type), ...value]);

/** The description of a tensor. */
export const info = (
  name: string,
  shape: readonly (number | bigint)[],
  type: number,
  offset: number,
) => Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(type), u64(offset)]);

export type Gguf = {
  readonly version?: number;
  readonly entries?: readonly Buffer[];
  readonly infos?: readonly Buffer[];
  readonly tensorCount?: number | bigint;
  readonly entryCount?: number | bigint;
  readonly alignment?: number;
  readonly dataBytes?: number;
};

export function gguf({
  version = 3,
  entries = [],
  infos = [],
  tensorCount = infos.length,
  entryCount = entries.length,
  alignment = 32,
  dataBytes = 0,
}: Gguf = {}): Buffer {
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    u32(version),
    u64(tensorCount),
    u64(entryCount),
    ...entries,
    ...infos,
  ]);
  const padding = infos.length === 0 ? 0 : (alignment - (header.length % alignment)) % alignment;
  return Buffer.concat([header, Buffer.alloc(padding + dataBytes)]);
}
