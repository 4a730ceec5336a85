/**
 * Works through items side by side, so many at a time. The first failure ends it: `signal` tells those under way, and it is thrown when none
 * is any more.
 */
export async function inParallel<Item>(
  items: readonly Item[],
  { most, signal }: { readonly most: number; readonly signal: AbortSignal },
  work: (item: Item, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failing = new AbortController();
  const any = AbortSignal.any([signal, failing.signal]);
  const left = items.values();
  let failure: { readonly error: unknown } | null = null;
  const lane = async () => {
    for (const item of left) {
      if (failure !== null) return;
      try {
        await work(item, any);
      } catch (error) {
        failure ??= { error };
        failing.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
}
