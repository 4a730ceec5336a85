import { affiliations } from "./affiliation.ts";
import { consignee, destinationOf } from "./destination.ts";
import type { CountryCode } from "./facts.ts";
import {
  type Case,
  type Finding,
  fail,
  type Need,
  type Parties,
  pass,
  unknown,
} from "./finding.ts";
import { type DeemedRecipient, deemedRecipients } from "./nationality.ts";
import type { DatedGroup, Demand, Embargo, Group } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";
import { dateAt } from "./time.ts";

const part746 = "15 CFR Part 746; 736.2(b)(6)";
const namedLicense =
  "A BIS license in force that names the party, the item and the country; nothing else passes.";

/** Whether the item goes to a sanctioned destination. A U.S. person on the spot changes nothing. */
export function checkEmbargoDestination(given: Case): Finding {
  const destination = destinationOf(given);
  if (destination.kind === "unknown") {
    return unknown("embargo-destination", {
      citation: part746,
      reason: "A place that is not known may be a sanctioned one.",
      remedy: "Ask from a recorded site, or have an officer record the site's country.",
    });
  }
  const embargo = destination.kind === "abroad" ? embargoOn(given, destination.country) : undefined;
  const demand = embargo === undefined ? "none" : demandOf(given, embargo.destination);
  if (embargo === undefined || demand === "none") {
    return pass("embargo-destination", {
      citation: part746,
      reason: "The item does not go to a sanctioned destination.",
    });
  }
  const need = {
    ...wholeNeed(demand),
    kind: "export",
    country: embargo.country,
    parties: consignee(given),
  } as const;
  const details = { citation: embargo.citation, rows: [embargo.id], needs: [need] };
  if (demand === "question") {
    return unknown("embargo-destination", {
      ...details,
      reason: `For ${embargo.country} it is open ${embargo.question}.`,
      remedy: "An officer records a determination that names the party, or a BIS license.",
    });
  }
  return fail("embargo-destination", {
    ...details,
    reason: `The item goes to ${embargo.country}, which is under sanctions: a license is required, and no license exception is taken.`,
    remedy: namedLicense,
  });
}

/**
 * Whether someone who receives is a national of a sanctioned country, belongs to an entity of one, or works for one on record. Only a
 * license that names that party helps.
 */
export function checkEmbargoNationality(given: Case): Finding {
  const found = deemedRecipients(given);
  const open = found.known ? openAffiliation(given) : found.question;
  if (!found.known || open !== null) {
    return unknown("embargo-nationality", {
      citation: part746,
      rows: ["principle-affiliation"],
      reason: `Nobody can tell whether a sanctioned country is concerned while it is not known ${open}.`,
      remedy: "An officer records the missing fact, on the person's own statement.",
    });
  }
  const struck = strikes(given, found.recipients);
  if (struck.length === 0) {
    return pass("embargo-nationality", {
      citation: part746,
      rows: ["principle-affiliation"],
      reason:
        "Nobody who receives is a foreign national of a sanctioned country, an entity of one or on record as employed by one.",
    });
  }
  const places = [...new Set(struck.map(({ embargo }) => embargo.country))];
  const details = {
    citation: [...new Set(struck.map(({ embargo }) => embargo.citation))].join("; "),
    rows: [...new Set(struck.map(({ embargo }) => embargo.id)), "principle-affiliation"],
    needs: struck.map(needOf),
    remedy: namedLicense,
  };
  const unsettled = struck.filter(({ question }) => question !== null);
  if (!struck.some(({ settled }) => settled) && unsettled.length > 0) {
    const questions = new Set(
      unsettled.map(({ embargo, question }) => `for ${embargo.country} it is open ${question}`),
    );
    return unknown("embargo-nationality", {
      ...details,
      reason: `Somebody who receives is, or may be, a national of a sanctioned country, and ${[...questions].join("; ")}. Nothing passes while it is.`,
      remedy: `Counsel answers the question. Until then: ${namedLicense}`,
    });
  }
  if (!struck.some(({ settled }) => settled)) {
    return unknown("embargo-nationality", {
      ...details,
      reason: `The facts leave open whether the release is one to ${places.join(" or ")}, which is under sanctions.`,
    });
  }
  return fail("embargo-nationality", {
    ...details,
    reason: `The release is one to a national or an entity of ${places.join(" and ")}, or to someone whom such an entity employs. That is under sanctions: nothing passes without a license that names the party.`,
  });
}

/** An embargo that meets one who receives. Not `settled` where only some readings of a nationality lead to it, or where the law is open. */
type Strike = {
  readonly embargo: Embargo;
  readonly settled: boolean;
  readonly parties: Parties;
  /** What is open in law; null where nothing is. */
  readonly question: string | null;
};

