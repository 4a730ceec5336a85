import { affiliations } from "../affiliation.ts";
import { consignee } from "../destination.ts";
import type { CountryCode, RegimeLicenseKind } from "../facts.ts";
import {
  type Case,
  type Finding,
  fail,
  type GeneralTerms,
  type Need,
  notApplicable,
  pass,
  unknown,
} from "../finding.ts";
import { binds } from "../item.ts";
import { indexOf } from "../rulebook-index.ts";
import type { ControlCode } from "./classification.ts";
import { mainPlacement, type Placement, placementOn } from "./item.ts";
import { checkNexus, idsOf, isKnown, nexusOf } from "./nexus.ts";
import type { RegimeEmbargo, RegimeRules } from "./regime.ts";

const regulation = "Regulation (EU) 2021/821";
const byName: readonly RegimeLicenseKind[] = ["individual-license", "global-license"];

/** The checks of Regulation (EU) 2021/821 for software and technology that leave the Union, or move inside it, by electronic means. */
export const europeanUnionChecks = {
  nexus: checkNexus,
  item: checkItem,
  transfer: checkTransfer,
  endUse: checkEndUse,
} as const;

/** Whether Annex I names the item. What leaves the Union without an answer holds. */
function checkItem(given: Case, rules: RegimeRules): Finding {
  const { item: check } = idsOf(rules);
  if (nexusOf(given, rules) === "not-attached") return elsewhere(check);
  const placement = mainPlacement(given, rules);
  const citation = `${regulation}, Art. 3(1), Annex I`;
  const rows = [rules.lists[0].id];
  switch (placement.kind) {
    case "open":
      return unknown(check, {
        citation,
        rows,
        reason: `${placement.why} ${placement.question}`,
        remedy:
          "One officer states in a classification anew which entry of Annex I names the files, or on what it was determined that none does, and another approves it.",
      });
    case "free":
      return pass(check, {
        citation: placement.note?.citation ?? citation,
        rows: [...rows, ...(placement.note === null ? [] : [placement.note.id])],
        reason:
          placement.note === null
            ? "Two officers determined that no entry of Annex I names the item. That no national list of the member state does (Art. 9, 10) is part of what they answer for."
            : `Entry ${placement.item.code} of Annex I names the item, and a note of that Annex takes it out, as two officers determined.`,
      });
    case "listed":
      return pass(check, {
        citation,
        rows,
        reason: `Entry ${placement.code} of Annex I names the item, which is ${placement.what}.`,
      });
  }
}

/** Where the item goes, seen from the Union. */
type Way =
  | { readonly kind: "unknown" }
  | { readonly kind: "none" }
  | { readonly kind: "internal"; readonly country: CountryCode }
  | { readonly kind: "export"; readonly country: CountryCode };

function wayOf(given: Case, { internal, territory }: RegimeRules): Way {
  const { facts, rulebook } = given;
  const { country, basis } = facts.destination;
  if (country === null || basis !== "site" || !isKnown(given)) return { kind: "unknown" };
  if (!indexOf(rulebook).countries.has(country) && !territory.includes(country))
    return { kind: "unknown" };
  if (country === facts.departure?.country) return { kind: "none" };
  return { kind: internal.includes(country) ? "internal" : "export", country };
}

/** Whether the transmission needs an authorization: Art. 3 out of the Union, Art. 11 from one member state to another. */
function checkTransfer(given: Case, rules: RegimeRules): Finding {
  const { transfer: check } = idsOf(rules);
  if (nexusOf(given, rules) === "not-attached") return elsewhere(check);
  const way = wayOf(given, rules);
  const rows = ["eu-principle-export", "eu-principle-location"];
  if (way.kind === "none") {
    return notApplicable(check, {
      citation: `${regulation}, Art. 2(2)(d), 11(1)`,
      rows,
      reason:
        "The item stays in the member state. The place counts and not the nationality, so who receives it there receives no export.",
    });
  }
  const placement = mainPlacement(given, rules);
  if (placement.kind === "free") {
    return pass(check, {
      citation: `${regulation}, Art. 3(1)`,
      rows,
      reason: "An item that Annex I does not control needs no authorization to be transmitted.",
    });
  }
  if (way.kind === "unknown" || placement.kind === "open") {
    return unknown(check, {
      citation: `${regulation}, Art. 2(2)(d), 3(1)`,
      rows,
      reason: `Whether the transmission needs an authorization cannot be told while it is not known ${placement.kind === "open" ? "where the item stands on Annex I" : "whence and whither it goes"}.`,
      remedy: "The missing fact is recorded: the classification, the site, or the vault's country.",
    });
  }
  return way.kind === "internal"
    ? internalTransfer(given, rules, way.country)
    : exported(given, rules, { country: way.country, placement });
}

