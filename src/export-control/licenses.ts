import type { ExceptionReading } from "./exceptions.ts";
import type { Facts, License, LicenseKind, Rider } from "./facts.ts";
import type { Finding, Need, Parties } from "./finding.ts";
import { firstBusinessDay } from "./holiday.ts";
import { type ExceptionSymbol, exceptionSymbols } from "./rulebook/rule.ts";
import type { Rulebook } from "./rulebook.ts";
import { calendarDate, dateAt, instantMs } from "./time.ts";

const hourMs = 3_600_000;

/** Whose terms, and not a name, can say who may rely on them. */
const openKinds: readonly LicenseKind[] = [
  "bis-license",
  "global-license",
  "general-authorization",
];
const regimeKinds: readonly LicenseKind[] = [
  "individual-license",
  "global-license",
  "general-authorization",
];

/** Which licenses cover each finding, where licenses cover it wholly, and all that are relied on. */
export type Coverage = {
  /** The ids that cover a finding, or null where it has no needs or one of them is not met. */
  licensesFor(finding: Finding): readonly string[] | null;
  readonly reliedOn: readonly string[];
  /** The conditions that keep a license from meeting a need of the finding, a sentence each. */
  lackOf(finding: Finding): readonly string[];
  /** Of some licenses, those that stand by 750.7(g) alone, a sentence each. */
  extensionOf(licenses: readonly string[]): readonly string[];
};

/** What coverage goes by besides the licenses: the exceptions as read, and how the rulebook reads a printed expiry. */
type Given = {
  readonly readings: ReadonlyMap<Need, ExceptionReading>;
  readonly expiry: Rulebook["licenseExpiry"];
};

/**
 * Chooses among the licenses that stand for what no license exception covers. A finding is covered when every one of its needs is met, by one license or by several. Few
 * are relied on, since each loses a use: again and again the license that meets most of what is left; of equals one whose
 * releases are not counted, then the one that ends first, then the lower id.
 */
export function coverage(
  facts: Facts,
  findings: readonly Finding[],
  { readings, expiry }: Given,
): Coverage {
  const { at } = facts;
  const standing = facts.licenses
    .filter((license) => stands(license, at, expiry))
    .sort(byPreference);
  const waiting = facts.licenses
    .filter((license) => isDated(license, at, expiry) && openRiders(license, at).length > 0)
    .sort(byPreference);
  const excepted = (need: Need) => readings.get(need)?.covers != null;
  const meets = (license: License, need: Need) =>
    holds(license, need, facts) && !isContradicted(license, readings.get(need));
  const met = (need: Need) => excepted(need) || standing.some((license) => meets(license, need));
  const covered =
    standing.length === 0 && readings.size === 0
      ? []
      : findings.filter(({ needs }) => needs.length > 0 && needs.every(met));
  const chosen = new Map<Need, string>();
  let left = covered.flatMap(({ needs }) => needs).filter((need) => !excepted(need));
  while (left.length > 0) {
    const [best] = standing
      .map((license) => ({ license, meeting: left.filter((need) => meets(license, need)) }))
      .sort((one, other) => other.meeting.length - one.meeting.length);
    if (best === undefined || best.meeting.length === 0) break;
    for (const need of best.meeting) chosen.set(need, best.license.id);
    left = left.filter((need) => !chosen.has(need));
  }
  return {
    licensesFor: (finding) => (covered.includes(finding) ? idsFor(finding.needs, chosen) : null),
    reliedOn: [...new Set(chosen.values())].sort(),
    lackOf: ({ needs }) =>
      inOrder(
        waiting
          .filter((license) => needs.some((need) => meets(license, need)))
          .flatMap((license) => openRiders(license, at).map((rider) => lackOf(license, rider))),
      ),
    extensionOf: (ids) =>
      inOrder(
        standing
          .filter((license) => ids.includes(license.id) && !stands(license, at))
          .map((license) => extensionOf(license, lastDay(license, expiry))),
      ),
  };
}

/**
 * Whether a license is in force at an instant: active, with a release left, every condition met that has to precede a release, and within its printed dates. The dates are days in
 * Washington, D.C., and are read narrowly: from the later of midnight there and in UTC on the first day, to the earlier on the last.
 * So it stands from 05:00 UTC on `validFrom` until 24:00 UTC on `validUntil`. The last day
 * moves to the first business day (750.7(g)) only where the rulebook is set to read it so. An authorization of another regime ends on its printed
 * day, three hours earlier: of the Union's member states the easternmost keep UTC+3 in summer.
 */
export function stands(
  license: License,
  at: string,
  expiry: Rulebook["licenseExpiry"] = "printed-date",
): boolean {
  return isDated(license, at, expiry) && openRiders(license, at).length === 0;
}

