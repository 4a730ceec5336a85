import { createHash } from "node:crypto";

/** A list of denied parties as parsed: what a screening is made with, and what its record names. */
export type ScreeningList = {
  readonly name: string;
  /** ISO date or instant at which the publisher's list was current; null where nothing tells. */
  readonly asOf: string | null;
  /** SHA-256 of the bytes it was parsed from, hex. */
  readonly digest: string;
  readonly kind: "sample" | "loaded";
  readonly entries: readonly ListedParty[];
};

export type ListedParty = {
  /** The list's code: DPL, EL, SDN and so on; OTHER where the source names none. */
  readonly source: string;
  /** The entry's identifier in its list, or its place in the file where the list gives none. */
  readonly entry: string;
  readonly name: string;
  readonly alternateNames: readonly string[];
  /** As the list says: Individual, Entity, Vessel, Aircraft; empty where it does not. */
  readonly type: string;
};

/** What the caller knows of a list and the text does not say. */
export type About = Omit<ScreeningList, "digest" | "entries">;

/** A list that cannot be taken as it is. Half a list would clear those in the other half, so nothing is skipped. */
export class ListError extends Error {
  override readonly name = "ListError";
}

/** A list over its entries. Refuses an empty one: it would clear everyone. */
export function listOf(
  about: About,
  texts: readonly string[],
  entries: readonly ListedParty[],
): ScreeningList {
  if (entries.length === 0) throw new ListError(`${about.name} lists nobody`);
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text, "utf8");
  return { ...about, digest: hash.digest("hex"), entries };
}

/** The code in the parentheses of a CSL source: `Denied Persons List (DPL) - Bureau of ...` is DPL. */
export function sourceCode(source: string): string {
  return /\(([A-Z][A-Z-]+)(?: List)?\)/.exec(source)?.[1] ?? "OTHER";
}
