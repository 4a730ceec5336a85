import type { ListedParty, ScreeningList } from "./list.ts";
import { nameKeys } from "./names.ts";

/** A list made ready for looking names up. Never changes: a newer list is a newer index. */
export type ScreeningIndex = {
  readonly list: Omit<ScreeningList, "entries"> & { readonly entryCount: number };
  /** The listed parties, and for each key the places of those that have it. */
  readonly parties: readonly ListedParty[];
  readonly byKey: ReadonlyMap<string, readonly number[]>;
};

/** One listed party that shares a name with the subject. `listedName` and `askedName` are for officers' eyes only. */
export type ScreeningMatch = {
  readonly source: string;
  readonly entry: string;
  readonly listedName: string;
  readonly askedName: string;
  /** Whether the name that is equal is the entry's first name or one of its alternates. */
  readonly by: "name" | "alternate";
};

/** Indexes every name and alternate name of a list. */
export function buildIndex({ entries, ...list }: ScreeningList): ScreeningIndex {
  const byKey = new Map<string, number[]>();
  for (const [place, { name, alternateNames }] of entries.entries()) {
    const keys = new Set([name, ...alternateNames].flatMap(nameKeys));
    for (const key of keys) {
      const places = byKey.get(key);
      if (places === undefined) byKey.set(key, [place]);
      else places.push(place);
    }
  }
  return { list: { ...list, entryCount: entries.length }, parties: entries, byKey };
}

/** Every listed party with a name equal to one of these, each once, in the order of the list. Similar names do not match. */
export function match(index: ScreeningIndex, names: readonly string[]): readonly ScreeningMatch[] {
  const found = new Map<number, ScreeningMatch>();
  for (const askedName of names) {
    const asked = nameKeys(askedName);
    for (const place of asked.flatMap((key) => index.byKey.get(key) ?? [])) {
      const party = index.parties[place];
      if (party === undefined || found.has(place)) continue;
      found.set(place, matchOf(party, askedName, asked));
    }
  }
  return [...found].sort(([one], [other]) => one - other).map(([, each]) => each);
}

/** Whether any of one party's names holds something that can be compared. A party without such a name was not screened. */
export function isComparable(names: readonly string[]): boolean {
  return names.some((name) => nameKeys(name).length > 0);
}

function matchOf(party: ListedParty, askedName: string, asked: readonly string[]): ScreeningMatch {
  const isEqual = (name: string) => nameKeys(name).some((key) => asked.includes(key));
  const { source, entry } = party;
  if (isEqual(party.name)) return { source, entry, listedName: party.name, askedName, by: "name" };
  const listedName = party.alternateNames.find(isEqual) ?? party.name;
  return { source, entry, listedName, askedName, by: "alternate" };
}
