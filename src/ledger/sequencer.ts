import { setTimeout as sleep } from "node:timers/promises";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import type { Cosigner } from "../merkle/cosignature.ts";
import { keyIdOf, type VerificationKey } from "../merkle/note.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { type Head, readPending, sequenceBatch } from "./batch.ts";
import { gathering } from "./gathering.ts";
import { type Lease, releaseLease, renewLease, takeLease } from "./lease.ts";
import { OutboxAudit } from "./outbox-audit.ts";
import { OutboxVacuum } from "./outbox-vacuum.ts";
import { PendingNotices } from "./pending-notices.ts";
import { Publisher } from "./publisher.ts";
import { RecentEntries } from "./recent-entries.ts";
import { reignOf, upToRotation } from "./reigns.ts";
import { signHead } from "./sign-head.ts";
import { takeOver } from "./take-over.ts";

export type SequencerOptions = {
  readonly database: Database;
  readonly signer: Signer;
  /** The ledger's own keys of ML-DSA-44, each of which signs every checkpoint beside the signer; none where it is left out. */
  readonly cosigners?: readonly Cosigner[];
  /** Where the ledger is published too; null where it is not. */
  readonly store: BlobStore | null;
  /** Names this process in the lease. */
  readonly node: string;
  readonly now: () => Date;
  readonly onFailure: (error: unknown) => void;
  /** Called after each new checkpoint that this node signed. */
  readonly onCheckpoint: () => void;
  /** Called after each checkpoint that this node published. */
  readonly onPublished: () => void;
};

/** `lastSize` is the largest that this node's key may sign: infinite until a rotation of it is an entry. */
type Held = {
  readonly lease: Lease;
  readonly head: Head;
  readonly lastSize: number;
  readonly recent: RecentEntries;
};

const idleMs = 2_000;
const renewMs = 1_000;
const stallMs = 30_000;
const standbyMs = 100;

/**
 * Gives submissions their places, signs what it wrote and publishes what it signed: one holder of the lease in the whole cluster. While a
 * batch is written, the one before is signed, and an older state is published. It refuses to go on from a checkpoint that the stored entries
 * do not lead to, that this signer did not sign, or that is not what was published grown on.
 */
export class Sequencer {
  readonly #options: SequencerOptions;
  readonly #stopping = new AbortController();
  readonly #key: VerificationKey;
  readonly #publisher: Publisher | null;
  #lease: Lease | null = null;
  #held: Held | null = null;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #signedSize = 0;
  #signing: Promise<void> = Promise.resolve();
  readonly #notices: PendingNotices;
  #woken = Promise.withResolvers<void>();
  #failure: unknown = null;
  #passSince: number | null = null;
  #gatherMs = 0;
  #running: Promise<void> | null = null;
  readonly #subscriptions: (() => Promise<void>)[] = [];
  readonly #audit: OutboxAudit;
  readonly #vacuum: OutboxVacuum;

