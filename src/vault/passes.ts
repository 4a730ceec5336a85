import { indexRecords } from "./index-records.ts";
import { redecide } from "./redecide.ts";
import type { RiskEvent } from "./review-grant.ts";
import { sweep } from "./sweep.ts";
import type { Vault } from "./vault.ts";

const sweepEveryMs = 15_000;
const relistEveryMs = 3_600_000;
/** Ten thousand releases a turn, so that sweeping is not held up for long. */
const batchesAtOnce = 20;

export type PassOptions = {
  /** Reads the denied-party list again. */
  readonly reload: () => Promise<void>;
  readonly redecideEveryMs: number;
  readonly onRisk: (event: RiskEvent) => void;
  readonly onFailure: (error: unknown) => void;
};

/**
 * Sweeps, indexes records, reads the denied-party list again and decides grants again, on a clock. The first three never run two at a time, and neither does
 * re-decision, which may take long and holds nothing else up. All begin at the start; stopping ends a re-decision after the grant under way.
 */
export function startPasses(
  vault: Vault,
  { reload, redecideEveryMs, onRisk, onFailure }: PassOptions,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  const then = (work: () => Promise<unknown>) => () => {
    running = running.then(work).catch(onFailure);
  };
  let redeciding: Promise<unknown> | null = null;
  const redecideOnce = () => {
    redeciding ??= redecide(vault, { onEvent: onRisk, onFailure, signal: stopping.signal })
      .catch(onFailure)
      .finally(() => {
        redeciding = null;
      });
  };
  const sweeping = then(async () => await sweep(vault));
  const indexing = then(async () => await indexRecords(vault, batchesAtOnce));
  const timers = [
    setInterval(sweeping, sweepEveryMs),
    setInterval(indexing, sweepEveryMs),
    setInterval(then(reload), relistEveryMs),
    setInterval(redecideOnce, redecideEveryMs),
  ];
  sweeping();
  indexing();
  redecideOnce();
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      stopping.abort();
      await Promise.all([running, redeciding]);
    },
  };
}
