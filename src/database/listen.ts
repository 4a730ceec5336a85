import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";

const pingEveryMs = 15_000;
const longestPauseMs = 5_000;

export type Listening = {
  readonly config: ClientConfig;
  /** A name as `channelName` admits it. */
  readonly channel: string;
  readonly onNotice: () => void;
  readonly onError: (error: unknown) => void;
};

/** A channel's name goes into SQL unquoted, so nothing but lower-case letters, digits and underscores is one. */
export function channelName(channel: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(channel)) throw new TypeError("not a channel name");
  return channel;
}

/**
 * Listens on a PostgreSQL channel with a client of its own, and gives what stops it. The first connection must succeed; one that breaks
 * later is made again for as long as it takes, and `onNotice` is called after each, since notices in between are lost.
 */
export async function listenOnPostgres(listening: Listening): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  let client = await connect(listening);
  const ended = (async () => {
    while (!stopping.signal.aborted) {
      await untilBroken(client, stopping.signal, listening.onError);
      await client.end().catch(listening.onError);
      const next = await reconnect(listening, stopping.signal);
      if (next === null) return;
      client = next;
      listening.onNotice();
    }
    await client.end().catch(listening.onError);
  })();
  return async () => {
    stopping.abort();
    await ended;
  };
}

async function connect({ config, channel, onNotice, onError }: Listening): Promise<Client> {
  const client = new Client(config);
  client.on("error", onError);
  try {
    await client.connect();
    client.on("notification", onNotice);
    await client.query(`listen ${channel}`);
    return client;
  } catch (error) {
    await client.end().catch(onError);
    throw error;
  }
}

async function reconnect(listening: Listening, signal: AbortSignal): Promise<Client | null> {
  for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await connect(listening);
    } catch (error) {
      listening.onError(error);
    }
    await pause(pauseMs, signal);
  }
  return null;
}

/** A connection whose other end vanished says nothing, so it is asked now and then. */
async function untilBroken(
  client: Client,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<void> {
  const { promise: broken, resolve } = Promise.withResolvers<boolean>();
  client.once("end", () => resolve(true));
  client.once("error", () => resolve(true));
  signal.addEventListener("abort", () => resolve(true), { once: true });
  try {
    while (!(await Promise.race([broken, pause(pingEveryMs, signal)])))
      await client.query("select");
  } catch (error) {
    onError(error);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<false> {
  await sleep(milliseconds, undefined, { signal, ref: false }).catch(() => undefined);
  return false;
}
