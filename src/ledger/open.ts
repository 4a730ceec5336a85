import { sql } from "kysely";
import { Refusal } from "../errors.ts";
import { keyIdOf } from "../merkle/note.ts";
import { CoverProof } from "./cover.ts";
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
  const { name, publicKey } = options.signer;
  const cover = new CoverProof(options.database.db, {
    name,
    publicKey,
    keyId: keyIdOf(name, publicKey),
  });
  const sequencer = new Sequencer({ ...options, onCheckpoint: () => waiting.look() });
  await waiting.start();
  await sequencer.start();
  return {
    wake: () => sequencer.wake(),
    settle: async (submission, how) => {
      const place = await waiting.settle(submission, how);
      if (how.after === "checkpoint") await cover.assertCovered(place);
      return place;
    },
    check: async () => {
      sequencer.check();
      const held =
        await sql`select 1 from ledger_lease where expires_at > clock_timestamp() - interval '5 seconds'`.execute(
          options.database.db,
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
