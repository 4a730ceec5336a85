import { sql } from "kysely";
import { Refusal } from "../errors.ts";
import { keyIdOf } from "../merkle/note.ts";
import type { Policy } from "../merkle/policy.ts";
import { CoverProof } from "./cover.ts";
import type { Ledger } from "./ledger.ts";
import { Quorum } from "./quorum.ts";
import { Sequencer, type SequencerOptions } from "./sequencer.ts";
import { Timestamping, type TimestampSettings } from "./timestamping.ts";
import { Waiting } from "./waiting.ts";
import { Witnessing } from "./witnessing.ts";

/** A running ledger: the sequencer of this node and those who wait for it. */
export type RunningLedger = Ledger & {
  /** Throws `witnesses_unavailable` where the newest entries have been without a quorum for longer than that. */
  checkWitnesses(graceMs: number): Promise<void>;
  stop(): Promise<void>;
};

export type LedgerOptions = Omit<SequencerOptions, "onCheckpoint"> & {
  /** Whose cosignatures are asked for; without it nobody's are, and nothing settles as witnessed. */
  readonly policy?: Policy | null;
  /** Who stamps checkpoints; nothing waits for it. */
  readonly timestamps?: TimestampSettings | null;
};

/** Starts sequencing (or standing by, while another node holds the lease) and answering those who wait. */
export async function openLedger(options: LedgerOptions): Promise<RunningLedger> {
  const waiting = new Waiting(options.database);
  const { name, publicKey } = options.signer;
  const key = { name, publicKey, keyId: keyIdOf(name, publicKey) };
  const cover = new CoverProof(options.database.db, key);
  const policy = options.policy ?? null;
  const quorum = policy === null ? null : new Quorum(options.database, key, policy);
  const witnessing =
    policy === null
      ? null
      : new Witnessing({ ...options, policy, onCosignature: () => quorum?.look() });
  const timestamps = options.timestamps ?? null;
  const timestamping = timestamps === null ? null : new Timestamping({ ...options, ...timestamps });
  const onCheckpoint = () => {
    waiting.look();
    witnessing?.wake();
  };
  const sequencer = new Sequencer({ ...options, onCheckpoint });
  await waiting.start();
  await quorum?.start();
  await sequencer.start();
  witnessing?.start();
  timestamping?.start();
  return {
    wake: () => sequencer.wake(),
    settle: async (submission, how) => {
      const end = performance.now() + how.timeoutMs;
      const after = how.after === "entry" ? "entry" : "checkpoint";
      const place = await waiting.settle(submission, { ...how, after });
      if (after === "checkpoint") await cover.assertCovered(place);
      if (how.after === "witnessed") await demanded(quorum).covers(place, end - performance.now());
      return place;
    },
    checkWitnesses: async (graceMs) => await demanded(quorum).check(graceMs),
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
      await timestamping?.stop();
      await witnessing?.stop();
      await sequencer.stop();
      await quorum?.stop();
      await waiting.stop();
    },
  };
}

/** Without a policy nobody can witness anything, so whoever demands it is refused. */
function demanded(quorum: Quorum | null): Quorum {
  if (quorum === null)
    throw new Refusal("witnesses_unavailable", "no witness policy is configured");
  return quorum;
}
