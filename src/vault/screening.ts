import { readFile, stat } from "node:fs/promises";
import { parseConsolidatedList } from "../screening/csl.ts";
import { buildIndex, isComparable, match } from "../screening/index.ts";
import { ListError, type ScreeningList } from "../screening/list.ts";
import { sampleList } from "../screening/sample-list.ts";
import type { Screening } from "./vault.ts";

export type ScreeningSource = {
  /** A file's path or an https: URL; null for the built-in sample of invented parties. */
  readonly location: string | null;
  readonly maxAgeDays: number | null;
  /** Whether this vault is a trial, which the sample list may clear. */
  readonly isTrial: boolean;
};

const fetchTimeoutMs = 60_000;

/**
 * Reads, parses and indexes the denied-party list. Its date is the one that the list states, the publisher's (`Last-Modified`)
 * or the file's, whichever is the earliest; where nothing tells, it has none and clears nobody. Its digest goes into every decision.
 * Throws a ListError for a list that is empty, malformed or cannot be read, and for a URL that redirects.
 */
export async function loadScreening({
  location,
  maxAgeDays,
  isTrial,
}: ScreeningSource): Promise<Screening> {
  const list = location === null ? sampleList : await readList(location);
  const index = buildIndex(list);
  const { name, digest, asOf, kind } = list;
  return {
    list: { name, digest, asOf, kind },
    maxAgeDays,
    isTrial,
    isComparable,
    match: (names) => match(index, names).map(({ source, entry }) => ({ source, entry })),
  };
}

/** The list in use, and the way to read it again: one that cannot be read leaves the one in use, until its age refuses it. */
export async function openScreening(
  source: ScreeningSource,
  onFailure: (error: unknown) => void,
): Promise<{ readonly current: () => Screening; readonly reload: () => Promise<void> }> {
  let current = await loadScreening(source);
  return {
    current: () => current,
    reload: async () => {
      try {
        current = await loadScreening(source);
      } catch (error) {
        onFailure(error);
      }
    },
  };
}

type ReadText = { readonly text: string; readonly asOf: string | null };

async function readList(location: string): Promise<ScreeningList> {
  const { text, asOf } = /^https?:/.test(location)
    ? await fetchList(location)
    : await readListFile(location);
  return parseConsolidatedList(text, { name: nameOf(location), asOf, kind: "loaded" });
}

async function readListFile(path: string): Promise<ReadText> {
  try {
    return { text: await readFile(path, "utf8"), asOf: (await stat(path)).mtime.toISOString() };
  } catch (cause) {
    throw new ListError(`the denied-party list ${path} cannot be read`, { cause });
  }
}

/** A redirect is refused: it could lead to a host that the operator did not name, or off TLS. */
async function fetchList(url: string): Promise<ReadText> {
  try {
    const signal = AbortSignal.timeout(fetchTimeoutMs);
    const response = await fetch(url, { redirect: "error", signal });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const modified = Date.parse(response.headers.get("last-modified") ?? "");
    return {
      text: await response.text(),
      asOf: Number.isNaN(modified) ? null : new Date(modified).toISOString(),
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
