import { headquartersBehind, recipientOf, stateOf } from "./condition.ts";
import type { CheckedCondition, CheckedException } from "./decision.ts";
import { headquartersOf } from "./destination.ts";
import { groupsOf, isMacauOrD5, isSanctioned } from "./embargo.ts";
import type { Reason } from "./facts.ts";
import type { Case, Finding, Need } from "./finding.ts";
import {
  approvedClassification,
  entryOf,
  lies,
  overlap,
  paragraphOf,
  requirementsOf,
} from "./item.ts";
import { isListedEntity } from "./listed-entity.ts";
import { isAdvanced, isRegional } from "./reach.ts";
import type { Entry, ExceptionSymbol, LicenseException, Requirement } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";

/** What the license exceptions do for one need. */
export type ExceptionReading = {
  /** The first row, in the order of the rulebook, of which every condition is met; null where none is. */
  readonly covers: CheckedException | null;
  /** Those that only conditions keep away, and that the entry offers or the facts point to. */
  readonly open: readonly CheckedException[];
  /** The symbols of which a row may reach this need by its entry, place, act and reasons. An officer's exception of any other is contradicted. */
  readonly admitted: readonly ExceptionSymbol[];
};

/**
 * Holds every license exception against every need of a reason for control. It covers a need only when its terms reach it and each condition is known and met;
 * needs of Parts 744 and 746 have no reason for control and are never looked at.
 */
export function readExceptions(
  given: Case,
  findings: readonly Finding[],
): ReadonlyMap<Need, ExceptionReading> {
  const needs = findings.flatMap(({ needs: each }) => each).filter(({ reason }) => reason !== null);
  const entry = entryOf(given);
  if (needs.length === 0 || entry === null || entry.kind === "commodity") return new Map();
  const item = itemOf(given, entry);
  return new Map(needs.map((need) => [need, readNeed(given, { item, need, needs })]));
}

/** What of the item every exception asks. */
type Item = {
  readonly entry: Entry;
  /** The stated paragraph; null where it may be any. */
  readonly paragraph: string | null;
  readonly rows: readonly Requirement[];
  /** Whether 740.2(a)(9)(ii) speaks of it. An override of the requirement does not lift that bar. */
  readonly isAdvanced: boolean;
};

function itemOf(given: Case, entry: Entry): Item {
  const { binding, setAside } = requirementsOf(given);
  const rows = [...binding, ...setAside];
  return { entry, paragraph: paragraphOf(given), rows, isAdvanced: isAdvanced(given) };
}

type Read = { readonly item: Item; readonly need: Need; readonly needs: readonly Need[] };

function readNeed(given: Case, read: Read): ExceptionReading {
  const { need } = read;
  const reasons = new Set(
    read.needs
      .filter(({ kind, country }) => kind === need.kind && country === need.country)
      .map(({ reason }) => reason),
  );
  const open: CheckedException[] = [];
  const admitted = new Set<ExceptionSymbol>();
  let covers: CheckedException | null = null;
  for (const row of indexOf(given.rulebook).exceptions.get(read.item.entry.eccn) ?? []) {
    const offer = boundedBy(need, offerOf(given, read, row, reasons), staysOpen(given, row));
    if (offer === "closed") continue;
    if (offer === "open") admitted.add(row.symbol);
    const checked = hold(given, need, row, offer);
    if (checked.covers) covers ??= checked;
    else if (row.offered === "in-entry" || row.symbol === "STA" || isPointedTo(row, checked))
      open.push(checked);
  }
  return { covers, open, admitted: [...admitted] };
}

/** An exception never covers what an officer's may not, save those that 740.2(a)(9) leaves open. */
function boundedBy({ admits }: Need, offer: Offer, isLeftOpen: boolean): Offer {
  return isLeftOpen || admits.includes("license-exception") ? offer : worse(offer, "doubtful");
}

