import { isRefusal, Refusal } from "../errors.ts";
import {
  type KeptTimestamp,
  longestResponseBytes,
  longestStampedBytes,
  type TimestampPlace,
} from "../ledger/source-timestamps.ts";
import { get, type UrlSourceOptions } from "../ledger/source-url.ts";
import { parseAnswer } from "./answers.ts";

const usualPage = 64;

/** A checkpoint has some kilobytes for each who signed it, and JSON a stamp in base64. */
const longestStampBytes = 2 ** 18 + 2 * longestResponseBytes;

/**
 * The stamps of a ledger that a vault serves, as it hands them to an auditor at `address`, its `/v1/ledger/checkpoints`: in order, a page in memory
 * at a time. Its names throw `not_found` where the first page does not come, for there is no vault or the caller may not ask it, and
 * `ledger_unavailable` where a later one does not, or does not go on from the one before.
 */
export function servedTimestamps(
  address: URL,
  {
    pageSize = usualPage,
    ...options
  }: Omit<UrlSourceOptions, "url"> & { readonly pageSize?: number },
): TimestampPlace {
  let held: readonly KeptTimestamp[] = [];
  const read = async (after: number | null, limit: number) =>
    await readPage(address, options, { after, limit });
  const stampOf = async (size: number): Promise<KeptTimestamp | null> => {
    const isIt = (each: KeptTimestamp) => each.size === size;
    const before = size === 0 ? null : size - 1;
    return held.find(isIt) ?? (await read(before, 1)).find(isIt) ?? null;
  };
  return {
    async *names() {
      for (let after: number | null = null, isFull = true; isFull; ) {
        held = await (after === null ? orUntold(read(null, pageSize)) : read(after, pageSize));
        for (const { size } of held) yield `${size}.tsr`;
        isFull = held.length >= pageSize;
        after = held.at(-1)?.size ?? after;
      }
    },
    checkpoint: async (size) => (await stampOf(size))?.checkpoint ?? Buffer.alloc(0),
    response: async (size) => (await stampOf(size))?.response ?? Buffer.alloc(0),
  };
}

/** Nobody who serves a ledger has to serve its stamps. */
async function orUntold<Result>(reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    throw new Refusal("not_found", "The address tells no timestamps.", { cause });
  }
}

async function readPage(
  address: URL,
  options: Omit<UrlSourceOptions, "url">,
  { after, limit }: { readonly after: number | null; readonly limit: number },
): Promise<readonly KeptTimestamp[]> {
  const url = new URL(address);
  url.searchParams.set("only", "stamped");
  url.searchParams.set("limit", String(limit));
  if (after !== null) url.searchParams.set("after", String(after));
  const bytes = await get(url, options, limit * longestStampBytes);
  const stamps = bytes === null ? null : parsePage(bytes);
  const isInOrder = stamps?.every(({ size }, at) => size > (stamps[at - 1]?.size ?? after ?? -1));
  if (stamps === null || isInOrder !== true)
    throw new Refusal("ledger_unavailable", `${url.href} hands out no timestamps in their order.`);
  return stamps;
}

/** Null for what is no page of stamps. Each part is cut as in every other place: a longer one is none. */
function parsePage(bytes: Buffer): readonly KeptTimestamp[] | null {
  try {
    const { checkpoints } = parseAnswer("series", JSON.parse(bytes.toString("utf8")));
    return checkpoints.map(({ size, checkpoint, timestamp }) => {
      if (timestamp === null) throw new TypeError("one without a stamp was not asked for");
      return {
        size,
        checkpoint: Buffer.from(checkpoint, "utf8").subarray(0, longestStampedBytes),
        response: Buffer.from(timestamp, "base64").subarray(0, longestResponseBytes),
      };
    });
  } catch {
    return null;
  }
}
