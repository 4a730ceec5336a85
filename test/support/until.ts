import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when `holds` does, and throws when it has not within ten seconds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`still not so: ${String(holds)}`);
    await sleep(10);
  }
}
