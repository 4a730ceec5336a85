import { type CsvRecord, parseCsv } from "./csv.ts";
import { type About, ListError, type ListedParty, listOf, type ScreeningList } from "./list.ts";

const sdnColumns = 12;
const alternateColumns = 5;

/**
 * Parses OFAC's own files: SDN.CSV and ALT.CSV, without headers, where `-0-` is nothing. An alternate name whose entry is not in
 * SDN.CSV becomes an entry of its own rather than be lost. Throws a ListError that names the file and line it cannot take.
 */
export function parseSdnList(
  texts: { readonly sdn: string; readonly alternates: string },
  about: About,
): ScreeningList {
  const alternates = alternatesByEntry(texts.alternates);
  const entries = recordsOf("SDN.CSV", texts.sdn, sdnColumns).map(({ line, fields }) => {
    const entry = required(`SDN.CSV line ${line}`, fields[0], "number");
    const name = required(`SDN.CSV line ${line}`, fields[1], "name");
    const type = cell(fields[2]);
    return { source: "SDN", entry, name, alternateNames: alternates.get(entry) ?? [], type };
  });
  const present = new Set(entries.map(({ entry }) => entry));
  const orphans = [...alternates].flatMap(([entry, [name, ...alternateNames]]): ListedParty[] =>
    present.has(entry) || name === undefined
      ? []
      : [{ source: "SDN", entry, name, alternateNames, type: "" }],
  );
  return listOf(about, [texts.sdn, texts.alternates], [...entries, ...orphans]);
}

function alternatesByEntry(text: string): ReadonlyMap<string, readonly string[]> {
  const byEntry = new Map<string, string[]>();
  for (const { line, fields } of recordsOf("ALT.CSV", text, alternateColumns)) {
    const entry = required(`ALT.CSV line ${line}`, fields[0], "number");
    const name = required(`ALT.CSV line ${line}`, fields[3], "name");
    const names = byEntry.get(entry);
    if (names === undefined) byEntry.set(entry, [name]);
    else names.push(name);
  }
  return byEntry;
}

function recordsOf(file: string, text: string, columns: number): readonly CsvRecord[] {
  const records = parsedFile(file, text);
  for (const { line, fields } of records) {
    if (fields.length !== columns) {
      throw new ListError(`${file} line ${line}: ${fields.length} fields, not ${columns}`);
    }
  }
  return records;
}

function parsedFile(file: string, text: string): readonly CsvRecord[] {
  try {
    return parseCsv(text);
  } catch (cause) {
    if (cause instanceof ListError) throw new ListError(`${file} ${cause.message}`, { cause });
    throw cause;
  }
}

function required(where: string, value: string | undefined, what: string): string {
  const text = cell(value);
  if (text === "") throw new ListError(`${where}: no ${what}`);
  return text;
}

function cell(value: string | undefined): string {
  const text = (value ?? "").trim();
  return text === "-0-" ? "" : text;
}