  constructor(options: SequencerOptions) {
    const { database, signer, store, onFailure, onPublished } = options;
    this.#options = options;
    this.#key = {
      name: signer.name,
      keyId: keyIdOf(signer.name, signer.publicKey),
      publicKey: signer.publicKey,
    };
    const publishing = {
      db: database.db,
      key: this.#key,
      onFailure,
      onPublished: () => {
        onPublished();
        this.#wakeHere();
      },
    };
    this.#publisher = store === null ? null : new Publisher({ ...publishing, store });
    this.#audit = new OutboxAudit(database);
    this.#vacuum = new OutboxVacuum(database);
    this.#notices = new PendingNotices(database, onFailure);
  }

  async start(): Promise<void> {
    const { database } = this.#options;
    if (database.engine === "postgresql") {
      this.#subscriptions.push(await database.listen("ledger_pending", () => this.#wakeHere()));
    }
    this.#running = this.#run();
  }

  /** Finishes the pass under way, publishes what is left and gives the lease back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#woken.resolve();
    await this.#running;
    await this.#signing.catch(this.#options.onFailure);
    await Promise.all(this.#subscriptions.map(async (unsubscribe) => await unsubscribe()));
    if (this.#held !== null) await this.#publisher?.finish(this.#held, this.#signedSize);
    if (this.#lease !== null)
      await releaseLease(this.#options.database.db, this.#lease).catch(this.#options.onFailure);
    await this.#audit.settled();
    await this.#vacuum.stop();
  }

  /** Something was committed to the outbox: sequences it here, or tells the node that holds the lease. */
  wake(): void {
    if (this.#lease === null && this.#options.database.engine === "postgresql")
      this.#notices.tell();
    this.#wakeHere();
  }

  /** A witness has cosigned a checkpoint, which the published one is to tell too. */
  cosigned(): void {
    this.#publisher?.touch();
    this.#wakeHere();
  }

  /** Throws `ledger_unavailable` or `signer_unavailable` when the last pass failed or the present one hangs. */
  check(): void {
    if (this.#failure !== null) {
      const cause = this.#failure;
      throw cause instanceof Refusal
        ? cause
        : new Refusal("ledger_unavailable", "the sequencer's last pass failed", { cause });
    }
    if (this.#passSince !== null && performance.now() - this.#passSince > stallMs) {
      throw new Refusal("ledger_unavailable", "the sequencer hangs");
    }
    this.#publisher?.check();
  }

  #wakeHere(): void {
    this.#woken.resolve();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let pauseMs = 50;
    while (!signal.aborted) {
      this.#passSince = performance.now();
      try {
        const moved = await this.#pass();
        this.#failure = null;
        pauseMs = 50;
        this.#passSince = null;
        if (!moved) await this.#rest();
        else if (this.#gatherMs > 0)
          await sleep(this.#gatherMs, undefined, { signal }).catch(() => {});
      } catch (error) {
        this.#passSince = null;
        await this.#fail(error);
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
        pauseMs = Math.min(pauseMs * 2, 2_000);
      }
    }
  }

  /** Reports a trouble once, not on every retry, and lets another node try. */
  async #fail(error: unknown): Promise<void> {
    if (this.#failure === null) this.#options.onFailure(error);
    this.#failure = error;
    const lease = this.#lease;
    this.#lose();
    this.#signing = Promise.resolve();
    if (lease !== null) await releaseLease(this.#options.database.db, lease).catch(() => {});
  }

  async #rest(): Promise<void> {
    // Whoever stands by hears of every submission, and need not ask for the lease at each.
    if (this.#held === null)
      await sleep(standbyMs, undefined, { signal: this.#stopping.signal }).catch(() => {});
    const timer = new AbortController();
    await Promise.race([
      this.#woken.promise,
      sleep(this.#restMs(), undefined, { signal: timer.signal, ref: false }).catch(() => {}),
    ]);
    timer.abort();
  }

  /** Until the lease is due, or something can be published. */
  #restMs(): number {
    if (this.#held === null) return idleMs;
    return Math.min(idleMs, this.#publisher?.dueInMs(this.#signedSize) ?? idleMs);
  }

  /** One batch, and one signature behind it; false when there was nothing to do, or another node holds the lease. */
  async #pass(): Promise<boolean> {
    this.#woken = Promise.withResolvers<void>();
    this.#gatherMs = 0;
    const { db } = this.#options.database;
    const isTaken = this.#held === null;
    const held = this.#held ?? (await this.#take());
    if (held === null) return false;
    if (!(await this.#keep(held.lease))) return this.#lose();
    await this.#audit.keepLooking();
    if (isTaken) await this.#signLeftOver(held);
    const isEnded = held.head.edge.size >= held.lastSize;
    const found = isEnded ? [] : await readPending(db);
    const { pending, isLast } = await upToRotation(db, found, this.#key);
    if (pending.length > 0 && !(await sequenceBatch(db, { ...held, pending }))) return this.#lose();
    // The signature over the batch before was made meanwhile. One that hangs holds up the loop, and so lets the lease expire.
    await this.#signing;
    if (held.head.edge.size > this.#signedSize) this.#signing = this.#sign(held);
    if (pending.length === 0 || isLast) await this.#signing;
    if (isLast || isEnded) await this.#retire(held);
    this.#publisher?.begin(held, this.#signedSize);
    this.#vacuum.taken(pending.length);
    this.#gatherMs = gathering(pending.length);
    return pending.length > 0;
  }

  /**
   * What an outage of the signer left without a signature is covered before anything gets its place behind it: however long the signer is away, no
   * more than two batches are without one, and all else waits where the queue counts it.
   */
  async #signLeftOver(held: Held): Promise<void> {
    if (held.head.edge.size <= this.#signedSize) return;
    this.#signing = this.#sign(held);
    await this.#signing;
  }

  async #take(): Promise<Held | null> {
    const { database, node } = this.#options;
    // A node whose key does not rule leaves the lease to the others.
    await reignOf(database.db, this.#key);
    const lease = await takeLease(database.db, node);
    if (lease === null) return null;
    this.#lease = lease;
    this.#renewedAt = performance.now();
    this.#publisher?.forget();
    const { signedSize, ...taken } = await takeOver({ ...this.#options, key: this.#key }, lease);
    this.#signedSize = signedSize;
    this.#held = { lease, ...taken, recent: new RecentEntries() };
    return this.#held;
  }

  /** The last checkpoint of this key covers its rotation: publishes that if it can, and throws `signer_refused`. A node with the new key goes on. */
  async #retire(held: Held): Promise<void> {
    await this.#publisher?.finish(held, this.#signedSize);
    await reignOf(this.#options.database.db, this.#key);
  }

  /** Renews the lease now and then; what is written asks for itself whether it stands. */
  async #keep(lease: Lease): Promise<boolean> {
    if (performance.now() - this.#renewedAt < renewMs) return true;
    const renewed = await renewLease(this.#options.database.db, lease);
    this.#renewedAt = performance.now();
    return renewed;
  }

  /** Another node took over, or the database is another one: what was carried along is of no use, and the next pass asks again. */
  #lose(): true {
    this.#lease = null;
    this.#held = null;
    return true;
  }

  #sign({ lease, head }: Held): Promise<void> {
    const signing = signHead(this.#options, lease, head.edge).then((size) => {
      this.#signedSize = size;
      this.#options.onCheckpoint();
    });
    // A pass waits for it and throws what it throws; until then nobody does.
    signing.catch(() => {});
    return signing;
  }
}
