const longestKeyBytes = 512;
const longestSegmentBytes = 255;

/** The segments of a key. A key that could name anything outside the store is a bug of ours: TypeError. */
export function segmentsOf(key: string): readonly string[] {
  if (!isBlobKey(key))
    throw new TypeError(`not a blob key: ${JSON.stringify(key.slice(0, longestKeyBytes))}`);
  return key.split("/");
}

export function isBlobKey(key: string): boolean {
  return key.length <= longestKeyBytes && key.split("/").every(isSegment);
}

export function isSegment(name: string): boolean {
  if (name === "." || name === ".." || name.length > longestSegmentBytes) return false;
  return /^[A-Za-z0-9._-]+$/.test(name);
}

/** Throws a RangeError for what is no range: a mistake of the caller. */
export function assertRange({
  start,
  end,
}: {
  readonly start: number;
  readonly end: number;
}): void {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end)
    return;
  throw new RangeError("a range starts at 0 or later and ends where it starts or later");
}
