import type { Writable } from "node:stream";

/** Where a command speaks: data on stdout, everything said about it on stderr. */
export type Output = {
  readonly isJson: boolean;
  /** The result, once: as JSON where asked, otherwise as the text for people. */
  readonly result: (value: unknown, text: () => string) => void;
  /** A sentence on stderr. */
  readonly note: (sentence: string) => void;
};

export function createOutput(
  { stdout, stderr }: { readonly stdout: Writable; readonly stderr: Writable },
  isJson: boolean,
): Output {
  return {
    isJson,
    result: (value, text) => {
      stdout.write(isJson ? `${JSON.stringify(value, null, 2)}\n` : lines(printable(text())));
    },
    note: (sentence) => {
      stderr.write(lines(printable(sentence)));
    },
  };
}

/**
 * Text that cannot steer a terminal, since what a server or a file name says may hold escape sequences, and that repeats no token: one that
 * was given as an argument by mistake would otherwise stand in the message that refuses it, and in every log that keeps it.
 */
export function printable(text: string): string {
  return text
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replaceAll(/\bwvb?_[A-Za-z0-9_-]{16,}/g, "[token]");
}

export type Column = {
  readonly title: string;
  readonly of: (row: Readonly<Record<string, unknown>>) => unknown;
};

/** A column for each named member. */
export function columns(...names: readonly string[]): readonly Column[] {
  return names.map((name) => ({ title: name, of: (row) => row[name] }));
}

/** Rows under their titles, aligned; a sentence where there are none. */
export function table(
  rows: readonly Readonly<Record<string, unknown>>[],
  of: readonly Column[],
): string {
  if (rows.length === 0) return "none";
  const cells = [
    of.map(({ title }) => title),
    ...rows.map((row) => of.map((column) => cell(column.of(row)))),
  ];
  const widths = of.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** One thing, a member a line. */
export function details(value: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(value);
  const width = Math.max(0, ...names.map((name) => name.length));
  return names.map((name) => `${name.padEnd(width)}  ${cell(value[name])}`).join("\n");
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return value.replaceAll("\n", " ");
  return JSON.stringify(value);
}

function lines(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