function isDated(license: License, at: string, expiry: Rulebook["licenseExpiry"]): boolean {
  const now = instantMs(at);
  const [first, last] = [calendarDate(license.validFrom), lastDay(license, expiry)];
  if (now === null || first === null || last === null) return false;
  return (
    license.state === "active" &&
    (license.releasesLeft === null || license.releasesLeft >= 1) &&
    now >= Date.parse(first) + 5 * hourMs &&
    now < Date.parse(last) + (regimeKinds.includes(license.kind) ? 21 : 24) * hourMs
  );
}

function lastDay({ kind, validUntil }: License, expiry: Rulebook["licenseExpiry"]): string | null {
  const printed = calendarDate(validUntil);
  return printed === null || expiry === "printed-date" || regimeKinds.includes(kind)
    ? printed
    : firstBusinessDay(printed);
}

/** The conditions that have to precede a release and are not known to be met at an instant. A report follows it. */
function openRiders({ riders }: License, at: string): readonly Rider[] {
  const today = dateAt(at);
  return (riders ?? []).filter(
    ({ kind, state }) =>
      kind !== "report" &&
      (state?.met !== true ||
        today === null ||
        calendarDate(state.on) === null ||
        state.on > today),
  );
}

/** Whether a license's scope holds a need: item, country, party and reason, each of them. */
function holds(license: License, need: Need, facts: Facts): boolean {
  const { kind, scope } = license;
  const namesParty = scope.parties !== null;
  if (!namesParty && (need.named || !openKinds.includes(kind))) return false;
  return (
    need.admits.includes(kind) &&
    namesItem(license, need, facts) &&
    (scope.repositories === null || scope.repositories.includes(facts.item.repository)) &&
    namesCountry(scope, need) &&
    (scope.parties === null || sharesParty(scope.parties, need.parties)) &&
    (scope.reasons === null || (need.reason !== null && scope.reasons.includes(need.reason)))
  );
}

/** By its ECCN; under another regime by that regime's list and code, and a general authorization within the terms that the rulebook has of it. */
function namesItem(license: License, { under }: Need, { item }: Facts): boolean {
  const { eccns, controls = [] } = license.scope;
  const eccn = item.classification?.eccn;
  if (under === undefined) return eccn !== undefined && eccns.includes(eccn);
  const { jurisdiction, list, code } = under.item;
  const isNamed = controls.some(
    (each) => each.jurisdiction === jurisdiction && each.list === list && each.code === code,
  );
  if (!isNamed || license.kind !== "general-authorization") return isNamed;
  const conditions = license.riders.filter(({ kind }) => kind !== "report").map(({ id }) => id);
  return under.general.some(
    (terms) =>
      terms.symbol === license.number && terms.conditions.every((id) => conditions.includes(id)),
  );
}

/**
 * Whether an officer's license exception names a symbol that the rulebook knows and that cannot reach the need: the entry does not admit it, or place, act,
 * reasons or 740.2(a) close it. Its conditions are the officer's judgement, as is a symbol that the rulebook does not know.
 */
function isContradicted({ kind, number }: License, reading: ExceptionReading | undefined): boolean {
  const symbol = kind === "license-exception" ? symbolIn(number) : null;
  return symbol !== null && reading !== undefined && !reading.admitted.includes(symbol);
}

/** Each sentence once, whatever the order in which the licenses were given. */
function inOrder(sentences: readonly string[]): readonly string[] {
  return [...new Set(sentences)].sort();
}

function symbolIn(number: string): ExceptionSymbol | null {
  const words = number.toUpperCase().split(/[^A-Z]+/);
  return exceptionSymbols.find((symbol) => words.includes(symbol)) ?? null;
}

function namesCountry(
  { destinations, nationalities }: License["scope"],
  { kind, country }: Need,
): boolean {
  if (kind === "export") return destinations.includes(country);
  if (kind === "deemed-export") return nationalities.includes(country);
  return destinations.includes(country) || nationalities.includes(country);
}

function sharesParty(named: Parties, wanted: Parties): boolean {
  return (
    wanted.persons.some((id) => named.persons.includes(id)) ||
    wanted.workloads.some((id) => named.workloads.includes(id)) ||
    wanted.entities.some((id) => named.entities.includes(id))
  );
}

function lackOf({ id }: License, { id: rider, state }: Rider): string {
  const isKnown = state?.met === false;
  return `License ${id} would cover it, but its condition ${rider} is ${isKnown ? "not met" : "not known to be met"}.`;
}

function extensionOf({ id, validUntil }: License, last: string | null): string {
  return `License ${id} is printed to expire on ${validUntil}, which is no business day; by 750.7(g), as this rulebook is set to read it, ${last} is its last day.`;
}

function byPreference(one: License, other: License): number {
  const counted = Number(one.releasesLeft !== null) - Number(other.releasesLeft !== null);
  if (counted !== 0) return counted;
  if (one.validUntil !== other.validUntil) return one.validUntil < other.validUntil ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}

function idsFor(needs: readonly Need[], chosen: ReadonlyMap<Need, string>): readonly string[] {
  const ids = needs.map((need) => chosen.get(need)).filter((id) => id !== undefined);
  return [...new Set(ids)].sort();
}
