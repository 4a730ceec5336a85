import { indexRecords } from "./index-records.ts";
import { proveDeclared } from "./prove-declared.ts";
import { redecide } from "./redecide.ts";
import type { RiskEvent } from "./review-grant.ts";
import { rewrapKeys } from "./rewrap.ts";
import { sweep } from "./sweep.ts";
import type { Vault } from "./vault.ts";

const sweepEveryMs = 15_000;
const relistEveryMs = 3_600_000;
const rewrapEveryMs = 5_000;
const proveEveryMs = 1_000;
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
 * Sweeps, indexes records, reads the denied-party list again, decides grants again, re-wraps keys of a rotation and reads objects whose digest is declared, on a clock. The first three
 * never run two at a time, and neither do the others beside themselves, which may take long and hold nothing else up. All begin at the start; stopping ends a re-decision
 * after the grant under way, re-wrapping after its batch, and a read at once.
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
  const { signal } = stopping;
  const redeciding = alone(
    async () => await redecide(vault, { onEvent: onRisk, onFailure, signal }),
    onFailure,
  );
  const rewrapping = alone(async () => await rewrapKeys(vault, { onFailure, signal }), onFailure);
  const proving = alone(async () => await proveDeclared(vault, { onFailure, signal }), onFailure);
  const sweeping = then(async () => await sweep(vault));
  const indexing = then(async () => await indexRecords(vault, batchesAtOnce));
  const timers = [
    setInterval(sweeping, sweepEveryMs),
    setInterval(indexing, sweepEveryMs),
    setInterval(then(reload), relistEveryMs),
    setInterval(redeciding.begin, redecideEveryMs),
    setInterval(rewrapping.begin, rewrapEveryMs),
    setInterval(proving.begin, proveEveryMs),
  ];
  sweeping();
  indexing();
  redeciding.begin();
  rewrapping.begin();
  proving.begin();
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      stopping.abort();
      await Promise.all([running, redeciding.ended(), rewrapping.ended(), proving.ended()]);
    },
  };
}

/** Work that is not begun again before it has ended. */
function alone(work: () => Promise<unknown>, onFailure: (error: unknown) => void) {
  let underWay: Promise<unknown> | null = null;
  return {
    begin: () => {
      underWay ??= work()
        .catch(onFailure)
        .finally(() => {
          underWay = null;
        });
    },
    ended: async () => await underWay,
  };
}
