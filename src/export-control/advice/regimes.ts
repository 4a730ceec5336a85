import type { Facts, License, LicenseKind } from "../facts.ts";
import type { Case, Need } from "../finding.ts";
import { askedRegimes } from "../regimes/checks.ts";
import type { ControlCode, RegimeClassification } from "../regimes/classification.ts";
import { mainPlacement, placementOn } from "../regimes/item.ts";
import { isKnown, nexusOf } from "../regimes/nexus.ts";
import type { RegimeRules } from "../regimes/regime.ts";
import { dateAt, instantMs } from "../time.ts";
import { authorizationsFor, type Wanted } from "./authorization.ts";
import type { Supposed, Supposition } from "./change.ts";
import { exceptionsFor } from "./exceptions.ts";

const dayMs = 86_400_000;

/** What has to be asked for the regimes besides the EAR that a decision asks. What only counsel decides stays an obstacle. */
export function aboutRegimes(given: Case): readonly Supposition[] {
  const asked = askedRegimes(given);
  const unknownPlace = asked.length > 0 && !isKnown(given);
  return [
    ...(unknownPlace ? [[leaving("US")] as const] : []),
    ...asked
      .filter(({ question }) => question === null)
      .filter((rules) => unknownPlace || nexusOf(given, rules) === "attached")
      .flatMap((rules) => placing(given, rules)),
  ];
}

function leaving(country: string): Supposed {
  return {
    change: "record-departure",
    kind: "question",
    sentence: `In which country do the vault's nodes and store stand? If it is ${country}, with which this was tried, this no longer stands in the way; any other answer is decided anew.`,
    apply: (facts) => ({ ...facts, departure: { country } }),
  };
}

/** Each list of the regime that stands in the way is asked about; on no list is an item supposed to be free where every item has to be placed. */
function placing(given: Case, rules: RegimeRules): readonly Supposition[] {
  const [main] = rules.lists;
  const placement = mainPlacement(given, rules);
  const eccn = given.facts.item.classification?.eccn ?? "";
  const codes = [...new Set([eccn, "4E001", "4D001"])].filter(
    (code) => placedAs(given, rules, code) === "listed",
  );
  const asListed = codes.map((code): Supposed => {
    const sentence = `Which entry of ${main.title} of ${rules.name} names the files of ${given.facts.item.repository}, if any? One officer states it in a classification anew, and another approves it. Under ${code}, with which this was tried, it no longer stands in the way; any other answer is decided anew.`;
    return stating("classify-under-regime", sentence, {
      jurisdiction: rules.jurisdiction,
      list: main.list,
      code,
    });
  });
  const [first, ...rest] = asListed;
  const internal = given.facts.destination.country ?? "";
  const onFour =
    rules.internal.includes(internal) &&
    internal !== given.facts.departure?.country &&
    placement.kind !== "free" &&
    placementOn(given, rules, "annex-IV").kind === "open";
  return [
    ...(placement.kind === "open" && first !== undefined ? [[first, ...rest] as const] : []),
    ...(onFour
      ? [
          [
            stating(
              "classify-under-annex-IV",
              `Does Annex IV name the files of ${given.facts.item.repository}? Only where one officer states on what it was determined that it does not, and another approves that, this no longer stands in the way.`,
              { jurisdiction: rules.jurisdiction, list: "annex-IV", code: null },
            ),
          ] as const,
        ]
      : []),
  ];
}

/** How the regime would take a code, if two officers stated it. */
function placedAs(given: Case, rules: RegimeRules, code: string) {
  const item: ControlCode = { jurisdiction: rules.jurisdiction, list: rules.lists[0].list, code };
  const facts = withStatement(approved(given.facts), item);
  return mainPlacement({ ...given, facts }, rules).kind;
}

function approved(facts: Facts): Facts {
  const { classification } = facts.item;
  if (classification === null) return facts;
  const officers = { proposedBy: "one officer", approvedBy: "another officer" };
  return {
    ...facts,
    item: {
      ...facts.item,
      classification: { ...classification, ...officers, state: "approved" },
    },
  };
}

function stating(change: string, sentence: string, item: ControlCode): Supposed {
  return { change, kind: "question", sentence, apply: (facts) => withStatement(facts, item) };
}

/** The classification with what it states of that list put in the place of what it stated. */
function withStatement(facts: Facts, item: ControlCode): Facts {
  const { classification } = facts.item;
  if (classification === null) return facts;
  const stated: RegimeClassification = {
    ...item,
    decontrol: null,
    determination: "as the officers state it",
  };
  const others = (classification.regimes ?? []).filter(
    ({ jurisdiction, list }) => jurisdiction !== item.jurisdiction || list !== item.list,
  );
  return {
    ...facts,
    item: { ...facts.item, classification: { ...classification, regimes: [...others, stated] } },
  };
}

