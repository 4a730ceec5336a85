import { Refusal } from "../errors.ts";
import type { Ledger } from "./ledger.ts";
import { Sequencer, type SequencerOptions } from "./sequencer.ts";
import { Waiting } from "./waiting.ts";

/** A running ledger: the sequencer of this node and those who wait for it. */
export type RunningLedger = Ledger & { stop(): Promise<void> };

/** Starts sequencing (or standing by, while another node holds the lease) and answering those who wait. */
export async function openLedger(
  options: Omit<SequencerOptions, "onCheckpoint">,
): Promise<RunningLedger> {
  const waiting = new Waiting(options.database);
  const sequencer = new Sequencer({ ...options, onCheckpoint: () => waiting.look() });
  await waiting.start();
  await sequencer.start();
  return {
    wake: () => sequencer.wake(),
    settle: async (submission, how) => await waiting.settle(submission, how),
    check: async () => {
      sequencer.check();
      const lease = await options.database.db
        .selectFrom("ledger_lease")
        .select("holder")
        .executeTakeFirst();
      if (lease === undefined)
        throw new Refusal("ledger_unavailable", "no node sequences the ledger yet");
    },
    stop: async () => {
      await sequencer.stop();
      await waiting.stop();
    },
  };
}