function internalTransfer(given: Case, rules: RegimeRules, country: CountryCode): Finding {
  const { transfer: check } = idsOf(rules);
  const citation = `${regulation}, Art. 11(1), (9), Annex IV`;
  const rows = ["eu-principle-internal", "eu-list-annex-IV"];
  const onFour = placementOn(given, rules, "annex-IV");
  if (onFour.kind === "open") {
    return unknown(check, {
      citation,
      rows,
      reason: `The item goes from one member state to another. ${onFour.why}`,
      remedy:
        "One officer states in a classification anew whether Annex IV names the files, and another approves it.",
    });
  }
  if (onFour.kind === "free") {
    return pass(check, {
      citation,
      rows,
      reason:
        "The item goes from one member state to another, and Annex IV does not name it. The papers of the transfer have to state that it is controlled if it is exported from the Union.",
    });
  }
  return fail(check, {
    citation,
    rows,
    needs: [needOf(given, { country, item: onFour.item, admits: byName })],
    reason: `Entry ${onFour.code} of Annex IV names the item: to transfer it from one member state to another needs an authorization.`,
    remedy:
      "An individual or global license in force that names the entry of Annex IV, the party and the country.",
  });
}

type Export = {
  readonly country: CountryCode;
  readonly placement: Extract<Placement, { kind: "listed" }>;
};

function exported(given: Case, rules: RegimeRules, { country, placement }: Export): Finding {
  const { transfer: check } = idsOf(rules);
  const general = generalFor(given, rules, { country, placement });
  const symbols = general.map(({ symbol }) => symbol);
  const admits: readonly RegimeLicenseKind[] =
    general.length === 0 ? byName : [...byName, "general-authorization"];
  return fail(check, {
    citation: `${regulation}, Art. 2(2)(d), 3(1), 12(1)`,
    rows: [
      "eu-principle-export",
      ...rules.generalAuthorizations
        .filter(({ symbol }) => symbols.includes(symbol))
        .map(({ id }) => id),
    ],
    needs: [needOf(given, { country, item: placement.item, admits, general })],
    reason: `To transmit an item of entry ${placement.code} of Annex I from the Union to ${country}, or to make it available there, is an export that needs an authorization.`,
    remedy: `A license in force under that regulation that names the entry and the country${symbols.length === 0 ? "" : `, or the general authorization ${symbols.join(" or ")} on record with each of its conditions met`}.`,
  });
}

/** The Union general export authorizations whose terms reach an export. None does under an embargo, nor where Section I of Annex II is not ruled out. */
function generalFor(
  given: Case,
  rules: RegimeRules,
  { country, placement }: Export,
): readonly GeneralTerms[] {
  if (embargoOn(given, rules, country) !== undefined) return [];
  return rules.generalAuthorizations
    .filter(
      (row) =>
        binds(row, given.facts.at) &&
        row.destinations.includes(country) &&
        row.kinds.includes(placement.what) &&
        !row.except.some((beginning) => placement.code.startsWith(beginning)) &&
        placementOn(given, rules, row.notOn).kind === "free",
    )
    .map(({ symbol, conditions }) => ({ symbol, conditions: conditions.map(({ id }) => id) }));
}

