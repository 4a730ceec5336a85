import type { Facts, License, LicenseKind, LicenseScope } from "../facts.ts";
import type { Need } from "../finding.ts";
import { stands } from "../licenses.ts";
import { dateAt, instantMs } from "../time.ts";
import type { Supposed, Supposition } from "./change.ts";

const dayMs = 86_400_000;

/** A repository may have more licenses that do not stand than anybody reads; these many are looked at. */
export const mostLicenses = 6;

/** What officers could do about licenses on record that are suspended or not yet active. */
export function aboutLicenses({ licenses, at }: Facts): readonly Supposition[] {
  return licenses
    .filter(
      (license) =>
        (license.state === "suspended" || license.state === "draft") &&
        stands({ ...license, state: "active" }, at),
    )
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

/** The authorizations each of which would meet every one of these needs, the narrowest that does, by kind. */
export function authorizationsFor(facts: Facts, needs: readonly Need[]): readonly Supposed[] {
  const now = instantMs(facts.at);
  const eccn = facts.item.classification?.eccn;
  if (now === null || eccn === undefined || needs.length === 0) return [];
  const scope = scopeOf(facts, eccn, needs);
  return (["no-license-required", "bis-license", "license-exception"] as const)
    .filter((kind) => needs.every(({ admits }) => admits.includes(kind)))
    .map((kind) => {
      const license: License = {
        id: "authorization-to-be-obtained",
        number: "",
        kind,
        state: "active",
        scope,
        validFrom: dateAt(new Date(now - dayMs).toISOString()) ?? "",
        validUntil: dateAt(facts.at) ?? "",
        releasesLeft: null,
      };
      return {
        change: changes[kind],
        kind: "authorization",
        sentence: `${openings[kind]} ${scopeInWords(scope, needs)}, in force at ${facts.at}.`,
        apply: (given) => ({ ...given, licenses: [...given.licenses, license] }),
      };
    });
}

const changes = {
  "bis-license": "obtain-bis-license",
  "license-exception": "record-license-exception",
  "no-license-required": "record-determination",
} as const satisfies Record<LicenseKind, string>;

const openings: Readonly<Record<LicenseKind, string>> = {
  "bis-license": "A BIS license",
  "license-exception":
    "A license exception, where an officer finds that its terms are met and no bar of 740.2 applies, on a record",
  "no-license-required":
    "An officer's determination that no license is required, where that is so, on a record",
};

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
