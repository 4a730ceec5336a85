import { readFile, stat } from "node:fs/promises";
import { parseConsolidatedList } from "../screening/csl.ts";
import { buildIndex, comparable, match } from "../screening/index.ts";
import { ListError, type ScreeningList } from "../screening/list.ts";
import { sampleList } from "../screening/sample-list.ts";
import type { Screening } from "./vault.ts";

export type ScreeningSource = {
  /** A file's path or an https: URL; null for the built-in sample of invented parties. */
  readonly location: string | null;
  readonly maxAgeDays: number | null;
  /** Whether this vault is a trial, which the sample list may clear. */
  readonly isTrial: boolean;
  readonly now: () => Date;
};

const fetchTimeoutMs = 60_000;

/**
 * Reads, parses and indexes the denied-party list. Its date is the publisher's (`Last-Modified`) or the file's; its digest goes into
 * every decision. Throws a ListError for a list that is empty, malformed or cannot be read.
 */
export async function loadScreening({
  location,
  maxAgeDays,
  isTrial,
  now,
}: ScreeningSource): Promise<Screening> {
  const list = location === null ? sampleList : await readList(location, now);
  const index = buildIndex(list);
  const { name, digest, asOf, kind } = list;
  return {
    list: { name, digest, asOf, kind },
    maxAgeDays,
    isTrial,
    comparable,
    match: (names) => match(index, names).map(({ source, entry }) => ({ source, entry })),
  };
}

async function readList(location: string, now: () => Date): Promise<ScreeningList> {
  const { text, asOf } = /^https?:/.test(location)
    ? await fetchList(location, now)
    : await readListFile(location);
  return parseConsolidatedList(text, {
    name: nameOf(location),
    asOf: asOf.toISOString(),
    kind: "loaded",
  });
}

async function readListFile(path: string): Promise<{ text: string; asOf: Date }> {
  try {
    return { text: await readFile(path, "utf8"), asOf: (await stat(path)).mtime };
  } catch (cause) {
    throw new ListError(`the denied-party list ${path} cannot be read`, { cause });
  }
}

async function fetchList(url: string, now: () => Date): Promise<{ text: string; asOf: Date }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeoutMs) });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const modified = Date.parse(response.headers.get("last-modified") ?? "");
    return {
      text: await response.text(),
      asOf: Number.isNaN(modified) ? now() : new Date(modified),
    };
  } catch (cause) {
    throw new ListError("the denied-party list cannot be fetched", { cause });
  }
}

/** A list is named by its file alone: a URL may carry a key in its query. */
function nameOf(location: string): string {
  return (
    location
      .replace(/[?#].*$/, "")
      .split("/")
      .at(-1) ?? location
  );
}