/** Embargoes, and the end uses of Art. 4, which reach items on no list. Inside the Union there is no export that they could reach. */
function checkEndUse(given: Case, rules: RegimeRules): Finding {
  const { endUse: check } = idsOf(rules);
  if (nexusOf(given, rules) === "not-attached") return elsewhere(check);
  const way = wayOf(given, rules);
  const details = { citation: `${regulation}, Art. 4`, rows: ["eu-principle-end-use"] };
  if (way.kind === "none" || way.kind === "internal") {
    return notApplicable(check, {
      ...details,
      reason:
        "The item does not leave the Union, and Art. 4 asks what it is wanted for of exports.",
    });
  }
  const { grant } = given.facts;
  if (way.kind === "unknown" || grant === null || grant.purpose.trim() === "") {
    return unknown(check, {
      ...details,
      reason: "Where the item goes, or what it is wanted for, is not known.",
      remedy: "Ask from a recorded site, under a grant that states the purpose.",
    });
  }
  const struck = [
    { country: way.country, parties: consignee(given) },
    ...affiliations(given),
  ].flatMap((place) => {
    const embargo = embargoOn(given, rules, place.country);
    return embargo === undefined ? [] : [{ ...place, embargo }];
  });
  if (struck.length === 0) {
    return pass(check, {
      ...details,
      reason:
        "The officer who made the grant vouches for its purpose. Whoever learns of an end use of Art. 4(1) has to tell the competent authority and revoke the grant.",
    });
  }
  return embargoed(given, rules, struck);
}

type Struck = {
  readonly country: CountryCode;
  readonly parties: Need["parties"];
  readonly embargo: RegimeEmbargo;
};

function embargoed(given: Case, rules: RegimeRules, struck: readonly Struck[]): Finding {
  const { endUse: check } = idsOf(rules);
  const places = [...new Set(struck.map(({ country }) => country))].sort().join(" and ");
  const placement = mainPlacement(given, rules);
  const item: ControlCode =
    placement.kind === "open"
      ? { jurisdiction: rules.jurisdiction, list: rules.lists[0].list, code: null }
      : placement.item;
  const details = {
    citation: [...new Set(struck.map(({ embargo }) => embargo.citation))].join("; "),
    rows: [...new Set(struck.map(({ embargo }) => embargo.id)), "eu-principle-end-use"],
    needs: struck.map(
      ({ country, parties, embargo }): Need => ({
        ...needOf(given, {
          country,
          item,
          admits:
            embargo.demand === "license"
              ? ["individual-license"]
              : [...byName, "no-license-required"],
        }),
        kind: "either",
        parties,
        named: true,
      }),
    ),
  };
  if (struck.some(({ embargo }) => embargo.demand === "license")) {
    return fail(check, {
      ...details,
      reason: `The export concerns ${places}, under restrictive measures of the Union that reach dual-use items.`,
      remedy: "An individual license that names the party and the country.",
    });
  }
  return unknown(check, {
    ...details,
    reason: `The export concerns ${places}, under an arms embargo: whether a military end use stands behind the purpose has to be answered for this party.`,
    remedy:
      "An officer records a determination that names the party and the entry, or a license does.",
  });
}

function embargoOn(
  { facts }: Case,
  { embargoes }: RegimeRules,
  country: CountryCode,
): RegimeEmbargo | undefined {
  return embargoes.find((row) => row.country === country && binds(row, facts.at));
}

type Wanting = {
  readonly country: CountryCode;
  readonly item: ControlCode;
  readonly admits: Need["admits"];
  readonly general?: readonly GeneralTerms[];
};

function needOf(given: Case, { country, item, admits, general = [] }: Wanting): Need {
  return {
    kind: "export",
    country,
    parties: consignee(given),
    named: false,
    reason: null,
    admits,
    under: { item, general },
  };
}

function elsewhere(check: Finding["check"]): Finding {
  return notApplicable(check, {
    citation: `${regulation}, Art. 2(2)(d)`,
    rows: ["eu-principle-location"],
    reason: "The keys do not leave from the Union, so its regulation does not reach the release.",
  });
}
