import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import { parseNote, type VerificationKey } from "../merkle/note.ts";
import { isQuorum, type Policy, signedWitnesses } from "../merkle/policy.ts";
import { withCosignatures } from "./cosigned.ts";
import { assertIncluded } from "./cover.ts";
import type { Place } from "./ledger.ts";
import { openSigned } from "./reigns.ts";
import { hashReader } from "./tiles.ts";

type Witnessed = { readonly size: number; readonly root: Buffer };

type Waiter = { readonly index: number; readonly resolve: () => void };

/** A notice can be lost with its connection, so those who wait look for themselves now and then. */
const safetyMs = 500;
/** Under load many newer checkpoints have one cosignature and no quorum yet. */
const lookedAt = 64;

/**
 * Knows the newest checkpoint that satisfies the quorum, and has those wait whose entries it does not cover. Nothing counts because a table
 * says so: the log's signature and every cosignature are verified here, under the keys of the policy.
 */
export class Quorum {
  readonly #database: Database;
  readonly #key: VerificationKey;
  readonly #policy: Policy;
  readonly #waiters = new Set<Waiter>();
  #newest: Witnessed = { size: 0, root: Buffer.alloc(0) };
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #behindSince: number | null = null;
  #unsubscribe: (() => Promise<void>) | null = null;

  constructor(database: Database, key: VerificationKey, policy: Policy) {
    this.#database = database;
    this.#key = key;
    this.#policy = policy;
  }

  async start(): Promise<void> {
    if (this.#database.engine === "postgresql") {
      this.#unsubscribe = await this.#database.listen("ledger_cosignature", () => this.look());
    }
  }

  async stop(): Promise<void> {
    await this.#unsubscribe?.();
    await this.#looking;
  }

  /**
   * Resolves when a witnessed checkpoint covers the entry, which is then proved to lead to its root. Throws `witnesses_unavailable` when that
   * takes too long, and `record_tampered` where the entry does not lead there.
   */
  async covers(place: Place, timeoutMs: number): Promise<void> {
    await this.#until(place.index, timeoutMs);
    const { size, root } = this.#newest;
    await assertIncluded(place, { size, root, read: hashReader(this.#database.db, size) });
  }

  /** Throws `witnesses_unavailable` where the newest checkpoint has been without its quorum for longer than that. */
  async check(graceMs: number): Promise<void> {
    await this.#look();
    const row = await this.#database.db
      .selectFrom("ledger_checkpoint")
      .select("size")
      .orderBy("size", "desc")
      .limit(1)
      .executeTakeFirst();
    if (Number(row?.size ?? 0n) <= this.#newest.size) this.#behindSince = null;
    else this.#behindSince ??= performance.now();
    if (this.#behindSince !== null && performance.now() - this.#behindSince > graceMs)
      throw new Refusal("witnesses_unavailable", "the newest entries have no quorum of witnesses");
  }

  /** Cosignatures came in: looks once more, or once again after the look under way. */
  look(): void {
    if (this.#waiters.size === 0) return;
    if (this.#looking !== null) {
      this.#lookAgain = true;
      return;
    }
    // Who waits hears of an outage by its own time limit: until then the database may be back.
    this.#looking = this.#look()
      .catch(() => undefined)
      .finally(() => {
        this.#looking = null;
        if (this.#lookAgain) {
          this.#lookAgain = false;
          this.look();
        }
      });
  }

  async #until(index: number, timeoutMs: number): Promise<void> {
    if (this.#newest.size > index) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { index, resolve };
    const late = setTimeout(
      () => reject(new Refusal("witnesses_unavailable", "no quorum of witnesses in time")),
      Math.max(0, timeoutMs),
    );
    const again = setInterval(() => this.look(), safetyMs).unref();
    this.#waiters.add(waiter);
    this.look();
    try {
      await promise;
    } finally {
      clearTimeout(late);
      clearInterval(again);
      this.#waiters.delete(waiter);
    }
  }

  async #look(): Promise<void> {
    const found = await sql<{ size: bigint; note: string }>`
      select checkpoint.size, checkpoint.note from (
        select distinct size from ledger_cosignature where size > ${BigInt(this.#newest.size)}
        order by size desc limit ${lookedAt}
      ) as cosigned join ledger_checkpoint as checkpoint using (size)
      order by checkpoint.size desc`.execute(this.#database.db);
    for (const { size, note } of found.rows) {
      const witnessed = await this.#judge({ size: Number(size), note });
      if (witnessed === null || witnessed.size <= this.#newest.size) continue;
      this.#newest = witnessed;
      break;
    }
    for (const { index, resolve } of this.#waiters) if (index < this.#newest.size) resolve();
  }

  async #judge(row: { readonly size: number; readonly note: string }): Promise<Witnessed | null> {
    const text = await withCosignatures(this.#database.db, row);
    const note = parseNote(text);
    const opened = await openSigned(this.#database.db, text, this.#key);
    if (note === null || opened?.verdict !== "verified") return null;
    const { origin, size, root } = opened.checkpoint;
    if (size !== row.size || origin !== this.#key.name) return null;
    return isQuorum(this.#policy, signedWitnesses(this.#policy, note)) ? { size, root } : null;
  }
}
