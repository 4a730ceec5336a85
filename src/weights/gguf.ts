import { packings, scalarBytes, valueTypes } from "./gguf-types.ts";
import { Malformed } from "./malformed.ts";
import {
  assertContiguous,
  type Counted,
  counted,
  elementsOf,
  quoted,
  type Tensor,
} from "./tensors.ts";

const [magic, swappedVersions] = [0x46554747, [0x02000000, 0x03000000]];
const limits = {
  tensors: 1_000_000n,
  entries: 100_000n,
  keyBytes: 65_535n,
  nameBytes: 256n,
  textBytes: 16n * 2n ** 20n,
  dimensions: 4,
  depth: 3,
  alignment: 65_536,
} as const;
/** The fewest bytes that an entry of the metadata and the description of a tensor can have. */
const [leastEntryBytes, leastTensorBytes] = [13n, 24n];

/**
 * What the header of a GGUF file of version 2 or 3 says, from the file's first bytes, checked against the file's size. Null where more of
 * the file is needed to tell. Throws `Malformed`: for counts and lengths that the file cannot hold, for a type, shape or place that does not agree,
 * and for one part of a model that was split, which would count too few.
 */
export function readGguf(start: Uint8Array, fileBytes: bigint): Counted | null {
  try {
    return new Header(start, fileBytes).read();
  } catch (thrown) {
    if (thrown instanceof NeedsMore) return null;
    throw thrown;
  }
}

/** The bytes at hand end before the header does. */
class NeedsMore extends Error {}

type Place = Omit<Tensor, "end"> & { readonly sizeBytes: bigint };

class Header {
  readonly #view: DataView;
  readonly #fileBytes: bigint;
  #at = 0;
  #alignment = 32n;

  constructor(start: Uint8Array, fileBytes: bigint) {
    this.#view = new DataView(start.buffer, start.byteOffset, start.byteLength);
    this.#fileBytes = fileBytes;
  }

  read(): Counted {
    if (this.#uint32() !== magic) throw new Malformed("the file does not begin with GGUF");
    const version = this.#uint32();
    if (swappedVersions.includes(version))
      throw new Malformed("the file is big-endian GGUF, which is not read here");
    if (version !== 2 && version !== 3)
      throw new Malformed(`the file is GGUF of version ${version}; versions 2 and 3 are read`);
    const tensors = this.#count("tensors", limits.tensors, leastTensorBytes);
    const entries = this.#count("metadata entries", limits.entries, leastEntryBytes);
    this.#metadata(entries);
    return this.#tensors(tensors);
  }

  #metadata(entries: number): void {
    const keys = new Set<string>();
    for (let at = 0; at < entries; at += 1) {
      const key = this.#text(limits.keyBytes, "a metadata key");
      if (keys.has(key)) throw new Malformed(`the metadata key ${quoted(key)} comes twice`);
      keys.add(key);
      const type = this.#uint32();
      if (key === "general.alignment") this.#readAlignment(type);
      else if (key === "split.count") this.#readSplit(type);
      else this.#skip(type, 0);
    }
  }

