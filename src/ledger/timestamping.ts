import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import { parseNote } from "../merkle/note.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { publishTimestamps } from "./publish-timestamps.ts";
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
  readonly onFailure: (error: unknown) => void;
};

const answerMs = 10_000;
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
  try {
    const bytes = await readRegularFile(file, longestCertificateBytes);
    const certificates = bytes?.toString("latin1") ?? "";
    parseAuthority(certificates);
    return { authority: { url, certificates }, everyMs: timestampSeconds * 1_000 };
  } catch (cause) {
    const message = `the time-stamping certificate ${file} is no certificate in PEM`;
    throw new Refusal("configuration_invalid", message, { cause });
  }
}

/** Has the newest checkpoint stamped now and then. Nothing waits for it, and it fails nobody: what an authority says late or not at all is told to the operator. */
export class Timestamping {
  readonly #options: TimestampingOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #lastTrouble: string | null = null;
  /** The stamps that are in the store. */
  readonly #published = new Set<number>();

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
    const { everyMs } = this.#options;
    let dueAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      let pauseMs = everyMs;
      try {
        if (performance.now() >= dueAt && (await stampNewest(this.#options, signal)))
          dueAt = performance.now() + everyMs;
        // What could not be published yet is tried again sooner, and nothing is stamped for that.
        const leftMs = dueAt - performance.now();
        const isDone = leftMs > 0 && (await this.#publish());
        pauseMs = isDone ? leftMs : Math.min(everyMs, standbyMs);
        this.#lastTrouble = null;
      } catch (error) {
        const message = Error.isError(error) ? error.message : String(error);
        if (!signal.aborted && message !== this.#lastTrouble) this.#options.onFailure(error);
        this.#lastTrouble = message;
      }
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #publish(): Promise<boolean> {
    const {
      database: { db },
      store,
    } = this.#options;
    return store === null || (await publishTimestamps({ db, store }, this.#published));
  }
}

/** Has the newest checkpoint stamped, unless it is already; false where another node holds the lease, or there is no checkpoint yet. Throws `timestamp_unavailable`; only what verifies is kept. */
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
  if ("refused" in found) throw unavailable(found.refused);
  if (found.nonceHex !== nonce.toString("hex")) throw unavailable("it answers another request");
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
    if (answer.status !== 200) throw unavailable(`it answered ${answer.status}`);
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of answer.body ?? []) {
      sizeBytes += chunk.length;
      if (sizeBytes > longestAnswerBytes) throw unavailable("its answer is too long");
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

function unavailable(why: string): Refusal {
  return new Refusal("timestamp_unavailable", `the time-stamping authority gave no stamp: ${why}`);
}
