import { sql } from "kysely";
import { arrayText } from "../database/array-text.ts";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";
import type { Place } from "./ledger.ts";

type Waiter = {
  readonly after: "entry" | "checkpoint";
  readonly resolve: (place: Place) => void;
  readonly reject: (error: unknown) => void;
};

type Found = { submission: bigint; index: bigint; bytes: Buffer; leaf: Buffer; covered: boolean };

const safetyMs = 500;
const missedMs = 20;

/**
 * Answers those who wait for their submission to be recorded: one query for all of them at each step of the ledger. Whoever begins to wait is
 * seldom answered at once, and would be one query each: those whose step was before they waited are looked for together, a moment later.
 */
export class Waiting {
  readonly #database: Database;
  readonly #onStep: (covering: number) => void;
  readonly #waiters = new Map<bigint, Set<Waiter>>();
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #isTold = false;
  #timer: NodeJS.Timeout | null = null;
  #missed: NodeJS.Timeout | null = null;
  #unsubscribe: (() => Promise<void>) | null = null;

  /** `onStep` hears, when the ledger moved, how many wait for a checkpoint, and can make ready what they ask for next. */
  constructor(database: Database, onStep: (covering: number) => void) {
    this.#database = database;
    this.#onStep = onStep;
  }

  async start(): Promise<void> {
    if (this.#database.engine === "postgresql") {
      this.#unsubscribe = await this.#database.listen("ledger_checkpoint", () => this.look());
    }
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#missed !== null) clearTimeout(this.#missed);
    await this.#unsubscribe?.();
    this.#refuseAll(
      new Refusal("shutting_down", "the server stopped while the entry was being recorded"),
    );
  }

  async settle(
    submission: bigint,
    { after, timeoutMs }: { readonly after: Waiter["after"]; readonly timeoutMs: number },
  ): Promise<Place> {
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiter: Waiter = { after, resolve, reject };
    const waiters = this.#waiters.get(submission) ?? new Set();
    this.#waiters.set(submission, waiters.add(waiter));
    const late = () =>
      reject(
        new Refusal("ledger_unavailable", `the entry was not recorded within ${timeoutMs} ms`),
      );
    const timer = setTimeout(late, timeoutMs);
    // A notice can be lost with its connection, so those who wait look for themselves now and then.
    this.#timer ??= setInterval(() => this.#look(), safetyMs).unref();
    this.#missed ??= setTimeout(() => this.#lookForMissed(), missedMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiters.delete(waiter);
      if (waiters.size === 0) this.#waiters.delete(submission);
      if (this.#waiters.size === 0 && this.#timer !== null) {
        clearInterval(this.#timer);
        this.#timer = null;
      }
    }
  }

  #lookForMissed(): void {
    this.#missed = null;
    this.#look();
  }

  /** The ledger moved. */
  look(): void {
    this.#isTold = true;
    this.#look();
  }

  /** Looks once more, or once again after the look under way. */
  #look(): void {
    if (this.#waiters.size === 0) return;
    if (this.#looking !== null) {
      this.#lookAgain = true;
      return;
    }
    this.#looking = this.#answer()
      .catch((error: unknown) => this.#refuseAll(error))
      .finally(() => {
        this.#looking = null;
        if (this.#lookAgain) {
          this.#lookAgain = false;
          this.#look();
        }
      });
  }

  async #answer(): Promise<void> {
    const early = this.#early();
    const covering = this.#waiters.size - early.length;
    if (this.#isTold && covering > 0) this.#onStep(covering);
    this.#isTold = false;
    const all = [...this.#waiters.keys()];
    // What nobody can be answered with is not fetched: while checkpoints are late, all who wait would have it fetched again and again.
    const found = await sql<Found>`/* ledger.places */
      with newest as (select coalesce(max(size), 0) as size from ledger_checkpoint)
      select submission, index, bytes, leaf, true as covered from ledger_entry, newest
      where submission = any(${arrayText(all)}::bigint[]) and index < size
      union all
      select submission, index, bytes, leaf, false from ledger_entry, newest
      where submission = any(${arrayText(early)}::bigint[]) and index >= size`.execute(
      this.#database.db,
    );
    for (const { submission, index, bytes, leaf, covered } of found.rows) {
      for (const waiter of this.#waiters.get(submission) ?? []) {
        if (covered || waiter.after === "entry")
          waiter.resolve({ index: Number(index), bytes, leaf });
      }
    }
  }

  /** Whose place is enough for somebody. */
  #early(): readonly bigint[] {
    return [...this.#waiters]
      .filter(([, waiters]) => [...waiters].some(({ after }) => after === "entry"))
      .map(([id]) => id);
  }

  #refuseAll(error: unknown): void {
    for (const waiter of [...this.#waiters.values()].flatMap((waiters) => [...waiters]))
      waiter.reject(error);
  }
}
