import type { Writable } from "node:stream";
import { printable } from "./output.ts";

export type ProgressOptions = {
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly totalBytes: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
};

const barWidth = 24;
const redrawAfterMs = 100;

/** A line on stderr that says how far bytes have come. Silent unless stderr is a terminal. `using` clears it. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #doneBytes = 0;
  #skippedBytes = 0;
  #label = "";

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
  }

  /** Names what comes now. */
  label(text: string): void {
    this.#label = text;
    this.#draw(true);
  }

  add(bytes: number): void {
    this.#doneBytes += bytes;
    this.#draw(false);
  }

  /** Bytes that were there before: done, and no part of the rate. */
  skip(bytes: number): void {
    this.#skippedBytes += bytes;
    this.add(bytes);
  }

  [Symbol.dispose](): void {
    if (this.#isShown) this.#options.stderr.write("\r\u001b[K");
  }

  get #isShown(): boolean {
    return this.#options.stderr.isTTY === true;
  }

  #draw(atOnce: boolean): void {
    const now = this.#now();
    if (!this.#isShown || (!atOnce && now - this.#drawnAt < redrawAfterMs)) return;
    this.#drawnAt = now;
    const line = progressLine({
      label: this.#label,
      doneBytes: this.#doneBytes,
      skippedBytes: this.#skippedBytes,
      totalBytes: this.#options.totalBytes,
      seconds: (now - this.#startedAt) / 1_000,
    });
    const width = (this.#options.stderr.columns ?? 80) - 1;
    this.#options.stderr.write(`\r${line.slice(0, width)}\u001b[K`);
  }
}

/** `[######      ]  25%  1.0 MB of 4.0 MB  2.0 MB/s  2 s left  weights.bin`, one line whatever the label holds. */
export function progressLine(state: {
  readonly label: string;
  readonly doneBytes: number;
  /** How many of these came before the seconds began. */
  readonly skippedBytes?: number;
  readonly totalBytes: number;
  readonly seconds: number;
}): string {
  const { label, doneBytes, skippedBytes = 0, totalBytes, seconds } = state;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const bar = "#".repeat(Math.floor(share * barWidth)).padEnd(barWidth);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const bytesPerSecond = seconds > 0 ? (doneBytes - skippedBytes) / seconds : 0;
  const rate = seconds > 0 ? `  ${sizeText(bytesPerSecond)}/s` : "";
  const leftBytes = totalBytes - doneBytes;
  const left =
    bytesPerSecond > 0 && leftBytes > 0 ? `  ${timeText(leftBytes / bytesPerSecond)} left` : "";
  const text = printable(label).replaceAll(/[\n\t]/g, " ");
  return `[${bar}] ${percent}  ${sizeText(doneBytes)} of ${sizeText(totalBytes)}${rate}${left}  ${text}`;
}

/** A size for people, in powers of 1,000: `999 B`, `1.5 kB`, `42 GB`. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [bytes, 0];
  // What would round up to four digits belongs to the next unit.
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A length of time for people, in its two greatest units: `9 s`, `5 min 20 s`, `3 h 0 min`, `2 d 5 h`. */
export function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3_600)];
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
