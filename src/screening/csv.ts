import { ListError } from "./list.ts";

/** One record and the line of the file that it begins on, counted from 1. */
export type CsvRecord = { readonly line: number; readonly fields: readonly string[] };

/**
 * Reads comma-separated values as RFC 4180 has them: quoted fields hold commas, line ends and doubled quotes. A byte order mark and
 * OFAC's closing 1A are passed over. Throws a ListError that names the line where quotes do not pair.
 */
export function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  const end = text.endsWith("\u001a") ? text.length - 1 : text.length;
  let at = text.startsWith("\ufeff") ? 1 : 0;
  let line = 1;
  while (at < end) {
    const first = line;
    const fields: string[] = [];
    for (;;) {
      const field =
        text[at] === '"' ? quotedField(text, at, end, line) : plainField(text, at, end, line);
      fields.push(field.value);
      line += field.lines;
      at = field.next;
      if (text[at] !== "," || at >= end) break;
      at += 1;
    }
    const isBlank = fields.length === 1 && fields[0] === "";
    if (!isBlank) records.push({ line: first, fields });
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    line += 1;
  }
  return records;
}

type Field = { readonly value: string; readonly next: number; readonly lines: number };

function plainField(text: string, start: number, end: number, line: number): Field {
  let at = start;
  while (at < end && text[at] !== "," && text[at] !== "\n" && text[at] !== "\r") {
    if (text[at] === '"')
      throw new ListError(`line ${line}: a quote inside a field without quotes`);
    at += 1;
  }
  return { value: text.slice(start, at), next: at, lines: 0 };
}

function quotedField(text: string, start: number, end: number, line: number): Field {
  let at = start + 1;
  let lines = 0;
  for (; at < end; at += 1) {
    if (text[at] === "\n") lines += 1;
    if (text[at] !== '"') continue;
    if (text[at + 1] !== '"' || at + 1 >= end) break;
    at += 1;
  }
  if (at >= end) throw new ListError(`line ${line}: a quoted field never ends`);
  const next = at + 1;
  if (next < end && text[next] !== "," && text[next] !== "\n" && text[next] !== "\r") {
    throw new ListError(`line ${line + lines}: text after the closing quote of a field`);
  }
  return { value: text.slice(start + 1, at).replaceAll('""', '"'), next, lines };
}
