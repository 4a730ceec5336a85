import { type Json, parseJson } from "./json.ts";
import { Malformed } from "./malformed.ts";
import {
  assertContiguous,
  type Counted,
  counted,
  elementsOf,
  quoted,
  type Tensor,
} from "./tensors.ts";

/** Before the header: its length, an unsigned little-endian number. */
export const lengthBytes = 8;

/** The longest header that the format's reference implementation reads. */
export const headerLimitBytes = 100_000_000;

/**
 * The bits of one element, as `Dtype::bitsize` of safetensors/src/tensor.rs (safetensors/safetensors at commit 0051dd2) has them. A type that is not among them
 * is refused, since its size could not be checked.
 */
const elementBits: Readonly<Record<string, bigint>> = {
  BOOL: 8n,
  F4: 4n,
  F6_E2M3: 6n,
  F6_E3M2: 6n,
  U8: 8n,
  I8: 8n,
  F8_E5M2: 8n,
  F8_E4M3: 8n,
  F8_E8M0: 8n,
  F8_E4M3FNUZ: 8n,
  F8_E5M2FNUZ: 8n,
  I16: 16n,
  U16: 16n,
  F16: 16n,
  BF16: 16n,
  I32: 32n,
  U32: 32n,
  F32: 32n,
  C64: 64n,
  F64: 64n,
  I64: 64n,
  U64: 64n,
};

/** How long the header is, from the first eight bytes. Throws `Malformed` past 100 MB or past the end of a file of that size. */
export function headerLength(start: Uint8Array, fileBytes: bigint): number {
  if (start.length < lengthBytes || fileBytes < BigInt(lengthBytes))
    throw new Malformed("the file is too short for a safetensors header");
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(headerLimitBytes))
    throw new Malformed(`the header would have ${length} bytes, more than ${headerLimitBytes}`);
  if (length + BigInt(lengthBytes) > fileBytes)
    throw new Malformed("the header would end past the file's end: it is truncated");
  return Number(length);
}

/**
 * What a safetensors header says, checked against the size of its file: each type, shape and place agree, and the data is covered without
 * overlap or hole. Throws `Malformed`.
 */
export function readSafetensors(header: Uint8Array, fileBytes: bigint): Counted {
  const members = parseJson(textOf(header));
  if (!(members instanceof Map)) throw new Malformed("the header is not a JSON object");
  const dataBytes = fileBytes - BigInt(lengthBytes) - BigInt(header.length);
  const tensors: Tensor[] = [];
  for (const [name, value] of members as ReadonlyMap<string, Json>) {
    if (name === "__metadata__") assertMetadata(value);
    else tensors.push(tensorOf(name, value));
  }
  assertContiguous(tensors, dataBytes, (end) => end);
  return counted(tensors, dataBytes);
}

function textOf(header: Uint8Array): string {
  if (header[0] !== 0x7b) throw new Malformed("the header does not begin with {");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw new Malformed("the header is not UTF-8", { cause });
  }
}

function assertMetadata(value: Json): void {
  const isTexts =
    value instanceof Map && [...value.values()].every((each) => typeof each === "string");
  if (!isTexts) throw new Malformed("__metadata__ is not an object of texts");
}

function tensorOf(name: string, value: Json): Tensor {
  const wrong = (what: string) => new Malformed(`the tensor ${quoted(name)} ${what}`);
  if (!(value instanceof Map)) throw wrong("is not described by an object");
  const {
    dtype,
    shape,
    data_offsets: offsets,
    ...rest
  } = Object.fromEntries(value) as Readonly<Record<string, Json | undefined>>;
  if (Object.keys(rest).length > 0) throw wrong("has a member that the format does not know");
  if (typeof dtype !== "string" || !Object.hasOwn(elementBits, dtype))
    throw wrong("has a dtype that the format does not know");
  if (!isWholes(shape)) throw wrong("has a shape that is not a list of whole numbers");
  if (!isWholes(offsets) || offsets.length !== 2)
    throw wrong("has data_offsets that are not two whole numbers");
  const [begin = 0n, end = 0n] = offsets;
  if (end < begin) throw wrong("ends before it begins");
  const elements = elementsOf(shape, name);
  const bits = elements * (elementBits[dtype] ?? 0n);
  if (bits % 8n !== 0n) throw wrong("does not fill whole bytes");
  if (bits / 8n !== end - begin)
    throw wrong(`needs ${bits / 8n} bytes by its dtype and shape, and has ${end - begin}`);
  return { name, elements, begin, end };
}

function isWholes(value: Json | undefined): value is readonly bigint[] {
  return Array.isArray(value) && value.every((each) => typeof each === "bigint");
}
