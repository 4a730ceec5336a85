/**
 * What a record's retention is counted from, 15 CFR 762.6(a): the decision and the release (the export), a reexport, transfer or diversion that
 * became known, the end of the grant or license that it was made under, and a change of the record itself.
 */
export type RetentionEvent = {
  readonly what: "decision" | "release" | "movement" | "termination" | "change";
  /** ISO 8601, an instant in UTC or a day. */
  readonly at: string;
};

/** 15 CFR 762.6(a). A setting may lengthen it, as for 31 CFR 501.601; nothing shortens it. */
export const leastRetentionYears = 5;

export type Retention = {
  /** The event that is counted from. */
  readonly latest: RetentionEvent;
  /** The last day, in UTC, on which the record must be kept. */
  readonly until: string;
};

/**
 * How long a record must be kept: some years from the latest of its events, through the whole of that anniversary in UTC; from a 29th of
 * February through the 1st of March where the anniversary's year has none. Null where there is no event to count from, or one whose time cannot
 * be read: then the end is not known, and the record is kept. Throws a RangeError under five years.
 */
export function retentionOf(
  events: readonly RetentionEvent[],
  years: number = leastRetentionYears,
): Retention | null {
  if (!Number.isInteger(years) || years < leastRetentionYears)
    throw new RangeError(`records are kept for ${leastRetentionYears} years at least`);
  let latest: { readonly event: RetentionEvent; readonly atMs: number } | null = null;
  for (const event of events) {
    const atMs = instantOf(event.at);
    if (atMs === null) return null;
    if (latest === null || atMs > latest.atMs) latest = { event, atMs };
  }
  if (latest === null) return null;
  return { latest: latest.event, until: anniversary(new Date(latest.atMs), years) };
}

/** Whether the retention has run at an instant: the whole of its last day is over. What is not known has not run. */
export function hasRun(retention: Retention | null, at: string): boolean {
  const atMs = instantOf(at);
  return (
    retention !== null &&
    atMs !== null &&
    new Date(atMs).toISOString().slice(0, 10) > retention.until
  );
}

const pattern = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z)?$/;

/** Milliseconds since 1970; null for what is no day of the calendar. */
function instantOf(text: string): number | null {
  if (!pattern.test(text)) return null;
  const atMs = Date.parse(text);
  // The 30th of February parses as another day.
  return Number.isNaN(atMs) || new Date(atMs).getUTCDate() !== Number(text.slice(8, 10))
    ? null
    : atMs;
}

/** Date.UTC carries the 29th of February over to the 1st of March. */
function anniversary(from: Date, years: number): string {
  const on = Date.UTC(from.getUTCFullYear() + years, from.getUTCMonth(), from.getUTCDate());
  return new Date(on).toISOString().slice(0, 10);
}
