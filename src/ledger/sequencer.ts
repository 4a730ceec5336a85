import { setTimeout as sleep } from "node:timers/promises";
import type { Signer } from "../custody/signer.ts";
import type { Database } from "../database/open.ts";
import { transact } from "../database/transact.ts";
import { Refusal } from "../errors.ts";
import { openCheckpoint, signCheckpoint } from "../merkle/checkpoint.ts";
import { keyIdOf } from "../merkle/note.ts";
import { treeRoot } from "../merkle/proof.ts";
import { type Head, readHead, sequenceBatch } from "./batch.ts";
import { type Lease, releaseLease, renewLease, takeLease } from "./lease.ts";
import { OutboxAudit } from "./outbox-audit.ts";
import { hashReader } from "./tiles.ts";

export type SequencerOptions = {
  readonly database: Database;
  readonly signer: Signer;
  /** Names this process in the lease. */
  readonly node: string;
  readonly now: () => Date;
  readonly onFailure: (error: unknown) => void;
  /** Called after each new checkpoint that this node signed. */
  readonly onCheckpoint: () => void;
};

const idleMs = 2_000;
const stallMs = 30_000;

/**
 * Gives submissions their places and signs what it wrote: one holder of the lease in the whole cluster. It refuses to go on
 * from a checkpoint that the stored entries do not lead to, or that this signer did not sign.
 */
export class Sequencer {
  readonly #options: SequencerOptions;
  readonly #stopping = new AbortController();
  #lease: Lease | null = null;
  #head: Head | null = null;
  #signedSize = 0;
  #woken = Promise.withResolvers<void>();
  #failure: unknown = null;
  #passSince: number | null = null;
  #running: Promise<void> | null = null;
  readonly #subscriptions: (() => Promise<void>)[] = [];
  readonly #audit: OutboxAudit;
  #auditedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#audit = new OutboxAudit(options.database);
  }

  async start(): Promise<void> {
    const { database } = this.#options;
    if (database.engine === "postgresql") {
      this.#subscriptions.push(await database.listen("ledger_pending", () => this.#wakeHere()));
    }
    this.#running = this.#run();
  }

  /** Finishes the pass under way and gives the lease back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#woken.resolve();
    await this.#running;
    await Promise.all(this.#subscriptions.map(async (unsubscribe) => await unsubscribe()));
    if (this.#lease !== null)
      await releaseLease(this.#options.database.db, this.#lease).catch(this.#options.onFailure);
  }

  /** Something was committed to the outbox: sequences it here, or tells the node that holds the lease. */
  wake(): void {
    const { database, onFailure } = this.#options;
    if (this.#lease === null && database.engine === "postgresql")
      database.notify("ledger_pending").catch(onFailure);
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
    this.#head = null;
    const lease = this.#lease;
    this.#lease = null;
    if (lease !== null) await releaseLease(this.#options.database.db, lease).catch(() => {});
  }

  async #rest(): Promise<void> {
    const timer = new AbortController();
    await Promise.race([
      this.#woken.promise,
      sleep(idleMs, undefined, { signal: timer.signal, ref: false }).catch(() => {}),
    ]);
    timer.abort();
  }

  /** One batch and one signature; false when there was nothing to do, or another node holds the lease. */
  async #pass(): Promise<boolean> {
    this.#woken = Promise.withResolvers<void>();
    const { database, node } = this.#options;
    if (this.#lease === null || this.#head === null) {
      const lease = await takeLease(database.db, node);
      if (lease === null) {
        this.#lease = null;
        return false;
      }
      this.#lease = lease;
      this.#head = await this.#takeOver(lease);
    }
    await this.#lookForLost();
    const count = await this.#sequence(this.#lease, this.#head);
    if (count === null) {
      this.#lease = null;
      this.#head = null;
      return true;
    }
    if (this.#head.edge.size > this.#signedSize) await this.#sign(this.#lease, this.#head);
    return count > 0;
  }

  async #lookForLost(): Promise<void> {
    if (performance.now() - this.#auditedAt < idleMs) return;
    await this.#audit.look();
    this.#auditedAt = performance.now();
  }

  /** Null when the lease was lost. An idle pass changes nothing but the lease's time. */
  async #sequence(lease: Lease, head: Head): Promise<number | null> {
    return await transact(
      this.#options.database.db,
      async (tx) => ((await renewLease(tx, lease)) ? await sequenceBatch(tx, head) : null),
      { attempts: 1 },
    );
  }

  /** Reads the stored edge, and refuses one that its newest checkpoint contradicts. */
  async #takeOver(lease: Lease): Promise<Head> {
    const { database, signer } = this.#options;
    return await transact(database.db, async (tx) => {
      if (!(await renewLease(tx, lease)))
        throw new Refusal("ledger_unavailable", "the ledger's lease was lost while taking it over");
      const head = await readHead(tx);
      const newest = await tx
        .selectFrom("ledger_checkpoint")
        .selectAll()
        .orderBy("size", "desc")
        .limit(1)
        .executeTakeFirst();
      this.#signedSize = Number(newest?.size ?? 0n);
      if (newest === undefined) return head;
      if (this.#signedSize > head.edge.size)
        throw tampered("the newest checkpoint covers more entries than there are");
      const root = await treeRoot(this.#signedSize, hashReader(tx, this.#signedSize));
      if (!root.equals(newest.root))
        throw tampered("the stored entries do not lead to the newest checkpoint's root");
      const key = {
        name: signer.name,
        keyId: keyIdOf(signer.name, signer.publicKey),
        publicKey: signer.publicKey,
      };
      const opened = openCheckpoint(newest.note, key);
      if (opened?.verdict !== "verified" || !opened.checkpoint.root.equals(root)) {
        throw tampered("the newest checkpoint is not signed by this signer");
      }
      return head;
    });
  }

  /** Signs outside any transaction, then stores the checkpoint if the lease still stands. */
  async #sign(lease: Lease, head: Head): Promise<void> {
    const { database, signer, now, onCheckpoint } = this.#options;
    const size = head.edge.size;
    const root = head.edge.root();
    const note = await signCheckpoint({ origin: signer.name, size, root }, signer);
    await transact(
      database.db,
      async (tx) => {
        if (!(await renewLease(tx, lease)))
          throw new Refusal(
            "ledger_unavailable",
            "the ledger's lease was lost before the checkpoint was stored",
          );
        await tx
          .insertInto("ledger_checkpoint")
          .values({ size: BigInt(size), root, note, fence: lease.fence, signed_at: now() })
          .execute();
      },
      { attempts: 1 },
    );
    this.#signedSize = size;
    onCheckpoint();
    if (database.engine === "postgresql")
      database.notify("ledger_checkpoint").catch(this.#options.onFailure);
  }
}

function tampered(message: string): Refusal {
  return new Refusal("record_tampered", `${message}: the ledger is not continued`);
}
