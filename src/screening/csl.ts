import { parseCsv } from "./csv.ts";
import {
  type About,
  ListError,
  type ListedParty,
  listOf,
  type ScreeningList,
  sourceCode,
} from "./list.ts";

/**
 * Parses the Consolidated Screening List: the CSV with its header, the consolidated JSON (`results`), or the JSON with shortened keys
 * that describes itself in `fieldKey`. A list that states when it was made is as old as it says, unless `about` makes it older
 * still. Throws a ListError that names the line or entry it cannot take.
 */
export function parseConsolidatedList(text: string, about: About): ScreeningList {
  const isJson = /^\ufeff?\s*[{[]/.test(text);
  if (!isJson) return listOf(about, [text], partiesOfCsv(text));
  const whole = parsed(text);
  const asOf = earlier(about.asOf, statedAt(whole));
  return listOf({ ...about, asOf }, [text], partiesOfJson(whole));
}

/** When the JSON says that it was made, as an instant in UTC; null where it does not. */
function statedAt(whole: Readonly<Record<string, unknown>>): string | null {
  const stated = whole["search_performed_at"] ?? whole["sourceGeneratedAt"];
  if (typeof stated !== "string") return null;
  const [, moment, zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2}T[\d:.]+)(Z|[+-]\d{2}:\d{2})?$/.exec(stated) ?? [];
  const ms = Date.parse(`${moment}${zone}`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

function earlier(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return Date.parse(other) < Date.parse(one) ? other : one;
}

function partiesOfCsv(text: string): readonly ListedParty[] {
  const [header, ...records] = parseCsv(text);
  const names = header?.fields ?? [];
  const column = (name: string) => {
    const at = names.indexOf(name);
    if (at < 0) throw new ListError(`line 1: the header has no column ${name}`);
    return at;
  };
  const [id, source, number, type, name, alternates] = [
    ...[column("_id"), column("source"), column("entity_number")],
    ...[column("type"), column("name"), column("alt_names")],
  ];
  return records.map(({ line, fields }) => {
    if (fields.length !== names.length) {
      throw new ListError(
        `line ${line}: ${fields.length} fields where the header has ${names.length}`,
      );
    }
    const cell = (at: number | undefined) => (at === undefined ? "" : (fields[at] ?? "").trim());
    return party(`line ${line}`, {
      source: cell(source),
      entry: cell(number) || cell(id),
      name: cell(name),
      alternateNames: cell(alternates).split(";"),
      type: cell(type),
    });
  });
}

function partiesOfJson(whole: Readonly<Record<string, unknown>>): readonly ListedParty[] {
  if (Array.isArray(whole.results)) return whole.results.map(partyOfResult);
  if (Array.isArray(whole.entries) && isRecord(whole.fieldKey)) return partiesOfReduced(whole);
  throw new ListError("the JSON has neither `results` nor `entries` with a `fieldKey`");
}

function partyOfResult(result: unknown, index: number): ListedParty {
  const where = `result ${index + 1}`;
  if (!isRecord(result)) throw new ListError(`${where}: not an object`);
  return party(where, {
    source: textOf(where, result, "source"),
    entry: textOf(where, result, "entity_number") || textOf(where, result, "id"),
    name: textOf(where, result, "name"),
    alternateNames: textsOf(where, result, "alt_names"),
    type: textOf(where, result, "type"),
  });
}

/** The reduced copy keeps sources in a table and has no identifier for lists without entity numbers: the place serves. */
function partiesOfReduced(whole: Readonly<Record<string, unknown>>): readonly ListedParty[] {
  const entries = Array.isArray(whole.entries) ? whole.entries : [];
  const sources = isRecord(whole.tables) ? whole.tables.sources : null;
  if (!Array.isArray(sources)) throw new ListError("the JSON has no `tables.sources`");
  if (typeof whole.entryCount === "number" && whole.entryCount !== entries.length) {
    throw new ListError(`${entries.length} entries where the file declares ${whole.entryCount}`);
  }
  return entries.map((entry: unknown, index) => {
    const where = `entry ${index + 1}`;
    if (!isRecord(entry)) throw new ListError(`${where}: not an object`);
    const source: unknown = typeof entry.s === "number" ? sources[entry.s] : undefined;
    if (typeof source !== "string") throw new ListError(`${where}: its source is not in the table`);
    return party(where, {
      source,
      entry: textOf(where, entry, "e") || `#${index + 1}`,
      name: textOf(where, entry, "n"),
      alternateNames: textsOf(where, entry, "a"),
      type: textOf(where, entry, "t"),
    });
  });
}

function party(where: string, stated: ListedParty): ListedParty {
  if (stated.name.trim() === "") throw new ListError(`${where}: no name`);
  if (stated.source.trim() === "") throw new ListError(`${where}: no source`);
  const alternateNames = stated.alternateNames
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return { ...stated, source: sourceCode(stated.source), alternateNames };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    if (isRecord(value)) return value;
  } catch (cause) {
    throw new ListError("the text is not JSON", { cause });
  }
  throw new ListError("the JSON is not an object");
}

function textOf(where: string, from: Readonly<Record<string, unknown>>, key: string): string {
  const value = from[key];
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") throw new ListError(`${where}: \`${key}\` is not text`);
  return value;
}

function textsOf(
  where: string,
  from: Readonly<Record<string, unknown>>,
  key: string,
): readonly string[] {
  const value = from[key];
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return value.split(";");
  if (!Array.isArray(value)) throw new ListError(`${where}: \`${key}\` is not a list of text`);
  return value.map((each: unknown) => {
    if (typeof each !== "string") throw new ListError(`${where}: \`${key}\` is not a list of text`);
    return each;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
