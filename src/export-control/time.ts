/** Milliseconds of an ISO instant or date, or null for what is neither. A date stands for its first moment in UTC. */
export function instantMs(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z)?$/.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** A calendar date that exists, as it is written; null for anything else. */
export function calendarDate(text: string): string | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? text : null;
}

/** The date in UTC at an instant, or null. */
export function dateAt(instant: string): string | null {
  return instantMs(instant) === null
    ? null
    : new Date(Date.parse(instant)).toISOString().slice(0, 10);
}
