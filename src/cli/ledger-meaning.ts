import { isEveryCheck } from "../export-control/decision.ts";
import type { Entry } from "../ledger/entry.ts";
import type { Finding } from "../ledger/findings.ts";
import type { TileSource } from "../ledger/source.ts";
import type { Replayed, Report } from "../ledger/verify.ts";
import { EntryWatch } from "../ledger/verify-watch.ts";
import type { LedgerKey } from "./ledger-key.ts";
import type { State } from "./ledger-monitor-state.ts";
import { scanLedger } from "./ledger-source.ts";

export type MeaningOptions = {
  /** How long a release may be without an outcome. */
  readonly graceMs: number;
  /** How long after a whole reading the next one is due, where what it found out is no longer at hand. */
  readonly everyMs: number;
  /** Decides again from evidence that is at hand. */
  readonly replay?: (entry: Entry) => Replayed;
  /** Called once for each finding, before it is remembered as told: one that a crash cut off is told again. */
  readonly tell: (finding: Finding) => void;
};

type Told = NonNullable<State["meaning"]>;

/**
 * What the entries of a watched ledger mean, by the verifier's own checks, and each finding told once. While the process lives, the checks go on with the new
 * entries alone; a new process reads the whole ledger once more, and tells what was not told before.
 */
export class MeaningWatch {
  readonly #options: MeaningOptions;
  #watch: EntryWatch | null = null;
  #unproved: EntryWatch | null = null;

  constructor(options: MeaningOptions) {
    this.#options = options;
  }

  /** Takes the entries that follow the first `size`, for good once `proved` says that they are signed; null where it has not followed just these. */
  from(size: number): ((entry: Entry) => void) | null {
    const watch = this.#watch;
    // Whatever followed entries before, and was not told that they are signed, is given up.
    this.#unproved = null;
    if (watch?.size !== size) return null;
    [this.#unproved, this.#watch] = [watch, null];
    return (entry) => watch.take(entry);
  }

  proved(): void {
    this.#watch ??= this.#unproved;
    this.#unproved = null;
  }

  /** Whether the whole ledger has to be read for what its first `size` entries mean. */
  isDue(size: number, told: Told | null, now: Date): boolean {
    if (this.#watch?.size === size) return false;
    const { everyMs } = this.#options;
    const sinceMs = told === null ? null : now.getTime() - Date.parse(told.readAt);
    // A clock that was ahead must not put the next reading off until it is so late again.
    return sinceMs === null || sinceMs < 0 || sinceMs >= everyMs;
  }

  /** Verifies the whole ledger, as the report says, and follows its entries from the first one. */
  async read(
    source: TileSource,
    key: LedgerKey,
    { told, onEntry }: { readonly told: Told | null; readonly onEntry?: (entry: Entry) => void },
  ): Promise<Report> {
    let isReading = true;
    // What it held is of no more use, and need not lie beside what is read now.
    this.#watch = null;
    const { replay } = this.#options;
    const watch = new EntryWatch({
      checkIds: isEveryCheck,
      toldSize: told?.size ?? 0,
      replay: (entry) => {
        if (isReading) onEntry?.(entry);
        return replay?.(entry) ?? null;
      },
    });
    const report = await scanLedger(source, key, { watch });
    isReading = false;
    this.#watch = report.verified ? watch : null;
    return report;
  }

  /** Tells what is new, and gives what is to be remembered of it; what was remembered, where the entries were not followed now. */
  tell(
    before: Told | null,
    now: Date,
    wasRead: boolean,
  ): { readonly told: Told | null; readonly count: number; readonly more: number } {
    const watch = this.#watch;
    if (watch === null) return { told: before, count: 0, more: 0 };
    const { graceMs, tell } = this.#options;
    const { findings, more } = watch.drain();
    const toldUntil = before === null ? 0 : Date.parse(before.overdueUntil);
    // By a clock that was ahead all that was open was told; what came later was not.
    const until = toldUntil > now.getTime() + graceMs ? now.getTime() : toldUntil;
    const overdue: Finding[] = [];
    // Of an entry that came late, too, whatever time it says.
    for (const { finding, atMs } of watch.openSince(now.getTime() - graceMs))
      if (atMs + graceMs > until || (finding.index ?? 0) >= (before?.size ?? 0))
        overdue.push(finding);
    const all = [...findings, ...overdue];
    for (const finding of all) tell(finding);
    return {
      told: {
        size: watch.size,
        readAt: wasRead || before === null ? now.toISOString() : before.readAt,
        overdueUntil: new Date(Math.max(until, now.getTime())).toISOString(),
      },
      count: all.length,
      more,
    };
  }
}
