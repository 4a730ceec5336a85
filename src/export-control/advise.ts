import { aboutLicenses, type Wanted } from "./advice/authorization.ts";
import type { Change, Supposed, Supposition } from "./advice/change.ts";
import { aboutItem } from "./advice/item.ts";
import { aboutDestination, aboutScreening } from "./advice/place.ts";
import { aboutRegimes, authorizationWays } from "./advice/regimes.ts";
import { aboutSubject } from "./advice/subject.ts";
import { decide, findingsOf } from "./decide.ts";
import type { CheckId } from "./decision.ts";
import { readExceptions } from "./exceptions.ts";
import type { Facts } from "./facts.ts";
import type { Case } from "./finding.ts";
import type { Rulebook } from "./rulebook.ts";

/** What would turn a denial or a hold into an allowance. */
export type Advice = {
  /**
   * The shortest lists of changes that do, any one of which is enough: each was decided, and none of its parts is enough alone. Empty
   * for an allowance, and where nothing that officers may lawfully do was found to be enough.
   */
  readonly ways: readonly (readonly Change[])[];
  /** What would still stand in the way after everything that could be done; empty where there is a way. */
  readonly obstacles: readonly Obstacle[];
  /** Whether the search ended at its bound, so that a shorter list, or another, may have been missed. */
  readonly isCut: boolean;
};

export type Obstacle = {
  readonly check: CheckId;
  readonly reason: string;
  readonly remedy: string | null;
};

/** How far the search goes: so many decisions, and so many lists of one length. */
export type AdviceBounds = { readonly decisions: number; readonly ways: number };

const bounds: AdviceBounds = { decisions: 1_000, ways: 6 };

/** The same with each change still to be applied, so that whoever doubts it can decide the supposed cases again. */
export type SupposedAdvice = Omit<Advice, "ways"> & {
  readonly ways: readonly (readonly Supposed[])[];
};

/**
 * Searches what would change the verdict. It supposes changes one by one and together, decides each supposed case, and tells nothing
 * that did not come out as an allowance. What is on record and known is never supposed to be otherwise: a fact that is missing becomes a
 * question, and a suspension, a lapsed grant or a missing license what officers can do about it. Pure, and the same for the same facts.
 */
export function advise(facts: Facts, rulebook: Rulebook, within: AdviceBounds = bounds): Advice {
  const { ways, ...rest } = suppose(facts, rulebook, within);
  return { ways: ways.map((way) => way.map(told)), ...rest };
}

export function suppose(
  facts: Facts,
  rulebook: Rulebook,
  { decisions, ways: mostWays }: AdviceBounds = bounds,
): SupposedAdvice {
  if (decide(facts, rulebook).verdict === "allow") return { ways: [], obstacles: [], isCut: false };
  const search = new Search({ facts, rulebook }, decisions);
  const all = chosen(search, suppositionsOf(facts, rulebook));
  if (search.waysBy(all).length === 0)
    return { ways: [], obstacles: search.obstaclesAfter(all), isCut: search.isSpent };
  const found = shortest(search, all);
  const isCut = search.isSpent || found.length > mostWays;
  return { ways: found.slice(0, mostWays), obstacles: [], isCut };
}

function suppositionsOf(facts: Facts, rulebook: Rulebook): readonly Supposition[] {
  const given = { facts, rulebook };
  return [
    ...aboutItem(given),
    ...aboutSubject(given),
    ...aboutDestination(given),
    ...aboutRegimes(given),
    ...aboutScreening(given),
    ...aboutLicenses(given),
  ];
}

/** One answer to each question: the first with which all the changes together need no further authorization, else the first. */
function chosen(search: Search, suppositions: readonly Supposition[]): readonly Supposed[] {
  let answers = suppositions.map(([first]) => first);
  for (const [at, options] of suppositions.entries()) {
    const fitting = options.find((option) => search.allows(answers.with(at, option)));
    if (options.length > 1 && fitting !== undefined) answers = answers.with(at, fitting);
  }
  return answers;
}

/**
 * The shortest ways. Changes without which all the others are not enough belong to every way; of the rest, ever larger selections are
 * tried. Should the bound cut the search before it finds one, everything that can be left out one by one is left out of the whole.
 */
