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
      totalBytes: this.#options.totalBytes,
      seconds: (now - this.#startedAt) / 1_000,
    });
    const width = (this.#options.stderr.columns ?? 80) - 1;
    this.#options.stderr.write(`\r${line.slice(0, width)}\u001b[K`);
  }
}

/** `[######      ]  25%  1.0/4.0 MB  2.0 MB/s  weights.bin`, one line whatever the label holds. */
export function progressLine(state: {
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly seconds: number;
}): string {
  const { label, doneBytes, totalBytes, seconds } = state;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const bar = "#".repeat(Math.floor(share * barWidth)).padEnd(barWidth);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const rate = seconds > 0 ? `  ${sizeText(doneBytes / seconds)}/s` : "";
  const text = printable(label).replaceAll(/[\n\t]/g, " ");
  return `[${bar}] ${percent}  ${sizeText(doneBytes)} of ${sizeText(totalBytes)}${rate}  ${text}`;
}

/** A size for people, in powers of 1,000: `999 B`, `1.5 kB`, `42 GB`. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [bytes, 0];
  // What would round up to four digits belongs to the next unit.
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
