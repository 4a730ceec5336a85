import { type Json, parseJson } from "./json.ts";
import { Malformed } from "./malformed.ts";
import { type Counted, quoted } from "./tensors.ts";

/** What an index of shards says: where each tensor lies. */
export type ShardIndex = {
  /** The shard of each tensor, by the tensor's name. */
  readonly shardOf: ReadonlyMap<string, string>;
  /** The shards in the order in which they are first named. */
  readonly shards: readonly string[];
  /** The bytes of all data together, where the index states it. */
  readonly totalBytes: bigint | null;
};

export const shardLimit = 10_000;
const shardPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.safetensors$/;

/** The index of a model in several safetensors files. A shard is a file beside the index, by its bare name. Throws `Malformed`. */
export function readShardIndex(text: string): ShardIndex {
  const index = parseJson(text);
  const map = index instanceof Map ? (index as ReadonlyMap<string, Json>).get("weight_map") : null;
  if (!(map instanceof Map) || map.size === 0) throw new Malformed("the index has no weight_map");
  const shardOf = new Map<string, string>();
  for (const [name, shard] of map as ReadonlyMap<string, Json>) {
    if (typeof shard !== "string" || !shardPattern.test(shard))
      throw new Malformed(`the index puts ${quoted(name)} into what is no file beside it`);
    shardOf.set(name, shard);
  }
  const shards = [...new Set(shardOf.values())];
  if (shards.length > shardLimit) throw new Malformed(`the index names over ${shardLimit} shards`);
  return { shardOf, shards, totalBytes: totalOf(index as ReadonlyMap<string, Json>) };
}

/**
 * The parameters of all shards together. Every tensor lies in the shard that the index names for it and in no other, and the sizes
 * agree. Throws `Malformed`.
 */
export function countShards(
  { shardOf, shards, totalBytes }: ShardIndex,
  headers: ReadonlyMap<string, Counted>,
): bigint {
  let [found, parameters, dataBytes] = [0, 0n, 0n];
  for (const shard of shards) {
    const header = headers.get(shard);
    if (header === undefined) throw new Malformed(`the shard ${quoted(shard)} is missing`);
    for (const { name } of header.tensors) {
      if (shardOf.get(name) !== shard)
        throw new Malformed(`the index does not put ${quoted(name)} into ${quoted(shard)}`);
      found += 1;
    }
    parameters += header.parameters;
    dataBytes += header.dataBytes;
  }
  if (found !== shardOf.size)
    throw new Malformed(`the index names ${shardOf.size} tensors, and the shards have ${found}`);
  if (totalBytes !== null && totalBytes !== dataBytes)
    throw new Malformed(`the index states ${totalBytes} bytes, and the shards have ${dataBytes}`);
  return parameters;
}

function totalOf(index: ReadonlyMap<string, Json>): bigint | null {
  const metadata = index.get("metadata");
  const total =
    metadata instanceof Map ? (metadata as ReadonlyMap<string, Json>).get("total_size") : null;
  return typeof total === "bigint" ? total : null;
}
