import { setTimeout as sleep } from "node:timers/promises";
import type { SegmentPool } from "../floe/pool.ts";
import type { Sealer } from "../floe/seal.ts";
import { parseAnswer } from "./answers.ts";
import { asFailure, ask, type Client, createClient, putAt, route } from "./client.ts";
import { exitOf } from "./exit.ts";
import { Failure, Problem } from "./failure.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { inParallel } from "./parallel.ts";
import type { Progress } from "./progress.ts";
import { lanesFor, type SealedPart, sealPart } from "./seal-part.ts";
import type { Source } from "./sources.ts";
import { type HandOutKey, obtainSealer } from "./upload-key.ts";

/** Whether files are sealed here and put into the store itself. It is off for good once the vault gives no addresses or the store does not take them. */
export type DirectUpload = {
  isOn: boolean;
  /** How many files were sealed here, or their last parts. */
  sealedFiles: number;
  readonly pool: SegmentPool;
  readonly ledgerKey: () => Promise<HandOutKey>;
  /** By origin, so that parts share connections. None of them has the token. */
  readonly stores: Map<string, Client>;
  readonly note: (sentence: string) => void;
};

export type DirectFile = {
  readonly source: Source;
  readonly fingerprint: Fingerprint;
  readonly parallel: number;
  readonly progress: Progress;
  readonly direct: DirectUpload;
  /** Where the object's address stands. */
  readonly address: string;
  readonly object: string;
  /** The parts that are not held. */
  readonly missing: readonly number[];
  /** Told of each part that the store has taken. */
  readonly onPut: (part: number) => void;
};

const mostAttempts = 4;
const firstPauseMs = 500;

/** The store took none of several attempts; the vault may still take the bytes itself. */
class StoreTrouble extends Error {
  override readonly name = "StoreTrouble";
}

/**
 * Seals the missing parts of a file and puts them into the store, side by side. Gives false, with the direct way off, where the vault has no addresses to
 * give or the store does not take the bytes: then the vault takes what is still missing. Throws what the vault refuses otherwise.
 */
export async function sendDirect(client: Client, file: DirectFile): Promise<boolean> {
  const { direct, source, fingerprint, address, object, missing } = file;
  if (missing.length === 0) return true;
  const wanted = { address, object, sizeBytes: source.sizeBytes, sha256: fingerprint.sha256 };
  let obtained: Sealer;
  try {
    obtained = await obtainSealer(client, wanted, direct.ledgerKey);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    direct.isOn = false;
    return false;
  }
  using sealer = obtained;
  const most = lanesFor(source.sizeBytes, file.parallel);
  try {
    await inParallel(missing, { most, signal: client.signal }, async (part, signal) => {
      const { pool } = direct;
      const sealed = await sealPart({ part, source, fingerprint, sealer, pool, signal });
      await putPart({ ...client, signal }, file, sealed);
      file.onPut(part);
    });
    direct.sealedFiles += 1;
    return true;
  } catch (error) {
    if (client.signal.aborted) throw asFailure(client, error);
    if (!(error instanceof StoreTrouble)) throw error;
    direct.note(`the object store ${error.message}: going on through the vault`);
    direct.isOn = false;
    return false;
  }
}

/** A vault whose store gives no addresses, or that does not know of them. */
function isUnknown(error: unknown): boolean {
  return (
    error instanceof Problem &&
    (error.code === "direct_unavailable" || [404, 405].includes(error.status))
  );
}

/** Puts one part, at a fresh address after each failure: its time may have been over, and a part that was garbled is sent as it is again. */
async function putPart(client: Client, file: DirectFile, sealed: SealedPart): Promise<void> {
  const { progress } = file;
  for (let attempt = 1; ; attempt += 1) {
    const place = await orPassing(attempt, locate(client, file, sealed));
    let sentBytes = 0;
    function* body() {
      for (let at = 0; at < sealed.bytes.length; at += 2 ** 20) {
        const chunk = sealed.bytes.subarray(at, at + 2 ** 20);
        const plain = Math.min(chunk.length, sealed.sizeBytes - sentBytes);
        sentBytes += plain;
        progress.add(plain);
        yield chunk;
      }
    }
    try {
      if (place !== null) {
        const { store, path, headers } = place;
        const sent = { headers, sizeBytes: sealed.bytes.length, source: body() };
        await putAt({ ...store, signal: client.signal }, path, sent);
        return;
      }
    } catch (error) {
      progress.add(-sentBytes);
      if (client.signal.aborted) throw error;
      if (error instanceof Problem && error.status === 404) throw lost();
      if (attempt === mostAttempts) throw troubleOf(error);
    }
    await sleep(firstPauseMs * 2 ** (attempt - 1), null, { signal: client.signal }).catch(
      (error: unknown) => {
        throw asFailure(client, error);
      },
    );
  }
}

/** Null where the vault could not serve and is worth asking again. */
async function orPassing<Result>(attempt: number, asked: Promise<Result>): Promise<Result | null> {
  try {
    return await asked;
  } catch (error) {
    const isBusy = error instanceof Problem && error.status === 429;
    if (attempt < mostAttempts && (exitOf(error) === "unavailable" || isBusy)) return null;
    throw error;
  }
}

/** The store does not know the session any more: the vault finds that out too when it is asked what is held, and begins another. */
function lost(): Problem {
  return new Problem(409, {
    code: "multipart_gone",
    title: "The object store lost the parts of the file",
  });
}

/** An address for just these bytes. The token is for the vault alone and never goes with it; the address is a capability, and stays out of every sentence. */
async function locate(client: Client, { address, direct }: DirectFile, sealed: SealedPart) {
  const answer = parseAnswer(
    "partLocation",
    await ask(client, "POST", `${address}${route`/parts/${String(sealed.part)}/location`}`, {
      size: sealed.sizeBytes,
      sha256: sealed.sha256,
      sealedSha256: sealed.sealedSha256,
    }),
  );
  const url = URL.parse(answer.url);
  const isClear = url?.protocol === "http:" && client.url.protocol === "https:";
  if (url === null || !["http:", "https:"].includes(url.protocol) || isClear)
    throw new Failure("failed", "the server names a place for the part that cannot be used");
  const store =
    direct.stores.get(url.origin) ??
    createClient({ ...client, url: new URL(url.origin), token: null });
  direct.stores.set(url.origin, store);
  return { store, path: `${url.pathname}${url.search}`, headers: answer.headers };
}

function troubleOf(cause: unknown): unknown {
  if (cause instanceof Problem)
    return new StoreTrouble(`refuses with HTTP status ${cause.status}`, { cause });
  return exitOf(cause) === "unavailable" ? new StoreTrouble("does not answer", { cause }) : cause;
}
