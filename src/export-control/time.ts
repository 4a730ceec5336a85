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
  return isOfDay(ms, text) ? text : null;
}

/** The date in UTC at an instant, or null. */
export function dateAt(instant: string): string | null {
  const ms = instantMs(instant);
  if (ms === null) return null;
  return isOfDay(ms, instant) ? instant.slice(0, 10) : new Date(ms).toISOString().slice(0, 10);
}

/** Whether the day as it is written is the one that it was read as: a day that its month lacks, or 24:00, is read as a later one. */
function isOfDay(ms: number, text: string): boolean {
  return new Date(ms).getUTCDate() === Number(text.slice(8, 10));
}