/** Whether to mention an exception that no entry lists: a paper, a statement or an employer has to speak for it. */
function isPointedTo(row: LicenseException, { conditions }: CheckedException): boolean {
  return row.conditions.some(
    ({ kind, words }) =>
      (kind === "acknowledged" || kind === "stated" || kind === "employer") &&
      conditions.some(({ condition, state }) => condition === words && state === "met"),
  );
}

/** `doubtful`: it turns on a paragraph, a performance or headquarters that are not known. An officer's exception needs an open one. */
type Offer = "open" | "doubtful" | "closed";

/** Whether the terms of an exception for the item's entry reach a need at all: act, reasons, place, paragraph and the bars that no condition lifts. */
function offerOf(
  given: Case,
  { item, need }: Read,
  row: LicenseException,
  reasons: ReadonlySet<Reason | null>,
): Offer {
  if (need.kind === "either") return "closed";
  if (need.reason === null || !row.reasons.includes(need.reason)) return "closed";
  if (!row.acts.includes(need.kind)) return "closed";
  if (row.whole && [...reasons].some((each) => each === null || !row.reasons.includes(each)))
    return "closed";
  if (item.rows.some(({ reason }) => row.never.includes(reason))) return "closed";
  if (!isWithin(given, row, need.country) || isBarred(given, item, row, need)) return "closed";
  return [
    listed(given, item, row),
    staOpen(given, item, row, need),
    headquartersOpen(given, item, row, need),
  ].reduce(worse);
}

function isWithin(given: Case, { places }: LicenseException, country: string): boolean {
  const groups = groupsOf(given, country);
  if (places.exceptCountries.includes(country)) return false;
  if (places.exceptGroups.some((group) => groups.includes(group))) return false;
  return (
    places.groups === null ||
    places.countries.includes(country) ||
    places.groups.some((group) => groups.includes(group))
  );
}

/** The bars of 740.2(a) that the place, the item or the parties settle. */
function isBarred(given: Case, item: Item, row: LicenseException, need: Need): boolean {
  const { country, kind } = need;
  if (kind === "either" || isSanctioned(given, kind, country)) return true;
  if (/^0[A-E]521$/.test(item.entry.eccn) && row.id !== "exception-gov-b-2") return true;
  const matches = given.facts.screening?.matches ?? [];
  if (matches.some(({ source, clearedBy }) => source === "UVL" && clearedBy === null)) return true;
  if (staysOpen(given, row)) return false;
  if (isRegional(given) && isMacauOrD5(given, country)) return true;
  if (!item.isAdvanced) return false;
  const groups = groupsOf(given, country);
  const isInD = (["D:1", "D:4", "D:5"] as const).some((group) => groups.includes(group));
  const isLeftOut = (["A:5", "A:6"] as const).some((group) => groups.includes(group));
  return (isInD && !isLeftOut) || isMacauOrD5(given, country);
}

/** 740.2(a)(9)(ii): whether its bar leaves an exception alone. */
function staysOpen({ facts }: Case, { advancedComputing }: LicenseException): boolean {
  return (
    advancedComputing === "open" ||
    (advancedComputing === "weights" && facts.item.classification?.eccn === "4E091")
  );
}

/** Whether the item's entry lists the exception for its paragraph and performance. */
function listed(given: Case, item: Item, row: LicenseException): Offer {
  if (row.offered === "own-terms") return "open";
  const listing = indexOf(given.rulebook)
    .exceptionListings.get(item.entry.eccn)
    ?.find(({ symbol }) => symbol === row.symbol);
  if (listing === undefined) return "closed";
  const { only, except, aboveWt } = listing;
  const within = only === null ? "open" : lying(item.paragraph, only);
  const outside = turned(lying(item.paragraph, except));
  const limited = aboveWt === null ? "open" : turned(exceeds(given, aboveWt));
  return worse(worse(within, outside), limited);
}

