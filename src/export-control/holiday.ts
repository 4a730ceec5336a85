import type { IsoDate } from "./facts.ts";

const dayMs = 86_400_000;

/**
 * The first business day on or after a date: no Saturday, no Sunday and no legal public holiday of the United States (5 U.S.C. 6103(a)),
 * where a holiday on a Saturday is observed the Friday before (6103(b)) and one on a Sunday the Monday after (E.O. 11582). Inauguration day
 * and days closed by order are left out: leaving one out moves nothing further. The date has to be one that exists.
 */
export function firstBusinessDay(date: IsoDate): IsoDate {
  let ms = Date.parse(date);
  while (isClosed(new Date(ms))) ms += dayMs;
  return isoDate(ms);
}

function isClosed(day: Date): boolean {
  const weekday = day.getUTCDay();
  if (weekday === 0 || weekday === 6) return true;
  const today = isoDate(day.getTime());
  const year = day.getUTCFullYear();
  return [...holidaysOf(year), ...holidaysOf(year + 1)].some(
    (holiday) => observed(holiday) === today,
  );
}

/** The days of 6103(a), each from the year of the law that made it one. */
function holidaysOf(year: number): readonly number[] {
  const on = (month: number, day: number) => Date.UTC(year, month - 1, day);
  const juneteenth = year >= 2021 ? [on(6, 19)] : [];
  return [
    on(1, 1),
    nth(year, { month: 1, weekday: 1, number: 3 }),
    nth(year, { month: 2, weekday: 1, number: 3 }),
    nth(year, { month: 6, weekday: 1, number: 1 }) - 7 * dayMs,
    ...juneteenth,
    on(7, 4),
    nth(year, { month: 9, weekday: 1, number: 1 }),
    nth(year, { month: 10, weekday: 1, number: 2 }),
    on(11, 11),
    nth(year, { month: 11, weekday: 4, number: 4 }),
    on(12, 25),
  ];
}

type Nth = { readonly month: number; readonly weekday: number; readonly number: number };

/** The nth weekday of a month. The last Monday of May is the one before the first of June. */
function nth(year: number, { month, weekday, number }: Nth): number {
  const first = new Date(Date.UTC(year, month - 1, 1));
  const offset = (weekday - first.getUTCDay() + 7) % 7;
  return first.getTime() + (offset + 7 * (number - 1)) * dayMs;
}

function observed(holidayMs: number): IsoDate {
  const weekday = new Date(holidayMs).getUTCDay();
  if (weekday === 6) return isoDate(holidayMs - dayMs);
  return isoDate(weekday === 0 ? holidayMs + dayMs : holidayMs);
}

function isoDate(ms: number): IsoDate {
  return new Date(ms).toISOString().slice(0, 10);
}
