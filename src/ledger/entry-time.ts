/** Where the time of a plain entry begins, counted from the entry's end: its 24 characters, and the two that close the entry. */
export const timeFromEnd = 26;

/** `2026-01-31T23:59:`, which entries mostly share with the one before them. */
const minuteLength = 17;

/** Reads the times of entries one after the other. */
export class EntryTimes {
  readonly #minute = new Uint8Array(minuteLength);
  #minuteMs = Number.NaN;

  /** The time at the entry's end, in milliseconds since 1970; NaN where no plain one stands there. */
  read(entry: Uint8Array): number {
    const at = entry.length - timeFromEnd;
    if (at < 0) return Number.NaN;
    if (!this.#isSameMinute(entry, at)) return this.#readWhole(entry, at);
    const isForm =
      isDigit(entry[at + 17]) &&
      isDigit(entry[at + 18]) &&
      entry[at + 19] === 0x2e &&
      isDigit(entry[at + 20]) &&
      isDigit(entry[at + 21]) &&
      isDigit(entry[at + 22]) &&
      entry[at + 23] === 0x5a;
    const seconds = twoDigits(entry, at + 17);
    return isForm && seconds < 60 ? this.#minuteMs + secondsMs(entry, at) : Number.NaN;
  }

  #isSameMinute(entry: Uint8Array, at: number): boolean {
    const minute = this.#minute;
    // The last characters differ first.
    for (let offset = minuteLength - 1; offset >= 0; offset -= 1)
      if (entry[at + offset] !== minute[offset]) return false;
    return true;
  }

  #readWhole(entry: Uint8Array, at: number): number {
    if (!isPlainTime(entry, at)) return Number.NaN;
    const ms = plainTimeMs(entry, at);
    for (let offset = 0; offset < minuteLength; offset += 1)
      this.#minute[offset] = entry[at + offset] ?? 0;
    this.#minuteMs = ms - secondsMs(entry, at);
    return ms;
  }
}

/** The milliseconds of a plain time since its minute began. */
function secondsMs(bytes: Uint8Array, at: number): number {
  const thousandths = twoDigits(bytes, at + 20) * 10 + (bytes[at + 22] ?? 0) - 0x30;
  return twoDigits(bytes, at + 17) * 1_000 + thousandths;
}

/** Whether `2026-01-31T23:59:59.999Z` stands there, on a day of the calendar. */
export function isPlainTime(bytes: Uint8Array, at: number): boolean {
  for (let offset = 0; offset < timeForm.length; offset += 1) {
    const form = timeForm[offset];
    const byte = bytes[at + offset];
    if (form === 0x30 ? !isDigit(byte) : form !== byte) return false;
  }
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysOf(bytes, at, month);
  const isMinute = twoDigits(bytes, at + 11) < 24 && twoDigits(bytes, at + 14) < 60;
  return isDay && isMinute && twoDigits(bytes, at + 17) < 60;
}

/** How many days the month has, in the year that stands at `at`. */
function daysOf(bytes: Uint8Array, at: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  const [century, year] = [twoDigits(bytes, at), twoDigits(bytes, at + 2)];
  return (year === 0 ? century : year) % 4 === 0 ? 29 : 28;
}

const timeForm = Buffer.from("0000-00-00T00:00:00.000Z", "latin1");

/** What `Date.parse` makes of a plain time, in milliseconds since 1970. */
function plainTimeMs(bytes: Uint8Array, at: number): number {
  const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
  const days = dayOf(year, twoDigits(bytes, at + 5), twoDigits(bytes, at + 8));
  const minutes = twoDigits(bytes, at + 11) * 60 + twoDigits(bytes, at + 14);
  return (days * 1_440 + minutes) * 60_000 + secondsMs(bytes, at);
}

/** Days since 1970 in the Gregorian calendar. Years are counted from March, so that a leap day is a year's last. */
function dayOf(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1;
  const leapDays = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400);
  const months = month > 2 ? month - 3 : month + 9;
  const daysBeforeMonth = Math.floor((153 * months + 2) / 5);
  return from * 365 + leapDays + daysBeforeMonth + day - 719_469;
}

function twoDigits(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) - 0x30) * 10 + (bytes[at + 1] ?? 0) - 0x30;
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}
