import { headquartersOf } from "./destination.ts";
import { groupsOf, isMacauOrD5 } from "./embargo.ts";
import type { CountryCode, LicenseKind, PersonFacts } from "./facts.ts";
import type { Case } from "./finding.ts";
import { requirementsOf } from "./item.ts";
import { isListedEntity } from "./listed-entity.ts";
import type { Requirement } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";

/** `open`: whether it is required turns on a fact that is not known, or on a reading that is not settled. */
export type Answer = "required" | "open" | "free";

/** Whether a requirement bites on a country, be it of destination or of nationality. */
export function reachesPlace(
  given: Pick<Case, "rulebook" | "facts">,
  { reach }: Pick<Requirement, "reach">,
  country: CountryCode,
): boolean {
  switch (reach.kind) {
    case "worldwide":
      return true;
    case "chart":
      return indexOf(given.rulebook).countries.get(country)?.columns.includes(reach.column) ?? true;
    case "places": {
      if (reach.countries.includes(country)) return true;
      const groups = groupsOf(given, country);
      return (
        reach.groups.some((group) => groups.includes(group)) &&
        !reach.except.some((group) => groups.includes(group))
      );
    }
    case "exported-from":
      return false;
  }
}

/**
 * 742.6(a)(6)(iii)(B): whether a requirement leaves the consignee out at a place that it names, being an entity of Supplement No. 8 to Part 740 or the staff of one.
 * What is not known leaves nobody out.
 */
export function leavesOut(given: Case, { reach }: Requirement, country: CountryCode): boolean {
  if (reach.kind !== "places" || reach.exceptListed !== true) return false;
  if (!reach.countries.includes(country)) return false;
  const { subject } = given.facts;
  const party = subject.kind === "person" ? subject.person : subject.workload.entity;
  return isListedEntity(given, party, country) === true;
}

/** Whether a requirement that follows headquarters in Macau or D:5 bites through the consignee's. */
export function reachesHeadquarters(given: Case, { reach }: Requirement): Answer {
  if (reach.kind !== "places" || !reach.headquarters) return "free";
  const headquarters = headquartersOf(given);
  if (headquarters === null) return "open";
  return headquarters.some((place) => isMacauOrD5(given, place)) ? "required" : "free";
}

/**
 * 742.6(a)(13): permanent and regular employees of entities with headquarters, and parent, in Supplement No. 5(a) are left out. Whoever
 * has no employment on record has not shown to be one, so the requirement stands as printed.
 */
export function isLeftOutEmployee(
  { rulebook }: Case,
  employment: PersonFacts["employment"],
): Answer {
  if (employment === null) return "required";
  const within = (place: CountryCode) => rulebook.supplementFiveDestinations.includes(place);
  const { permanentRegular, entityHeadquarters, ultimateParentHeadquarters } = employment;
  if (!permanentRegular || !within(entityHeadquarters)) return "required";
  if (ultimateParentHeadquarters === null) return "open";
  return within(ultimateParentHeadquarters) ? "free" : "required";
}

/** Whether the item is advanced computing or model weights, by any requirement of its entry; an override of the requirement does not change the item. */
export function isAdvanced(given: Case): boolean {
  const { binding, setAside } = requirementsOf(given);
  return [...binding, ...setAside].some(({ citation }) =>
    /742\.6\(a\)\((6\)\(iii|13)\)/.test(citation),
  );
}

/** Whether 742.6(a)(6)(i) controls the item to Macau and D:5, by any requirement of its entry. */
export function isRegional(given: Case): boolean {
  const { binding, setAside } = requirementsOf(given);
  return [...binding, ...setAside].some(({ citation }) => /742\.6\(a\)\(6\)\(i\)/.test(citation));
}

/**
 * What kinds of authorization meet a requirement. 740.2(a)(9)(ii) bars nearly every license exception for advanced-computing items and
 * model weights to D:1, D:4 and D:5, and to parties headquartered in Macau or D:5 wherever they are. It bars by item and not by reason, so
 * none is taken there for the item's other reasons either, nor for a party whose headquarters are not known. What 742.6(a)(6)(i) controls is
 * held the same way to Macau and D:5 (740.2(a)(9)(i), whose text was not at hand). That both reach deemed
 * exports, through the country to which 734.13(b) deems them made, is our reading.
 */
export function admitted(
  given: Case,
  row: Requirement,
  country: CountryCode,
): readonly LicenseKind[] {
  const groups = groupsOf(given, country);
  const headquarters = headquartersOf(given);
  const isListed = row.reason === "RS" && /742\.6\(a\)\((6|13)\)/.test(row.citation);
  const isFollowed = () =>
    headquarters === null || headquarters.some((place) => isMacauOrD5(given, place));
  const restricted =
    ((isListed || isAdvanced(given)) &&
      ((["D:1", "D:4", "D:5"] as const).some((group) => groups.includes(group)) || isFollowed())) ||
    (isRegional(given) && isMacauOrD5(given, country));
  return restricted ? ["bis-license"] : ["bis-license", "license-exception"];
}
