import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { isRefusal, Refusal } from "../errors.ts";
import { parseNote } from "../merkle/note.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { nothingKnown, publishTimestamps } from "./publish-timestamps.ts";
import { newestCheckpoint } from "./receipt.ts";
import { readRegularFile } from "./source-file.ts";
import { encodeTimestampRequest, parseAuthority, verifyTimestamp } from "./timestamp-token.ts";

/** An authority and how often it is asked, as the operator configures it. */
export type TimestampSettings = {
  readonly authority: TimestampAuthority;
  readonly everyMs: number;
};

export type TimestampAuthority = {
  readonly url: string;
  /** PEM of the certificates that its answers must lead to. */
  readonly certificates: string;
};

export type TimestampingOptions = {
  readonly database: Database;
  /** Where stamps are published beside the ledger; null where it is not. */
  readonly store: BlobStore | null;
  /** The name of this process in the ledger's lease: only its holder asks. */
  readonly node: string;
  readonly authority: TimestampAuthority;
  readonly everyMs: number;
  /** The pause after the first of several outages; five seconds where it is left out. */
  readonly retryMs?: number;
  readonly onFailure: (error: unknown) => void;
};

const answerMs = 10_000;
const firstRetryMs = 5_000;
/** A node may not have the lease yet, or get it later: it looks again before the next stamp would be due. */
const standbyMs = 5_000;
const longestCertificateBytes = 1_000_000;
const longestAnswerBytes = 64 * 1_024;

/** The authority that the settings name, with the certificates of its PEM file; null where none is. Throws `configuration_invalid` where the file has none. */
export async function readTimestampSettings({
  timestampUrl: url,
  timestampCertificateFile: file,
  timestampSeconds,
}: {
  readonly timestampUrl: string | null;
  readonly timestampCertificateFile: string | null;
  readonly timestampSeconds: number;
}): Promise<TimestampSettings | null> {
  if (url === null || file === null) return null;
  const bytes = await readRegularFile(file, longestCertificateBytes).catch((cause: unknown) => {
    throw unusable(file, "cannot be read", cause);
  });
  if (bytes === null) throw unusable(file, "is no file");
  const certificates = bytes.toString("latin1");
  try {
    parseAuthority(certificates);
  } catch (cause) {
    throw unusable(file, "is no certificate in PEM", cause);
  }
  return { authority: { url, certificates }, everyMs: timestampSeconds * 1_000 };
}

function unusable(file: string, why: string, cause?: unknown): Refusal {
  const message = `the time-stamping certificate ${file} ${why}`;
  return new Refusal("configuration_invalid", message, { cause });
}

/** Something that is done now and then, and how it went. */
type Work = { dueAt: number; outages: number; lastTrouble: string | null };

/** How long after an outage it is tried again: a few seconds, twice as long after each further one, and never longer than the interval. */
export function retryPauseMs(outages: number, everyMs: number, firstMs = firstRetryMs): number {
  return Math.min(firstMs * 2 ** (outages - 1), everyMs);
}

/**
 * Has the newest checkpoint stamped now and then, and the stamps published. Nothing waits for it, and it fails nobody: what an authority says late or not at all is told to the
 * operator, once until it says something else. One that cannot be reached, or says that it cannot stamp now, is asked again after `retryPauseMs`; one that refuses, or whose answer does not verify, after the interval.
 */
export class Timestamping {
  readonly #options: TimestampingOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #stamping = newWork();
  readonly #publishing = newWork();
  /** Whether this node had the lease when it last asked. */
  #isHolder = false;
  /** The stamps that are in the store. */
  readonly #published = nothingKnown();