  #readAlignment(type: number): void {
    if (type !== valueTypes.uint32) throw new Malformed("general.alignment is not a uint32");
    const alignment = this.#uint32();
    const isPower = alignment > 0 && (alignment & (alignment - 1)) === 0;
    if (!isPower || alignment > limits.alignment)
      throw new Malformed(`the alignment ${alignment} is not a power of two up to 65536`);
    this.#alignment = BigInt(alignment);
  }

  #readSplit(type: number): void {
    if (type !== valueTypes.uint16) throw new Malformed("split.count is not a uint16");
    if (this.#view16() > 1)
      throw new Malformed("the file is one part of a split model; merge the parts first");
  }

  #skip(type: number, depth: number): void {
    const size = scalarBytes.get(type);
    if (type === valueTypes.boolean) {
      const value = this.#view.getUint8(this.#take(1));
      if (value > 1) throw new Malformed("a boolean of the metadata is neither 0 nor 1");
    } else if (size !== undefined) this.#take(size);
    else if (type === valueTypes.text) this.#text(limits.textBytes, "a text of the metadata");
    else if (type === valueTypes.array) this.#skipArray(depth);
    else throw new Malformed(`the metadata has a value of the unknown type ${type}`);
  }

  #skipArray(depth: number): void {
    if (depth >= limits.depth) throw new Malformed("an array of the metadata is nested too deep");
    const type = this.#uint32();
    const size = scalarBytes.get(type);
    const least = BigInt(size ?? (type === valueTypes.text ? 8 : 12));
    const length = this.#count("elements in an array", this.#fileBytes, least);
    if (size !== undefined && type !== valueTypes.boolean) this.#take(length * size);
    else for (let at = 0; at < length; at += 1) this.#skip(type, depth + 1);
  }

  #tensors(count: number): Counted {
    const names = new Set<string>();
    const places: Place[] = [];
    for (let at = 0; at < count; at += 1) {
      const place = this.#tensor();
      if (names.has(place.name))
        throw new Malformed(`the tensor ${quoted(place.name)} comes twice`);
      names.add(place.name);
      places.push(place);
    }
    const dataStart = this.#padded(BigInt(this.#at));
    if (places.length > 0 && dataStart > this.#fileBytes)
      throw new Malformed("the file ends before its data: it is truncated");
    const dataBytes = dataStart > this.#fileBytes ? 0n : this.#fileBytes - dataStart;
    const tensors = places.map(({ sizeBytes, ...place }) => ({
      ...place,
      end: place.begin + sizeBytes,
    }));
    assertContiguous(tensors, dataBytes, (end) => this.#padded(end));
    return counted(tensors, dataBytes);
  }

  #tensor(): Place {
    const name = this.#text(limits.nameBytes, "the name of a tensor");
    const dimensions = this.#uint32();
    if (dimensions > limits.dimensions)
      throw new Malformed(`the tensor ${quoted(name)} has ${dimensions} dimensions, more than 4`);
    const shape = Array.from({ length: dimensions }, () => this.#uint64());
    const elements = elementsOf(shape, name);
    const type = this.#uint32();
    const packing = packings.get(type);
    if (packing === undefined)
      throw new Malformed(`the tensor ${quoted(name)} has the unknown type ${type}`);
    const [typeName, blockElements, blockBytes] = packing;
    if ((shape[0] ?? 1n) % blockElements !== 0n)
      throw new Malformed(`the rows of ${quoted(name)} do not fill blocks of ${typeName}`);
    const begin = this.#uint64();
    if (begin % this.#alignment !== 0n)
      throw new Malformed(`the data of ${quoted(name)} is not aligned to ${this.#alignment} bytes`);
    return { name, elements, begin, sizeBytes: (elements / blockElements) * blockBytes };
  }

  /** A count of things of which each takes at least so many bytes, so that the file could not hold more. */
  #count(what: string, limit: bigint, leastBytes: bigint): number {
    const count = this.#uint64();
    if (count > limit || count * leastBytes > this.#fileBytes)
      throw new Malformed(`the header states ${count} ${what}, more than the file can have`);
    return Number(count);
  }

  #text(limitBytes: bigint, what: string): string {
    const length = this.#uint64();
    if (length > limitBytes || length > this.#fileBytes)
      throw new Malformed(`${what} would have ${length} bytes, more than the file can have`);
    const at = this.#take(Number(length));
    const bytes = new Uint8Array(this.#view.buffer, this.#view.byteOffset + at, Number(length));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new Malformed(`${what} is not UTF-8`, { cause });
    }
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  #view16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  #uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (BigInt(at) + BigInt(bytes) > this.#fileBytes)
      throw new Malformed("the file ends within its header: it is truncated");
    if (at + bytes > this.#view.byteLength) throw new NeedsMore();
    this.#at = at + bytes;
    return at;
  }

  #padded(end: bigint): bigint {
    return ((end + this.#alignment - 1n) / this.#alignment) * this.#alignment;
  }
}