/** Whether the entry's special conditions leave STA open. */
function staOpen(given: Case, item: Item, row: LicenseException, need: Need): Offer {
  if (row.symbol !== "STA") return "open";
  const groups = groupsOf(given, need.country);
  return (indexOf(given.rulebook).staBars.get(item.entry.eccn) ?? [])
    .filter((bar) => bar.groups.some((group) => groups.includes(group)))
    .map(({ only, aboveWt }) => {
      const reached = only === null ? "open" : lying(item.paragraph, only);
      return turned(aboveWt === null ? reached : worse(reached, exceeds(given, aboveWt)));
    })
    .reduce(worse, "open");
}

function exceeds(given: Case, limitWt: number): Offer {
  const computer = approvedClassification(given)?.computer ?? null;
  if (computer === null) return "doubtful";
  return computer.peakPerformanceWt > limitWt ? "open" : "closed";
}

/** Whether a paragraph lies in a list: surely, perhaps since it is the coarser or not stated, or not. */
function lying(paragraph: string | null, list: readonly string[]): Offer {
  if (list.length === 0) return "closed";
  if (paragraph === null) return "doubtful";
  if (list.some((each) => lies(paragraph, each))) return "open";
  return list.some((each) => overlap(paragraph, each)) ? "doubtful" : "closed";
}

function turned(offer: Offer): Offer {
  if (offer === "doubtful") return offer;
  return offer === "open" ? "closed" : "open";
}

function worse(one: Offer, other: Offer): Offer {
  const order: readonly Offer[] = ["open", "doubtful", "closed"];
  return order.indexOf(one) >= order.indexOf(other) ? one : other;
}

/** 740.2(a)(9)(ii): whoever is headquartered, or parented, in Macau or D:5, wherever located. */
function headquartersOpen(given: Case, item: Item, row: LicenseException, need: Need): Offer {
  if (!item.isAdvanced || staysOpen(given, row)) return "open";
  const ofSubject = headquartersOf(given);
  const ofRecipient = headquartersBehind(given, recipientOf(given, need));
  if (ofSubject === null || ofRecipient === null) return "doubtful";
  const isInside = [...ofSubject, ...ofRecipient].some((place) => isMacauOrD5(given, place));
  return isInside ? "closed" : "open";
}

/** 740.2(a)(26): there STA is for the entities of Supplement No. 8 alone. */
function listedCondition(given: Case, need: Need): CheckedCondition {
  if (given.rulebook.supplementEight === undefined) {
    const condition =
      "that the party is one of Supplement No. 8 to Part 740, which this version does not tell";
    return { condition, state: "unknown" };
  }
  const recipient = recipientOf(given, need);
  const party = recipient.kind === "person" ? recipient.person : recipient.entity;
  const isListed = isListedEntity(given, party, need.country);
  return {
    condition:
      "that the party is, or works for, an entity of Supplement No. 8 to Part 740, under the name that stands there",
    state: isListed === null ? "unknown" : isListed ? "met" : "unmet",
  };
}

/** The exception with the state of each of its conditions, and of those that 740.2(a) and the entry add. */
function hold(given: Case, need: Need, row: LicenseException, offer: Offer): CheckedException {
  const conditions: CheckedCondition[] = row.conditions.map((condition) => ({
    condition: condition.words,
    state: stateOf(given, need, condition),
  }));
  const doubts = [
    offer === "doubtful"
      ? "the paragraph, the performance and the headquarters that the entry and 740.2(a)(9)(ii) turn on"
      : null,
    given.facts.screening === null ? "a screening of every party" : null,
  ];
  for (const condition of doubts)
    if (condition !== null) conditions.push({ condition, state: "unknown" });
  if (row.symbol === "STA" && need.country === "AE") conditions.push(listedCondition(given, need));
  const covers = conditions.every(({ state }) => state === "met");
  const { id, symbol, citation } = row;
  return { exception: id, symbol, citation, covers, conditions };
}
