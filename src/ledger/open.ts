import { sql } from "kysely";
import { Refusal } from "../errors.ts";
import { keyIdOf, type VerificationKey } from "../merkle/note.ts";
import type { Policy } from "../merkle/policy.ts";
import { AwaitPublished } from "./await-published.ts";
import { CoverProof } from "./cover.ts";
import type { Ledger, Place } from "./ledger.ts";
import { Queue } from "./queue.ts";
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

export type LedgerOptions = Omit<SequencerOptions, "onCheckpoint" | "onPublished"> & {
  /** How many entries may wait for their place before no more work is admitted. */
  readonly queueLimit?: number;
  /** Whose cosignatures are asked for; without it nobody's are, and nothing settles as witnessed. */
  readonly policy?: Policy | null;
  /** Who stamps checkpoints; nothing waits for it. */
  readonly timestamps?: TimestampSettings | null;
};

/** Starts sequencing (or standing by, while another node holds the lease) and answering those who wait. */
export async function openLedger(options: LedgerOptions): Promise<RunningLedger> {
  const { database, store, signer, queueLimit } = options;
  const { name, publicKey } = signer;
  const key = { name, publicKey, keyId: keyIdOf(name, publicKey) };
  const cover = new CoverProof(database.db, key);
  const waiting = new Waiting(database, (covering) => cover.prepare(covering));
  const queue = new Queue(database.db, queueLimit);
  const published = store === null ? null : new AwaitPublished({ db: database.db, store, key });
  const { quorum, witnessing } = witnessesOf(options, key, () => sequencer.cosigned());
  const timestamps = options.timestamps ?? null;
  const timestamping = timestamps === null ? null : new Timestamping({ ...options, ...timestamps });
  const sequencer = new Sequencer({
    ...options,
    onCheckpoint: () => {
      waiting.look();
      witnessing?.wake();
    },
    onPublished: () => published?.look(),
  });
  await waiting.start();
  await quorum?.start();
  await sequencer.start();
  witnessing?.start();
  timestamping?.start();
  return {
    wake: () => sequencer.wake(),
    assertRoom: async () => await queue.assertRoom(),
    settle: async (submission, { after, timeoutMs }) => {
      const end = performance.now() + timeoutMs;
      const place = await waiting.settle(submission, {
        after: after === "entry" ? "entry" : "checkpoint",
        timeoutMs,
      });
      if (after !== "entry") await cover.assertCovered(place);
      if (after === "published") await settlePublished(published, place, end - performance.now());
      if (after === "witnessed") await demanded(quorum).covers(place, end - performance.now());
      return place;
    },
    checkWitnesses: async (graceMs) => await demanded(quorum).check(graceMs),
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
      await timestamping?.stop();
      await witnessing?.stop();
      await sequencer.stop();
      await quorum?.stop();
      await waiting.stop();
    },
  };
}

async function settlePublished(
  published: AwaitPublished | null,
  place: Place,
  timeoutMs: number,
): Promise<void> {
  if (published === null)
    throw new Refusal("ledger_unavailable", "this ledger is published nowhere");
  await published.settle(place, timeoutMs);
}

/** Who asks the policy's witnesses, and who waits for them; nobody without a policy. */
function witnessesOf(
  options: LedgerOptions,
  key: VerificationKey,
  onCosigned: () => void,
): { readonly quorum: Quorum | null; readonly witnessing: Witnessing | null } {
  const policy = options.policy ?? null;
  if (policy === null) return { quorum: null, witnessing: null };
  const quorum = new Quorum(options.database, key, policy);
  const onCosignature = () => {
    quorum.look();
    onCosigned();
  };
  return { quorum, witnessing: new Witnessing({ ...options, policy, onCosignature }) };
}

/** Without a policy nobody can witness anything, so whoever demands it is refused. */
function demanded(quorum: Quorum | null): Quorum {
  if (quorum === null)
    throw new Refusal("witnesses_unavailable", "no witness policy is configured");
  return quorum;
}
