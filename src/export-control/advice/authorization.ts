import { isSanctioned } from "../embargo.ts";
import type { ExceptionReading } from "../exceptions.ts";
import type { Facts, License, LicenseKind, LicenseScope, RegimeLicenseKind } from "../facts.ts";
import type { Case, Need } from "../finding.ts";
import { stands } from "../licenses.ts";
import { type ExceptionSymbol, exceptionSymbols } from "../rulebook/rule.ts";
import { dateAt, instantMs } from "../time.ts";
import type { Supposed, Supposition } from "./change.ts";

const dayMs = 86_400_000;

/** A repository may have more licenses that do not stand than anybody reads; these many are looked at. */
export const mostLicenses = 6;

/** What officers could do about licenses on record that are suspended or not yet active, and what has to be asked about their conditions. */
export function aboutLicenses({ facts, rulebook }: Case): readonly Supposition[] {
  const { licenses, at } = facts;
  const useful = licenses.filter(
    (license) =>
      license.state !== "revoked" &&
      stands({ ...answered(license, at), state: "active" }, at, rulebook.licenseExpiry),
  );
  return [...moved(useful), ...useful.slice(0, mostLicenses).flatMap(asked)];
}

/** What was never said of a condition becomes a question; that one is not met is never supposed to be otherwise. */
function asked({ id, number, riders }: License): readonly Supposition[] {
  const open = riders.filter(({ kind, state }) => kind !== "report" && state === null);
  if (open.length === 0) return [];
  return [
    [
      {
        change: "record-conditions",
        kind: "question",
        sentence: `Are these conditions of license ${number} (${id}) met: ${open.map((rider) => rider.id).join(", ")}? Only where an officer records that they are, they no longer stand in the way.`,
        apply: (facts) => ({
          ...facts,
          licenses: facts.licenses.map((license) =>
            license.id === id ? answered(license, facts.at) : license,
          ),
        }),
      },
    ],
  ];
}

function answered(license: License, at: string): License {
  const state = { met: true, on: dateAt(at) ?? "", by: "an officer" };
  const riders = license.riders.map((rider) => ({ ...rider, state: rider.state ?? state }));
  return { ...license, riders };
}

function moved(licenses: readonly License[]): readonly Supposition[] {
  return licenses
    .filter(({ state }) => state === "suspended" || state === "draft")
    .slice(0, mostLicenses)
    .map(({ id, number, state }): Supposition => {
      const isDraft = state === "draft";
      return [
        {
          change: isDraft ? "activate-license" : "reinstate-license",
          kind: "act",
          sentence: isDraft
            ? `Another officer than the one who entered it activates license ${number} (${id}), which is a draft.`
            : `An officer reinstates license ${number} (${id}), which is suspended.`,
          apply: (facts) => ({
            ...facts,
            licenses: facts.licenses.map((license) =>
              license.id === id ? { ...license, state: "active" } : license,
            ),
          }),
        },
      ];
    });
}

/** What authorizations are wanted for, and what the license exceptions do for each need. */
export type Wanted = {
  readonly needs: readonly Need[];
  readonly readings: ReadonlyMap<Need, ExceptionReading>;
};

/**
 * The authorizations each of which would meet every one of these needs, the narrowest that does, by kind. A license exception is told
 * with the symbols that reach every need, or as one that the rulebook does not evaluate; none is where Part 746 concerns the country.
 */
