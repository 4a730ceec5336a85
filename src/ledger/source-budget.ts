import { isRefusal, Refusal } from "../errors.ts";
import type { VerificationKey } from "../merkle/note.ts";
import { type PlacedRotation, successionOf } from "../merkle/rotation.ts";
import type { TileSource, UnprovedBudget } from "./source.ts";

/** A source to read from, and what was used up where it gave no more; null until then. */
export type Reading = { readonly source: TileSource; readonly spent: () => string | null };

/**
 * How a ledger is read on the word of its newest checkpoint: without bounds of its own where the trusted key signed that, or one that followed it
 * by rotations, known ones or those that the source tells; else within the source's budget. Whoever knows a ledger's name can write a checkpoint of any
 * size under it, and serve entries without end.
 */
export async function readingOf(
  source: TileSource,
  {
    key,
    checkpoint,
    known = [],
  }: {
    readonly key: VerificationKey;
    readonly checkpoint: Uint8Array | string;
    readonly known?: readonly PlacedRotation[];
  },
): Promise<Reading> {
  const { unproved } = source;
  const isSigned = (rotations: readonly PlacedRotation[]) =>
    successionOf(key, rotations).openNewest(checkpoint)?.verdict === "verified";
  if (unproved === undefined || isSigned(known)) return unbounded(source);
  const told = (await source.rotations?.()) ?? [];
  return isSigned([...known, ...told]) ? unbounded(source) : withinBudget(source, unproved);
}

function unbounded(source: TileSource): Reading {
  return { source, spent: () => null };
}

/** The same ledger, which is `ledger_unavailable` from where the number of fetches, their bytes or the time is spent; as it is without a budget. */
export function withinBudget(source: TileSource, budget: UnprovedBudget | undefined): Reading {
  if (budget === undefined) return unbounded(source);
  const end = performance.now() + budget.timeoutMs;
  let [fetches, bytes] = [0, 0];
  let spent: string | null = null;
  const stop = (what: string): never => {
    spent ??= what;
    throw new Refusal("ledger_unavailable", `No key that is known vouches for more than ${spent}.`);
  };
  const take = async (read: () => Promise<Buffer | null>): Promise<Buffer | null> => {
    fetches += 1;
    const leftMs = end - performance.now();
    if (spent !== null || fetches > budget.fetches) stop(`${budget.fetches} fetches`);
    const late = `${budget.timeoutMs / 1_000} seconds of reading`;
    const got = leftMs <= 0 ? "late" : await orLate(read(), leftMs);
    if (got === "late") return stop(late);
    bytes += got?.length ?? 0;
    return bytes > budget.bytes ? stop(`${budget.bytes} bytes`) : got;
  };
  return {
    source: {
      checkpoint: async () => await take(async () => await source.checkpoint()),
      tile: async (path) => await take(async () => await source.tile(path)),
    },
    spent: () => spent,
  };
}

/** What `work` gives, or null where it failed because its budget was spent. */
export async function unlessSpent<Result>(
  { spent }: Reading,
  work: Promise<Result>,
): Promise<Result | null> {
  try {
    return await work;
  } catch (error) {
    if (spent() !== null && isRefusal(error, "ledger_unavailable")) return null;
    throw error;
  }
}

/** The same ledger, which is `ledger_unavailable` as soon as the signal is aborted, for those who wait already too. */
export function untilAborted(source: TileSource, signal: AbortSignal): TileSource {
  const read = async <Result>(reading: () => Promise<Result>): Promise<Result> => {
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = () => reject(new Refusal("ledger_unavailable", "The reading was broken off."));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
    try {
      return await Promise.race([promise, signal.aborted ? promise : reading()]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  };
  const { rotations } = source;
  const tile = async (path: string) => await read(async () => await source.tile(path));
  return {
    ...source,
    checkpoint: async () => await read(async () => await source.checkpoint()),
    tile: Object.assign(tile, source.tile),
    ...(rotations === undefined ? {} : { rotations: async () => await read(rotations) }),
  };
}

async function orLate<Result>(reading: Promise<Result>, leftMs: number): Promise<Result | "late"> {
  // Nobody waits for what comes too late.
  reading.catch(() => undefined);
  const { promise, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), leftMs);
  try {
    return await Promise.race([reading, promise]);
  } finally {
    clearTimeout(timer);
  }
}