function shortest(search: Search, all: readonly Supposed[]): readonly (readonly Supposed[])[] {
  const without = (each: Supposed) => all.filter((other) => other !== each);
  const needed = all.filter((each) => search.waysBy(without(each)).length === 0);
  const rest = all.filter((each) => !needed.includes(each));
  let found: readonly (readonly Supposed[])[] = [];
  const longest = () => Math.min(...found.map(({ length }) => length), all.length + 1);
  for (let more = 0; more <= rest.length && needed.length + more <= longest(); more += 1) {
    for (const selection of selections(rest, more)) {
      if (search.isSpent) break;
      const changes = all.filter((each) => needed.includes(each) || selection.includes(each));
      found = [...found, ...search.waysBy(changes)];
    }
  }
  const ways = found
    .filter(({ length }) => length === longest())
    .filter((way) => search.isMinimal(way));
  return ways.length > 0 ? ways.toSorted(byAuthorizations) : [search.reduced(all)];
}

function byAuthorizations(one: readonly Supposed[], other: readonly Supposed[]): number {
  const count = (way: readonly Supposed[]) =>
    way.filter(({ kind }) => kind === "authorization").length;
  return count(one) - count(other);
}

function* selections(from: readonly Supposed[], size: number): Generator<readonly Supposed[]> {
  if (size === 0) yield [];
  else
    for (const [at, first] of from.entries())
      for (const rest of selections(from.slice(at + 1), size - 1)) yield [first, ...rest];
}

function told({ change, kind, sentence }: Supposed): Change {
  return { change, kind, sentence };
}

/** Decides supposed cases, and counts how many. */
class Search {
  readonly #facts: Facts;
  readonly #rulebook: Rulebook;
  #left: number;

  constructor(
    { facts, rulebook }: { readonly facts: Facts; readonly rulebook: Rulebook },
    most: number,
  ) {
    this.#facts = facts;
    this.#rulebook = rulebook;
    this.#left = most;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  allows(changes: readonly Supposed[]): boolean {
    this.#left -= 1;
    return decide(this.#after(changes), this.#rulebook).verdict === "allow";
  }

  /** The changes alone where they are enough, else each authorization that makes them so, or set of them where several regimes want one. */
  waysBy(changes: readonly Supposed[]): readonly (readonly Supposed[])[] {
    if (this.allows(changes)) return [changes];
    return authorizationWays(this.#caseAfter(changes), this.#wantedAfter(changes))
      .map((authorizations) => [...changes, ...authorizations])
      .filter((way) => this.allows(way));
  }

  /** Whether no part of a way is enough. Over six changes only those parts are tried that lack one of them. */
  isMinimal(way: readonly Supposed[]): boolean {
    if (way.length > 6)
      return way.every((each) => !this.allows(way.filter((other) => other !== each)));
    for (let size = 0; size < way.length; size += 1)
      for (const part of selections(way, size)) if (this.allows(part)) return false;
    return true;
  }

  /** A way from which nothing can be left out, one change after the other. */
  reduced(all: readonly Supposed[]): readonly Supposed[] {
    let [way = all] = this.waysBy(all);
    for (const each of way) {
      const fewer = way.filter((other) => other !== each);
      if (this.allows(fewer)) way = fewer;
    }
    return way;
  }

  obstaclesAfter(changes: readonly Supposed[]): readonly Obstacle[] {
    const given = this.#caseAfter(changes);
    const { facts } = given;
    const licenses = authorizationWays(given, this.#wantedAfter(changes)).find((way) =>
      way.every(({ change }) => change.startsWith("obtain-")),
    );
    const licensed = (licenses ?? []).reduce((after, { apply }) => apply(after), facts);
    return decide(licensed, this.#rulebook)
      .checks.filter(({ outcome }) => outcome === "fail" || outcome === "unknown")
      .map(({ check, reason, remedy }) => ({ check, reason, remedy }));
  }

  /** What is wanted of an authorization, by every check that stands in the way and that one could meet. What an exception covers is not. */
  #wantedAfter(changes: readonly Supposed[]): Wanted {
    const given = this.#caseAfter(changes);
    const { checks } = decide(given.facts, this.#rulebook);
    const findings = findingsOf(given);
    const readings = readExceptions(given, findings);
    const needs = findings.flatMap(({ needs: each }, at) => {
      const outcome = checks[at]?.outcome;
      return outcome === "fail" || outcome === "unknown" ? each : [];
    });
    return {
      needs: needs.filter((need) => (readings.get(need)?.covers ?? null) === null),
      readings,
    };
  }

  #caseAfter(changes: readonly Supposed[]): Case {
    return { facts: this.#after(changes), rulebook: this.#rulebook };
  }

  #after(changes: readonly Supposed[]): Facts {
    return changes.reduce((facts, { apply }) => apply(facts), this.#facts);
  }
}
