import type { CountryCode } from "./facts.ts";
import type {
  Country,
  Embargo,
  Entry,
  ExceptionListing,
  LicenseException,
  ListEffect,
  Requirement,
  StaBar,
} from "./rulebook/rule.ts";
import type { Rulebook } from "./rulebook.ts";

/** A rulebook's rows by what they are looked up with. Of equal keys the first row counts, as it does for whoever reads from the top. */
export type RulebookIndex = {
  readonly countries: ReadonlyMap<CountryCode, Country>;
  readonly entries: ReadonlyMap<string, Entry>;
  /** The requirements of each entry, in the order of the rulebook. */
  readonly requirements: ReadonlyMap<string, readonly Requirement[]>;
  /** The license exceptions whose terms may reach an item of each entry, by its ECCN and kind, in the order of the rulebook. */
  readonly exceptions: ReadonlyMap<string, readonly LicenseException[]>;
  readonly exceptionListings: ReadonlyMap<string, readonly ExceptionListing[]>;
  readonly staBars: ReadonlyMap<string, readonly StaBar[]>;
  readonly embargoes: ReadonlyMap<CountryCode, Embargo>;
  readonly lists: ReadonlyMap<string, ListEffect>;
};

/** One index a rulebook object. It says nothing that the rulebook does not, so that keeping it changes no answer. */
const indexes = new WeakMap<Rulebook, RulebookIndex>();

/** The index of a rulebook, which nobody changes once it is made. */
export function indexOf(rulebook: Rulebook): RulebookIndex {
  const known = indexes.get(rulebook);
  if (known !== undefined) return known;
  const made: RulebookIndex = {
    countries: firstBy(rulebook.countries, ({ code }) => code),
    entries: firstBy(rulebook.entries, ({ eccn }) => eccn),
    requirements: Map.groupBy(rulebook.requirements, ({ eccn }) => eccn),
    exceptions: new Map(
      rulebook.entries.map((entry) => [
        entry.eccn,
        rulebook.exceptions.filter((row) => isFor(row, entry)),
      ]),
    ),
    exceptionListings: Map.groupBy(rulebook.exceptionListings, ({ eccn }) => eccn),
    staBars: Map.groupBy(rulebook.staBars, ({ eccn }) => eccn),
    embargoes: firstBy(rulebook.embargoes, ({ country }) => country),
    lists: firstBy(rulebook.lists, ({ code }) => code),
  };
  indexes.set(rulebook, made);
  return made;
}

function isFor({ kinds, eccns }: LicenseException, { eccn, kind }: Entry): boolean {
  return kinds.some((each) => each === kind) && (eccns === null || eccns.includes(eccn));
}

function firstBy<Row>(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, Row> {
  return new Map(rows.toReversed().map((row) => [keyOf(row), row]));
}
