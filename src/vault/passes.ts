import { sweep } from "./sweep.ts";
import type { Vault } from "./vault.ts";

const sweepEveryMs = 15_000;
const relistEveryMs = 3_600_000;

/** Sweeps and reads the denied-party list again on a clock, never two at a time. Sweeps once at the start. */
export function startPasses(
  vault: Vault,
  reload: () => Promise<void>,
  onFailure: (error: unknown) => void,
): { stop(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  const then = (work: () => Promise<unknown>) => () => {
    running = running.then(work).catch(onFailure);
  };
  const sweeping = then(async () => await sweep(vault));
  const timers = [setInterval(sweeping, sweepEveryMs), setInterval(then(reload), relistEveryMs)];
  sweeping();
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await running;
    },
  };
}
