import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when `holds` does, and throws when it has not within ten seconds, or so many. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { seconds = 10 }: { readonly seconds?: number } = {},
): Promise<void> {
  const end = performance.now() + seconds * 1_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`still not so: ${String(holds)}`);
    await sleep(10);
  }
}
