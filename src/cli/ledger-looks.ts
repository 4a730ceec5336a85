import { setTimeout as delay } from "node:timers/promises";
import type { TileSource } from "../ledger/source.ts";
import { untilAborted } from "../ledger/source-budget.ts";
import { parseTilePath } from "../merkle/tile.ts";
import { entriesOf } from "./counted.ts";
import { alarm, type Monitor, type Watched, watchOnce } from "./ledger-monitor.ts";

export type LooksOptions = {
  readonly monitor: Monitor;
  /** How long a look may last before somebody is told. */
  readonly withinMs: number;
  /** Waits for a time, or until the signal is aborted, which is thrown; the clock's own where it is left out. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** Breaks off the look that is under way. */
  readonly stopping: AbortController;
};

/** What timers take at most. */
const longestMs = 2 ** 31 - 1;

/**
 * Looks at a vault's ledger, one look after the other. One that is not through in time is an alarm, `too_slow`: whoever serves each tile just before it would count as
 * an outage is verified by nobody, and nobody would hear of it. The look goes on, and the next one is the same, so that a long ledger is verified at last.
 */
export class Looks {
  readonly #options: LooksOptions;
  readonly #source: TileSource;
  #underWay: Promise<Watched> | null = null;
  #entries = 0;

  constructor(options: LooksOptions) {
    this.#options = options;
    const { monitor, stopping } = options;
    this.#source = this.#counting(untilAborted(monitor.source, stopping.signal));
  }

  /** What a look gave, or `too_slow`; null where it was broken off before it gave anything. Throws as `watchOnce`. */
  async next(): Promise<Watched | null> {
    const { monitor, withinMs, wait = clockWait, stopping } = this.#options;
    if (this.#underWay === null) this.#entries = 0;
    this.#underWay ??= watchOnce({ ...monitor, source: this.#source });
    const look = this.#underWay;
    const through = new AbortController();
    const isLate = wait(Math.min(withinMs, longestMs), through.signal).then(
      () => true,
      () => false,
    );
    const ends = look.then(
      () => false,
      () => false,
    );
    const late = await Promise.race([ends, isLate]);
    through.abort();
    if (late) return this.#tooSlow();
    this.#underWay = null;
    const watched = await look;
    // What it came to stays so, also where nobody reads on while it is told.
    return stopping.signal.aborted && isOutOfReach(watched) ? null : watched;
  }

  /** Breaks off what is under way, and waits until it has kept how far it read. */
  async stop(): Promise<void> {
    this.#options.stopping.abort();
    await this.#underWay?.catch(() => undefined);
  }

  #tooSlow(): Watched {
    const seconds = this.#options.withinMs / 1_000;
    const message = `the ledger was not verified within ${seconds} seconds: it gave ${entriesOf(this.#entries)} since the look began`;
    return alarm("too_slow", null, message);
  }

  #counting(source: TileSource): TileSource {
    const tile = async (path: string) => {
      const bytes = await source.tile(path);
      const { level, width } = parseTilePath(path) ?? { level: 0, width: 0 };
      if (bytes !== null && level === "entries") this.#entries += width;
      return bytes;
    };
    return { ...source, tile: Object.assign(tile, source.tile) };
  }
}

/** What a look that is broken off comes to. */
function isOutOfReach({ code }: Watched): boolean {
  return code === "unreachable" || code === "unreachable_too_long";
}

async function clockWait(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}
