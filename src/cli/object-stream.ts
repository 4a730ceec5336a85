import { setTimeout as delay } from "node:timers/promises";
import { asFailure, type Client, get } from "./client.ts";
import { exitOf } from "./exit.ts";
import { Failure } from "./failure.ts";

const retryAfterMs = [200, 1_000, 3_000] as const;

/**
 * The bytes of a sealed object in order, whatever happens to connections: what broke off is asked for again from where it broke off, and
 * given up after three failures without a byte in between. Throws `integrity` where the server has another number of bytes.
 */
export async function* readObject(
  client: Client,
  path: string,
  sizeBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0;
  let failures = 0;
  while (offset < sizeBytes) {
    try {
      for await (const chunk of readFrom(client, path, { offset, sizeBytes })) {
        yield chunk;
        offset += chunk.length;
        failures = 0;
      }
    } catch (error) {
      const waitMs = retryAfterMs[failures];
      if (waitMs === undefined || client.signal.aborted || exitOf(error) !== "unavailable")
        throw error;
      failures += 1;
      await delay(waitMs, undefined, { signal: client.signal }).catch(() => {});
    }
  }
}

async function* readFrom(
  client: Client,
  path: string,
  { offset, sizeBytes }: { readonly offset: number; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const response = await get(client, path, offset);
  const missingBytes = sizeBytes - offset;
  const declared = response.headers["content-length"];
  if (declared !== undefined && Number(declared) !== missingBytes) {
    response.destroy();
    throw new Failure("integrity", "the server's object has another size than the release states");
  }
  let receivedBytes = 0;
  const chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw asFailure(client, error);
      });
      if (next.done === true) break;
      receivedBytes += next.value.length;
      yield next.value;
    }
  } finally {
    response.destroy();
  }
  if (receivedBytes !== missingBytes)
    throw new Failure("integrity", "the server's object has another size than the release states");
}
