import { availableParallelism } from "node:os";

/** Two threads seal and open twice as fast as one can hash, and the digest of a whole file is not to be shared out. */
const mostThreads = 2;
/** Below this a thread would take longer to start than to work. */
const worthBytes = 8 * 2 ** 20;

/**
 * How many threads a pool should have for so many bytes beside the caller's own, which hashes: none on a machine with one processor, and
 * none for little.
 */
export function threadsFor(sizeBytes: number, processors = availableParallelism()): number {
  return sizeBytes < worthBytes ? 0 : Math.min(mostThreads, processors - 1);
}
