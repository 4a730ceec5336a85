import { setTimeout as delay } from "node:timers/promises";
import { Refusal } from "../errors.ts";
import { maximumNoteBytes } from "../merkle/note.ts";
import { maximumTileBytes, parseTilePath } from "../merkle/tile.ts";
import type { TileSource, UnprovedBudget } from "./source.ts";

export type UrlSourceOptions = {
  /** What `checkpoint` and `tile/` stand below, for example `https://vault.example/ledger/`. */
  readonly url: URL;
  /** Asked before each request; null for a ledger that is public. */
  readonly token?: () => string | null | Promise<string | null>;
  readonly timeoutMs?: number;
  /** The waits before an outage is asked again; its length is how often. */
  readonly retryAfterMs?: readonly number[];
  /** See `TileSource`; a few megabytes and a minute where it is not given. */
  readonly unproved?: UnprovedBudget;
  readonly rotations?: TileSource["rotations"];
  /** Ends what is under way, as an outage that is not asked again. */
  readonly signal?: AbortSignal;
};

const unproved: UnprovedBudget = { fetches: 1_024, bytes: 64 * 2 ** 20, timeoutMs: 60_000 };

/**
 * A ledger over HTTP. 404 is null; 401 is `not_authenticated`, 403 `role_missing`; a timeout, a failed connection, a redirect (the token stays
 * with the host that it is for) and every other status is `ledger_unavailable`, after the retries.
 */
export function urlSource(options: UrlSourceOptions): TileSource {
  const base = new URL(options.url);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return {
    unproved: options.unproved ?? unproved,
    ...(options.rotations === undefined ? {} : { rotations: options.rotations }),
    checkpoint: () => get(new URL("checkpoint", base), options, maximumNoteBytes),
    async tile(path) {
      if (parseTilePath(path) === null) throw new TypeError(`${path} is not the path of a tile`);
      return get(new URL(path, base), options, maximumTileBytes);
    },
  };
}

/** The answer's first `limitBytes` and one more; null for 404. Refuses as `urlSource`. */
export async function get(
  url: URL,
  options: Omit<UrlSourceOptions, "url">,
  limitBytes: number,
): Promise<Buffer | null> {
  for (const waitMs of options.retryAfterMs ?? [200, 1_000]) {
    try {
      return await getOnce(url, options, limitBytes);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== "ledger_unavailable") throw error;
      if (options.signal?.aborted === true) throw error;
    }
    await delay(
      waitMs,
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    ).catch(() => undefined);
  }
  return getOnce(url, options, limitBytes);
}

async function getOnce(
  url: URL,
  options: Omit<UrlSourceOptions, "url">,
  limitBytes: number,
): Promise<Buffer | null> {
  const token = (await options.token?.()) ?? null;
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const late = AbortSignal.timeout(options.timeoutMs ?? 30_000);
  const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
  try {
    const response = await fetch(url, { headers, redirect: "manual", signal });
    if (response.ok) return await readUpTo(response, limitBytes + 1);
    await response.body?.cancel();
    if (response.status === 404) return null;
    throw refusalOf(response.status, url);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (options.signal?.aborted === true)
      throw new Refusal("ledger_unavailable", "The reading of the ledger was interrupted.");
    throw new Refusal("ledger_unavailable", `The ledger at ${url.href} cannot be reached.`, {
      cause: error,
    });
  }
}

function refusalOf(status: number, url: URL): Refusal {
  if (status === 401) {
    return new Refusal("not_authenticated", `The ledger at ${url.href} asks for a valid token.`);
  }
  if (status === 403) {
    return new Refusal("role_missing", `The token may not read the ledger at ${url.href}.`, {
      members: { roles: ["auditor"] },
    });
  }
  return new Refusal("ledger_unavailable", `The ledger at ${url.href} answered ${status}.`);
}

/** A host that sends without end must not fill the memory of who checks it. */
async function readUpTo(response: Response, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= limitBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, limitBytes);
}
