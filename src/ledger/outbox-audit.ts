import { sql } from "kysely";
import type { Database } from "../database/open.ts";
import { Refusal } from "../errors.ts";

const everyMs = 2_000;
const rowsAtOnce = 10_000;
/** A transaction that rolls back leaves a gap, one that commits late fills its own: so many of the newest are looked at again. */
const keptGaps = 1_000;

/** `found` are the entries of the submissions that were looked at, `entries` those that say they are of submissions in that range. */
type Looked = {
  readonly lost: bigint | null;
  readonly done: bigint | null;
  readonly found: bigint;
  readonly entries: bigint;
  /** The ids that no submission has among those that were passed, from and to, the newest first. */
  readonly gaps: readonly (readonly [first: string, last: string])[] | null;
};

/**
 * Looks again and again for submissions that are neither pending nor entered: a revocation whose pending row was deleted would never reach
 * the ledger, and nobody who reads the ledger could miss it. And for entries whose submission is gone: decisions read what was last submitted of a
 * row. Each look goes on where the last one ended, a bounded number of rows at a time, so that the first ones of a process go through all; of what it has
 * passed it looks at the gaps again, which a late committer may fill.
 */
export class OutboxAudit {
  readonly #database: Database;
  /** Everything up to here was entered, and entries stay. */
  #entered = 0n;
  #gaps: readonly (readonly [first: string, last: string])[] = [];
  #dueAt = Number.NEGATIVE_INFINITY;
  /** Whether the last look ended and found nothing. */
  #isClean = false;
  #looking: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Looks every two seconds. The first look, and any after one that did not end well, is waited for; the others go on beside the caller, whose next
   * call throws what came of them: a look takes as long as several batches. Throws as `look`.
   */
  async keepLooking(): Promise<void> {
    if (this.#isClean) {
      if (this.#looking === null && performance.now() >= this.#dueAt) void this.#begin();
      return;
    }
    const looking = this.#looking ?? this.#begin();
    try {
      await looking;
    } finally {
      this.#looking = null;
    }
  }

  /** Resolves when no look is under way. */
  async settled(): Promise<void> {
    await this.#looking?.catch(() => {});
  }

  #begin(): Promise<void> {
    const looking = this.look().then(
      () => {
        this.#isClean = true;
        this.#dueAt = performance.now() + everyMs;
        this.#looking = null;
      },
      (error: unknown) => {
        this.#isClean = false;
        throw error;
      },
    );
    // The next call throws it; until then nobody waits.
    looking.catch(() => {});
    this.#looking = looking;
    return looking;
  }

  /** Throws `record_tampered` where it finds one. */
  async look(): Promise<void> {
    const { rows } = await sql<Looked>`
      with looked as materialized (
        select submission.id, ledger_pending.submission is not null as pending, entry.found is not null as entered
        from (select id from ledger_submission where id > ${this.#entered}::bigint order by id limit ${rowsAtOnce}) as submission
        left join ledger_pending on ledger_pending.submission = submission.id
        left join lateral (
          select true as found from ledger_entry where ledger_entry.submission = submission.id limit 1) as entry on true),
      passed as (
        select id, lag(id, 1, ${this.#entered}::bigint) over (order by id) as before from looked
        where id < coalesce((select min(id) from looked where not entered), 9223372036854775807))
      select (select min(id) from looked where not pending and not entered) as lost,
        (select max(id) from passed) as done,
        (select json_agg(json_build_array((before + 1)::text, (id - 1)::text) order by id desc) from (
          select id, before from passed where id > before + 1 order by id desc limit ${keptGaps}) as gap) as gaps,
        (select count(*) from looked where entered) as found,
        (select count(*) from ledger_entry where submission > ${this.#entered}::bigint and submission <= (
          select case when count(*) < ${rowsAtOnce} then 9223372036854775807 else max(id) end from looked)) as entries`.execute(
      this.#database.db,
    );
    const [row] = rows;
    const lost = row?.lost ?? (await this.#lostInGaps());
    if (lost !== null)
      throw new Refusal(
        "record_tampered",
        "a submission was taken out of the ledger's way: the ledger is not continued",
        { cause: new Error(`submission ${lost}`) },
      );
    if (row !== undefined && row.entries > row.found)
      throw new Refusal(
        "record_tampered",
        "the submission of an entry was taken away: the ledger is not continued",
        { cause: new Error(`an entry of a submission after ${this.#entered}`) },
      );
    if (row?.done != null) this.#entered = row.done;
    this.#gaps = [...(row?.gaps ?? []), ...this.#gaps].slice(0, keptGaps);
  }

  async #lostInGaps(): Promise<bigint | null> {
    if (this.#gaps.length === 0) return null;
    const first = this.#gaps.map(([from]) => from);
    const last = this.#gaps.map(([, to]) => to);
    const { rows } = await sql<{ lost: bigint | null }>`
      select min(submission.id) as lost from unnest(${first}::bigint[], ${last}::bigint[]) as gap (first, last)
      cross join lateral (
        select id from ledger_submission where id between gap.first and gap.last order by id limit ${rowsAtOnce}) as submission
      where not exists (select from ledger_pending where ledger_pending.submission = submission.id)
        and not exists (select from ledger_entry where ledger_entry.submission = submission.id)`.execute(
      this.#database.db,
    );
    return rows[0]?.lost ?? null;
  }
}