/** Every set of authorizations, one for each regime that wants any, that meets all that is wanted. */
export function authorizationWays(
  given: Case,
  { needs, readings }: Wanted,
): readonly (readonly Supposed[])[] {
  const own = needs.filter(({ under }) => under === undefined);
  const others = Map.groupBy(
    needs.filter(({ under }) => under !== undefined),
    ({ under }) => under?.item.jurisdiction ?? "",
  );
  if (needs.length === 0) return [];
  const options = [
    ...(own.length === 0
      ? []
      : [
          [
            ...authorizationsFor(given, { needs: own, readings }),
            ...exceptionsFor(given, { needs: own, readings }),
          ],
        ]),
    ...[...others.values()].map((wanted) => authorizationsUnder(given, wanted)),
  ];
  return options.reduce<readonly (readonly Supposed[])[]>(
    (ways, each) => ways.flatMap((way) => each.map((option) => [...way, option])),
    [[]],
  );
}

const kinds = {
  "no-license-required": "record-determination",
  "individual-license": "obtain-individual-license",
  "general-authorization": "record-general-authorization",
} as const satisfies Partial<Record<LicenseKind, string>>;

/** The authorizations of one regime each of which meets all these needs. */
function authorizationsUnder(given: Case, needs: readonly Need[]): readonly Supposed[] {
  const now = instantMs(given.facts.at);
  if (now === null) return [];
  return (["no-license-required", "individual-license", "general-authorization"] as const)
    .filter((kind) => needs.every(({ admits }) => admits.includes(kind)))
    .flatMap((kind) => numbersOf(kind, needs).map((number) => ({ kind, number })))
    .map(({ kind, number }): Supposed => {
      const license = licenseOf(given.facts, now, { kind, number, needs });
      return {
        change: kinds[kind],
        kind: "authorization",
        sentence: sentenceOf(license, given.facts.at),
        apply: (facts) => ({ ...facts, licenses: [...facts.licenses, license] }),
      };
    });
}

function numbersOf(kind: keyof typeof kinds, needs: readonly Need[]): readonly string[] {
  if (kind !== "general-authorization") return [""];
  const symbols = new Set(
    needs.flatMap(({ under }) => (under?.general ?? []).map(({ symbol }) => symbol)),
  );
  return [...symbols].filter((symbol) =>
    needs.every(({ under }) => under?.general.some((terms) => terms.symbol === symbol)),
  );
}

type Terms = {
  readonly kind: LicenseKind;
  readonly number: string;
  readonly needs: readonly Need[];
};

function licenseOf(facts: Facts, now: number, { kind, number, needs }: Terms): License {
  const unique = (values: readonly string[]) => [...new Set(values)].sort();
  const items = new Map(
    needs.flatMap(({ under }) =>
      under === undefined ? [] : [[JSON.stringify(under.item), under.item] as const],
    ),
  );
  const conditions = needs.flatMap(({ under }) =>
    (under?.general ?? [])
      .filter(({ symbol }) => symbol === number)
      .flatMap((terms) => terms.conditions),
  );
  const state = { met: true, on: dateAt(facts.at) ?? "", by: "an officer" };
  return {
    id: `authorization-to-be-obtained-${[...items.values()][0]?.jurisdiction ?? ""}`,
    number,
    kind,
    state: "active",
    scope: {
      eccns: [],
      controls: [...items.values()],
      repositories: [facts.item.repository],
      destinations: unique(needs.map(({ country }) => country)),
      nationalities: [],
      parties: {
        persons: unique(needs.flatMap(({ parties }) => parties.persons)),
        workloads: unique(needs.flatMap(({ parties }) => parties.workloads)),
        entities: unique(needs.flatMap(({ parties }) => parties.entities)),
      },
      reasons: null,
    },
    validFrom: dateAt(new Date(now - dayMs).toISOString()) ?? "",
    validUntil: dateAt(new Date(now + dayMs).toISOString()) ?? "",
    releasesLeft: null,
    riders: unique(conditions).map((id) => ({ id, text: id, kind: "manual", state })),
  };
}

function sentenceOf({ kind, number, scope, riders }: License, at: string): string {
  const controls = (scope.controls ?? []).map(
    ({ jurisdiction, list, code }) => `${jurisdiction} ${list} ${code ?? "(on no entry)"}`,
  );
  const named = [
    ...(scope.parties?.persons ?? []).map((id) => `person ${id}`),
    ...(scope.parties?.workloads ?? []).map((id) => `workload ${id}`),
    ...(scope.parties?.entities ?? []).map((id) => `entity ${id}`),
  ];
  const opening =
    kind === "individual-license"
      ? "An individual license"
      : kind === "general-authorization"
        ? `General authorization ${number}, on record with the conditions ${riders.map(({ id }) => id).join(", ")}, each met,`
        : "An officer's determination that no license is required, where that is so, on a record";
  const items = [...(scope.repositories ?? []), ...controls, ...named].join(", ");
  return `${opening} that names ${items} and covers exports to ${scope.destinations.join(", ")}, in force at ${at}.`;
}
