import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { formatBytes, formatOf } from "../weights/format.ts";
import { readGguf } from "../weights/gguf.ts";
import { isMalformed, Malformed } from "../weights/malformed.ts";
import {
  headerLength,
  headerLimitBytes,
  lengthBytes,
  readSafetensors,
} from "../weights/safetensors.ts";
import { countShards, readShardIndex } from "../weights/safetensors-index.ts";
import type { Counted } from "../weights/tensors.ts";
import { Failure } from "./failure.ts";

/** What the headers of a model's files say. */
export type WeightsCount = {
  readonly format: "safetensors" | "gguf";
  readonly files: number;
  readonly tensors: number;
  readonly parameters: bigint;
};

const indexName = "model.safetensors.index.json";
/** How much of a GGUF file is read at first, and at the most. */
const [ggufStartBytes, ggufLimitBytes] = [2 ** 20, 2 ** 28];

/**
 * Counts the parameters of a model by its headers: a safetensors file, an index of them, a GGUF file, or a folder with one of these. Only headers
 * are read. Throws `integrity` for what is malformed and for a pickle, which is never loaded, and `usage` for what cannot be read.
 */
export async function countWeights(path: string): Promise<WeightsCount> {
  const file = await modelFile(path);
  try {
    return await countFile(file);
  } catch (thrown) {
    if (!isMalformed(thrown)) throw thrown;
    throw new Failure("integrity", `${file}: ${thrown.message}`, { cause: thrown });
  }
}

async function countFile(path: string): Promise<WeightsCount> {
  const format = await withFile(path, async (file) =>
    formatOf(basename(path), await file.read(0, formatBytes)),
  );
  switch (format) {
    case "safetensors":
      return countOf("safetensors", await readHeader(path));
    case "safetensors-index":
      return await countIndex(path);
    case "gguf":
      return countOf("gguf", await readGgufFile(path));
    case "pickle":
      throw new Malformed(
        "this is a pickle, which can run code when it is loaded; it was not. Convert it to safetensors",
      );
    case "archive":
      throw new Malformed("this is an archive; unpack it, and give safetensors or GGUF");
    case "other":
      throw new Malformed("this is neither safetensors nor GGUF");
  }
}

function countOf(format: WeightsCount["format"], { tensors, parameters }: Counted): WeightsCount {
  return { format, files: 1, tensors: tensors.length, parameters };
}

async function countIndex(path: string): Promise<WeightsCount> {
  const text = await withFile(path, async (file) => {
    if (file.sizeBytes > headerLimitBytes) throw new Malformed("the index is too long");
    return new TextDecoder().decode(await file.read(0, file.sizeBytes));
  });
  const index = readShardIndex(text);
  const headers = new Map<string, Counted>();
  for (const shard of index.shards) {
    const at = join(dirname(path), shard);
    if (await isFile(at)) headers.set(shard, await readHeader(at));
  }
  return {
    format: "safetensors",
    files: index.shards.length,
    tensors: index.shardOf.size,
    parameters: countShards(index, headers),
  };
}

async function readHeader(path: string): Promise<Counted> {
  return await withFile(path, async (file) => {
    const start = await file.read(0, formatBytes);
    if (formatOf(basename(path), start) !== "safetensors")
      throw new Malformed(`${basename(path)} is not safetensors`);
    const length = headerLength(start, BigInt(file.sizeBytes));
    return readSafetensors(await file.read(lengthBytes, length), BigInt(file.sizeBytes));
  });
}

async function readGgufFile(path: string): Promise<Counted> {
  return await withFile(path, async (file) => {
    for (let bytes = ggufStartBytes; bytes <= ggufLimitBytes; bytes *= 2) {
      const header = readGguf(await file.read(0, bytes), BigInt(file.sizeBytes));
      if (header !== null) return header;
    }
    throw new Malformed(`the header has more than ${ggufLimitBytes} bytes`);
  });
}

type OpenFile = {
  readonly sizeBytes: number;
  /** Up to so many bytes; fewer where the file ends. */
  readonly read: (at: number, bytes: number) => Promise<Uint8Array>;
};

async function withFile<Result>(
  path: string,
  work: (file: OpenFile) => Promise<Result>,
): Promise<Result> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw new Failure("usage", `${path} cannot be read`, { cause });
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Failure("usage", `${path} is not a file`);
    return await work({
      sizeBytes: stats.size,
      read: async (at, bytes) => await readAt(handle, at, Math.min(bytes, stats.size - at)),
    });
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, start: number, bytes: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(Math.max(0, bytes));
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) throw new Malformed("the file became shorter while it was read");
    filled += bytesRead;
  }
  return buffer;
}

/** The file to begin with: the path itself, or what its folder holds, if that is one model. Throws `usage`. */
async function modelFile(path: string): Promise<string> {
  if (await isFile(path)) return path;
  let names: readonly string[];
  try {
    names = await readdir(path);
  } catch (cause) {
    throw new Failure("usage", `${path} is neither a file nor a folder that can be read`, {
      cause,
    });
  }
  if (names.includes(indexName)) return join(path, indexName);
  const models = names.filter((name) => /\.(safetensors|gguf)$/.test(name));
  const [only] = models;
  if (only !== undefined && models.length === 1) return join(path, only);
  throw new Failure(
    "usage",
    `${path} holds ${models.length} safetensors and GGUF files and no ${indexName}: name the one`,
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
