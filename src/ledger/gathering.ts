import { batchLimit } from "./batch-limit.ts";

const msForEach = 0.5;
const mostMs = 25;

/**
 * Milliseconds until the batch after one of so many entries: a batch costs as much as a hundred entries, so what comes fast is gathered for a
 * moment, what comes slowly hardly waits, and behind a full batch there is more already.
 */
export function gathering(entries: number): number {
  return entries < batchLimit ? Math.min(entries * msForEach, mostMs) : 0;
}