export function authorizationsFor(given: Case, { needs, readings }: Wanted): readonly Supposed[] {
  const { facts } = given;
  const symbols = exceptionSymbols.filter((symbol) =>
    needs.every((need) => readings.get(need)?.admitted.includes(symbol)),
  );
  const now = instantMs(facts.at);
  const eccn = facts.item.classification?.eccn;
  if (now === null || eccn === undefined || needs.length === 0) return [];
  const scope = scopeOf(facts, eccn, needs);
  return (["no-license-required", "bis-license", "license-exception"] as const)
    .filter((kind) => needs.every(({ admits }) => admits.includes(kind)))
    .filter((kind) => kind !== "license-exception" || !needs.some((need) => bars(given, need)))
    .map((kind) => {
      const license: License = {
        id: "authorization-to-be-obtained",
        number: kind === "license-exception" ? (symbols[0] ?? "") : "",
        kind,
        state: "active",
        scope,
        validFrom: dateAt(new Date(now - dayMs).toISOString()) ?? "",
        validUntil: dateAt(facts.at) ?? "",
        releasesLeft: null,
        riders: [],
      };
      return {
        change: changes[kind],
        kind: "authorization",
        sentence: `${openingOf(kind, symbols)} ${scopeInWords(scope, needs)}, in force at ${facts.at}.`,
        apply: (given) => ({ ...given, licenses: [...given.licenses, license] }),
      };
    });
}

/** Authorizations under the EAR; those of other regimes are advised apart. */
type EarKind = Exclude<LicenseKind, RegimeLicenseKind>;

const changes = {
  "bis-license": "obtain-bis-license",
  "license-exception": "record-license-exception",
  "no-license-required": "record-determination",
} as const satisfies Record<EarKind, string>;

/** 740.2(a)(6): no license exception where Part 746 concerns the country. */
function bars(given: Case, { kind, country }: Need): boolean {
  return kind === "either" || isSanctioned(given, kind, country);
}

function openingOf(kind: EarKind, symbols: readonly ExceptionSymbol[]): string {
  switch (kind) {
    case "bis-license":
      return "A BIS license";
    case "license-exception": {
      const which =
        symbols.length > 0
          ? symbols.join(" or ")
          : `other than ${exceptionSymbols.join(", ")}, none of which reaches all of it`;
      return `A license exception (${which}), where an officer finds that its terms are met and no bar of 740.2 applies, on a record`;
    }
    case "no-license-required":
      return "An officer's determination that no license is required, where that is so, on a record";
  }
}

function scopeOf(facts: Facts, eccn: string, needs: readonly Need[]): LicenseScope {
  const unique = (values: readonly string[]) => [...new Set(values)].sort();
  const of = (...kinds: readonly Need["kind"][]) =>
    unique(needs.filter(({ kind }) => kinds.includes(kind)).map(({ country }) => country));
  const reasons = needs.map(({ reason }) => reason);
  return {
    eccns: [eccn],
    repositories: [facts.item.repository],
    destinations: of("export", "either"),
    nationalities: of("deemed-export"),
    parties: {
      persons: unique(needs.flatMap(({ parties }) => parties.persons)),
      workloads: unique(needs.flatMap(({ parties }) => parties.workloads)),
      entities: unique(needs.flatMap(({ parties }) => parties.entities)),
    },
    reasons: reasons.includes(null)
      ? null
      : [...new Set(reasons.filter((reason) => reason !== null))].sort(),
  };
}

function scopeInWords(scope: LicenseScope, needs: readonly Need[]): string {
  const { eccns, repositories, parties, destinations, nationalities, reasons } = scope;
  const named = [
    ...(parties?.persons ?? []).map((id) => `person ${id}`),
    ...(parties?.workloads ?? []).map((id) => `workload ${id}`),
    ...(parties?.entities ?? []).map((id) => `entity ${id}`),
  ];
  const acts = [
    ...(destinations.length === 0 ? [] : [`exports to ${destinations.join(", ")}`]),
    ...(nationalities.length === 0 ? [] : [`deemed exports to ${nationalities.join(", ")}`]),
  ];
  const mustName = needs.some((need) => need.named) ? "has to name" : "names";
  return [
    `that ${mustName} ${[...(repositories ?? []), ...eccns, ...named].join(", ")}`,
    `covers ${acts.join(" and ")}`,
    reasons === null
      ? "and is not limited to some reasons for control"
      : `and is for ${reasons.join(", ")}`,
  ].join(", ");
}
