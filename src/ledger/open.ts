import { sql } from "kysely";
import { Refusal } from "../errors.ts";
import { keyIdOf } from "../merkle/note.ts";
import { AwaitPublished } from "./await-published.ts";
import { CoverProof } from "./cover.ts";
import type { Ledger, Place } from "./ledger.ts";
import { Queue } from "./queue.ts";
import { Sequencer, type SequencerOptions } from "./sequencer.ts";
import { Waiting } from "./waiting.ts";

/** A running ledger: the sequencer of this node and those who wait for it. */
export type RunningLedger = Ledger & { stop(): Promise<void> };

export type LedgerOptions = Omit<SequencerOptions, "onCheckpoint" | "onPublished"> & {
  /** How many entries may wait for their place before no more work is admitted. */
  readonly queueLimit?: number;
};

/** Starts sequencing (or standing by, while another node holds the lease) and answering those who wait. */
export async function openLedger(options: LedgerOptions): Promise<RunningLedger> {
  const { database, store, signer, queueLimit } = options;
  const { name, publicKey } = signer;
  const key = { name, publicKey, keyId: keyIdOf(name, publicKey) };
  const waiting = new Waiting(database);
  const cover = new CoverProof(database.db, key);
  const queue = new Queue(database.db, queueLimit);
  const published = store === null ? null : new AwaitPublished({ store, key });
  const sequencer = new Sequencer({
    ...options,
    onCheckpoint: () => waiting.look(),
    onPublished: () => published?.look(),
  });
  await waiting.start();
  await sequencer.start();
  return {
    wake: () => sequencer.wake(),
    assertRoom: async () => await queue.assertRoom(),
    settle: async (submission, { after, timeoutMs }) => {
      const startedAt = performance.now();
      const place = await waiting.settle(submission, {
        after: after === "entry" ? "entry" : "checkpoint",
        timeoutMs,
      });
      if (after !== "entry") await cover.assertCovered(place);
      if (after === "published")
        await settlePublished(published, place, timeoutMs - (performance.now() - startedAt));
      return place;
    },
    check: async () => {
      sequencer.check();
      const held =
        await sql`select 1 from ledger_lease where expires_at > clock_timestamp() - interval '5 seconds'`.execute(
          database.db,
        );
      if (held.rows.length === 0)
        throw new Refusal("ledger_unavailable", "no node sequences the ledger now");
    },
    stop: async () => {
      await sequencer.stop();
      await waiting.stop();
    },
  };
}

async function settlePublished(
  published: AwaitPublished | null,
  { index }: Place,
  timeoutMs: number,
): Promise<void> {
  if (published === null)
    throw new Refusal("ledger_unavailable", "this ledger is published nowhere");
  await published.settle(index, timeoutMs);
}