  constructor(options: TimestampingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#attempt(this.#stamping, async () => await this.#stamp());
      // What is stamped already does not wait for an authority that is away.
      if (this.#isHolder) await this.#attempt(this.#publishing, async () => await this.#publish());
      const publishAt = this.#isHolder ? this.#publishing.dueAt : Number.POSITIVE_INFINITY;
      const pauseMs = Math.max(0, Math.min(this.#stamping.dueAt, publishAt) - performance.now());
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Does the work, which gives the pause until it is due again, if it is due. Never throws. */
  async #attempt(work: Work, run: () => Promise<number>): Promise<void> {
    const { everyMs, retryMs, onFailure } = this.#options;
    if (performance.now() < work.dueAt) return;
    let pauseMs = everyMs;
    try {
      pauseMs = await run();
      work.outages = 0;
      work.lastTrouble = null;
    } catch (error) {
      const message = Error.isError(error) ? error.message : String(error);
      if (!this.#stopping.signal.aborted && message !== work.lastTrouble) onFailure(error);
      work.lastTrouble = message;
      const isAnswer = isRefusal(error, "timestamp_refused", "record_tampered");
      work.outages = isAnswer ? 0 : work.outages + 1;
      if (!isAnswer) pauseMs = retryPauseMs(work.outages, everyMs, retryMs);
    }
    work.dueAt = performance.now() + pauseMs;
  }

  async #stamp(): Promise<number> {
    const { everyMs } = this.#options;
    try {
      this.#isHolder = await stampNewest(this.#options, this.#stopping.signal);
    } catch (error) {
      // The lease's holder alone asks the authority.
      if (isRefusal(error)) this.#isHolder = true;
      throw error;
    }
    if (this.#isHolder) this.#publishing.dueAt = Number.NEGATIVE_INFINITY;
    return this.#isHolder ? everyMs : Math.min(everyMs, standbyMs);
  }

  /** Stamps that the published checkpoint does not cover yet are tried again sooner, and nothing is stamped for that. */
  async #publish(): Promise<number> {
    const {
      database: { db },
      store,
      everyMs,
    } = this.#options;
    const isWhole = store === null || (await publishTimestamps({ db, store }, this.#published));
    return isWhole ? Number.POSITIVE_INFINITY : Math.min(everyMs, standbyMs);
  }
}

function newWork(): Work {
  return { dueAt: Number.NEGATIVE_INFINITY, outages: 0, lastTrouble: null };
}

/** Has the newest checkpoint stamped, unless it is already; false where another node holds the lease, or there is no checkpoint yet. Throws `timestamp_unavailable` where the authority is away, or says that it cannot stamp now, and `timestamp_refused` where it gives no stamp that verifies; only what verifies is kept. */
export async function stampNewest(
  {
    database: { db },
    node,
    authority,
  }: Pick<TimestampingOptions, "database" | "node" | "authority">,
  signal: AbortSignal,
): Promise<boolean> {
  const held = await sql`
    select 1 from ledger_lease where holder = ${node} and expires_at > clock_timestamp()`.execute(
    db,
  );
  const newest = held.rows.length === 0 ? null : await newestCheckpoint(db);
  const text = newest === null ? undefined : parseNote(newest.note)?.text;
  if (newest === null || text === undefined) return false;
  const size = BigInt(newest.size);
  const stamped = db.selectFrom("ledger_timestamp").select("size").where("size", "=", size);
  if ((await stamped.executeTakeFirst()) !== undefined) return true;
  const nonce = randomBytes(16);
  // A positive integer in DER begins with a bit of 0, and with no byte of 0 that it could do without.
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  const response = await ask(authority.url, encodeTimestampRequest(text, nonce), signal);
  const found = await verifyTimestamp(response, text, parseAuthority(authority.certificates));
  if ("refused" in found)
    throw found.isOutage === true ? unavailable(found.refused) : refused(found.refused);
  if (found.nonceHex !== nonce.toString("hex")) throw refused("it answers another request");
  await db
    .insertInto("ledger_timestamp")
    .values({ size, response, stamped_at: found.stampedAt })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return true;
}

/** A stamped checkpoint: its note without cosignatures, and the authority's answer about the note's text. */
export type StampedCheckpoint = { readonly checkpoint: string; readonly response: Buffer };

/** The newest stamped checkpoint; null where none is. */
export async function newestTimestamp(
  db: Database["db"],
): Promise<(StampedCheckpoint & { readonly size: number }) | null> {
  const row = await db
    .selectFrom("ledger_timestamp")
    .innerJoin("ledger_checkpoint", "ledger_checkpoint.size", "ledger_timestamp.size")
    .select(["ledger_timestamp.size", "note", "response"])
    .orderBy("ledger_timestamp.size", "desc")
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { size: Number(row.size), checkpoint: row.note, response: row.response };
}

async function ask(url: string, request: Buffer, stopped: AbortSignal): Promise<Buffer> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(answerMs)]);
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/timestamp-query" },
      body: new Uint8Array(request),
      redirect: "error",
      signal,
    });
    if (answer.status !== 200) {
      const why = `it answered ${answer.status}`;
      throw isAway(answer.status) ? unavailable(why) : refused(why);
    }
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of answer.body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > longestAnswerBytes) throw refused("its answer is too long");
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal("timestamp_unavailable", "the time-stamping authority cannot be reached", {
      cause,
    });
  }
}

/** What HTTP says of a server that may answer the same request later (RFC 9110, sections 15.5.9 and 15.6; RFC 6585, section 4). */
function isAway(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

function unavailable(why: string): Refusal {
  return new Refusal("timestamp_unavailable", `the time-stamping authority gave no stamp: ${why}`);
}

function refused(why: string): Refusal {
  return new Refusal("timestamp_refused", `the time-stamping authority gave no stamp: ${why}`);
}