function strikes(given: Case, recipients: readonly DeemedRecipient[]): readonly Strike[] {
  const byNationality = recipients.flatMap(({ readings, party: parties }) => {
    const struck = embargoed(given, readings);
    const isReached = struck.length === readings.length;
    return struck.map((embargo) => {
      const isOpen = demandOf(given, embargo.nationality) === "unsettled";
      const question = isOpen ? embargo.question : null;
      return { embargo, settled: isReached && !isOpen, parties, question };
    });
  });
  const byAffiliation = affiliations(given).flatMap(({ country, parties }) =>
    embargoed(given, [country]).map((embargo) => ({
      embargo,
      settled: true,
      parties,
      question: null,
    })),
  );
  return [...byNationality, ...byAffiliation];
}

function needOf({ embargo: { country }, parties }: Strike): Need {
  return { ...wholeNeed("license"), kind: "deemed-export", country, parties };
}

/** A code on record that stands for no country hides one that may be sanctioned, whatever else is licensed. */
function openAffiliation(given: Case): string | null {
  const { countries } = indexOf(given.rulebook);
  return affiliations(given).every(({ country }) => countries.has(country))
    ? null
    : "which country the recorded headquarters of an employer or an entity stand in";
}

/**
 * End uses and end users of Part 744. The engine cannot know them: the officer who granted access vouches for the stated purpose. In
 * Macau and Country Group D:5, be it by place, by entity or by recorded employer, that is not enough: somebody has to have answered
 * the question there.
 */
export function checkEndUse(given: Case): Finding {
  const citation = "15 CFR 744.2 to 744.6, 744.21 to 744.23; 736.2(b)(5)";
  const rows = ["principle-end-use", "principle-affiliation"];
  const { grant } = given.facts;
  if (grant === null || grant.purpose.trim() === "") {
    return unknown("end-use", {
      citation,
      rows,
      reason: "No officer stated what the item is wanted for.",
      remedy: "An officer makes a grant that states the purpose.",
    });
  }
  const destination = destinationOf(given);
  const received =
    destination.kind === "abroad"
      ? [{ country: destination.country, parties: consignee(given) }]
      : [];
  const sensitive = [...received, ...affiliations(given)].filter(({ country }) =>
    isMacauOrD5(given, country),
  );
  if (sensitive.length > 0) {
    const places = [...new Set(sensitive.map(({ country }) => country))];
    return unknown("end-use", {
      citation,
      rows,
      needs: sensitive.map(
        (place): Need => ({ ...wholeNeed("question"), kind: "either", ...place }),
      ),
      reason: `${places.join(" and ")} is Macau or in Country Group D:5: whether a military, military-intelligence, weapons or advanced-computing end use stands behind the purpose has to be answered for this party.`,
      remedy: "An officer records a determination that names the party, or a BIS license.",
    });
  }
  return pass("end-use", {
    citation,
    rows,
    reason:
      "The officer who made the grant vouches for its purpose. The engine computes nothing here: whoever learns of a barred end use has to revoke the grant.",
  });
}

/** Whether a country is Macau or in D:5: the text names the two together. */
export function isMacauOrD5(given: Decided, code: CountryCode): boolean {
  return code === "MO" || groupsOf(given, code).includes("D:5");
}

type Decided = Pick<Case, "rulebook" | "facts">;

/** The Country Groups of a country at the instant of the decision. */
export function groupsOf({ rulebook, facts }: Decided, code: CountryCode): readonly Group[] {
  const country = indexOf(rulebook).countries.get(code);
  if (country?.dated === undefined) return country?.groups ?? [];
  const today = dateAt(facts.at) ?? "";
  const { dated } = country;
  const isOver = ({ from, until }: DatedGroup) =>
    (from !== null && today < from) || (until !== null && today > until);
  const held = dated.filter((each) => !isOver(each)).map(({ group }) => group);
  const settled = country.groups.filter((group) => !dated.some((each) => each.group === group));
  return [...settled, ...held];
}

/** Whether Part 746 concerns an act to a country, or the country is in E:1 or E:2: no license exception is taken there (740.2(a)(6)). */
export function isSanctioned(
  given: Case,
  act: "export" | "deemed-export",
  country: CountryCode,
): boolean {
  const groups = groupsOf(given, country);
  if (groups.includes("E:1") || groups.includes("E:2")) return true;
  const embargo = embargoOn(given, country);
  if (embargo === undefined) return false;
  return demandOf(given, act === "export" ? embargo.destination : embargo.nationality) !== "none";
}

function embargoed(given: Case, countries: readonly CountryCode[]): readonly Embargo[] {
  return countries.flatMap((country) => {
    const embargo = embargoOn(given, country);
    return embargo !== undefined && demandOf(given, embargo.nationality) !== "none"
      ? [embargo]
      : [];
  });
}

function embargoOn({ rulebook }: Case, country: CountryCode): Embargo | undefined {
  return indexOf(rulebook).embargoes.get(country);
}

function demandOf({ facts }: Case, by: Embargo["destination"]): Demand {
  return facts.item.classification?.eccn === "EAR99" ? by.ear99 : by.listed;
}

/** What meets an embargo or answers a question: never a license exception, and always by name. */
function wholeNeed(demand: Exclude<Demand, "none">): Pick<Need, "named" | "reason" | "admits"> {
  return {
    named: true,
    reason: null,
    admits: demand === "question" ? ["bis-license", "no-license-required"] : ["bis-license"],
  };
}
