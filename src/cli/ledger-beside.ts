import { type KeptTimestamp, timestampsIn } from "../ledger/source-timestamps.ts";
import type { CosignerKey } from "../merkle/cosignature.ts";
import { type Answer, parseAnswer } from "./answers.ts";
import { ask, type Client, query } from "./client.ts";
import { mlDsaKeysIn, parseMlDsaKey } from "./exported-keys.ts";
import { Failure, Problem } from "./failure.ts";
import { damaged, type InSeries, seriesIn, sizeOf } from "./ledger-series.ts";

/** What lies beside a ledger: the checkpoints that were signed, and those of them that were stamped, each by its size, above `after`; and its ML-DSA-44 keys. */
export type Beside = {
  readonly series: (after: number | null) => AsyncIterable<InSeries>;
  readonly timestamps: (after: number | null) => AsyncIterable<KeptTimestamp>;
  readonly newestTimestamp: () => Promise<KeptTimestamp | null>;
  readonly mlDsaKeys: () => Promise<readonly CosignerKey[]>;
};

/** As the server hands it out; a server of before hands out its newest timestamp alone. */
export function besideServer(client: Client): Beside {
  const newestTimestamp = async () => await fetchNewest(client);
  return {
    series: (after) => pages(client, after),
    timestamps: (after) => stamped(client, after),
    newestTimestamp,
    mlDsaKeys: async () => await fetchMlDsaKeys(client),
  };
}

/** As a copy keeps it. */
export function besideFolder(folder: string): Beside {
  return {
    series: (after) => seriesAfter(folder, after),
    timestamps: (after) => timestampsIn(folder, after),
    newestTimestamp: async () => {
      let newest: KeptTimestamp | null = null;
      for await (const each of timestampsIn(folder)) newest = each;
      return newest;
    },
    mlDsaKeys: async () => await mlDsaKeysIn(folder),
  };
}

const pageSize = 256;

type Fetched = Answer<"series">["checkpoints"][number];

/** Asks page by page; a server that does not know the question has none. Throws `integrity` for one that does not go on. */
async function* pages(
  client: Client,
  after: number | null,
  only?: "stamped",
): AsyncGenerator<Fetched> {
  let last = after;
  for (let isFull = true; isFull; ) {
    const asked = query({ limit: `${pageSize}`, after: last?.toString(), only });
    const answer = await ask(client, "GET", `/v1/ledger/checkpoints${asked}`).catch(
      nothingIfUnknown,
    );
    if (answer === null) return;
    const { checkpoints } = parseAnswer("series", answer);
    for (const each of checkpoints) {
      if (each.size <= (last ?? -1) || sizeOf(each.checkpoint) !== each.size)
        throw new Failure("integrity", "the server's checkpoints are not in order");
      last = each.size;
      yield each;
    }
    isFull = checkpoints.length >= pageSize;
  }
}

async function* stamped(client: Client, after: number | null): AsyncGenerator<KeptTimestamp> {
  let isAny = false;
  for await (const { size, checkpoint, timestamp } of pages(client, after, "stamped")) {
    isAny = true;
    // Nobody would see an end of those, who waits for a stamp.
    if (timestamp === null)
      throw new Failure(
        "integrity",
        "the server was asked for stamped checkpoints and gave another",
      );
    yield {
      size,
      checkpoint: Buffer.from(checkpoint, "utf8"),
      response: Buffer.from(timestamp, "base64"),
    };
  }
  const newest = isAny ? null : await fetchNewest(client);
  if (newest !== null && newest.size > (after ?? -1)) yield newest;
}

async function fetchNewest(client: Client): Promise<KeptTimestamp | null> {
  const answer = await ask(client, "GET", "/v1/ledger/timestamp").catch(nothingIfUnknown);
  if (answer === null) return null;
  const { size, checkpoint, response } = parseAnswer("timestamp", answer);
  return {
    size,
    checkpoint: Buffer.from(checkpoint, "utf8"),
    response: Buffer.from(response, "base64"),
  };
}

async function fetchMlDsaKeys(client: Client): Promise<readonly CosignerKey[]> {
  const answer = await ask(client, "GET", "/v1/ledger/key").catch(nothingIfUnknown);
  const told = answer === null ? [] : parseAnswer("ledgerKey", answer).mlDsaKeys;
  return told.map((text) => {
    const key = parseMlDsaKey(text);
    if (key === null)
      throw new Failure("integrity", "the server tells an ML-DSA-44 key that is none");
    return key;
  });
}

function nothingIfUnknown(thrown: unknown): null {
  if (thrown instanceof Problem && thrown.status === 404) return null;
  throw thrown;
}

async function* seriesAfter(folder: string, after: number | null): AsyncGenerator<InSeries> {
  for await (const kept of (await seriesIn(folder)) ?? []) {
    const size = kept === null ? null : sizeOf(kept.checkpoint);
    if (kept === null || size === null) throw damaged(folder);
    if (size > (after ?? -1)) yield { size, checkpoint: kept.checkpoint };
  }
}
