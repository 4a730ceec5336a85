import type { CheckId } from "./decision.ts";
import type { CountryCode } from "./facts.ts";
import { type Case, type Finding, fail, type Need, pass, unknown } from "./finding.ts";
import { sayOverrides } from "./override.ts";
import type { Requirement } from "./rulebook/rule.ts";
import { indexOf } from "./rulebook-index.ts";

/** The entry's requirements for one reason, and those that an override set aside. */
export type Stated = {
  readonly rows: readonly Requirement[];
  readonly aside: readonly Requirement[];
};

/** A requirement that bites, or may bite, and the authorization that it wants. */
export type Struck = {
  readonly row: Requirement;
  readonly answer: "required" | "open";
  readonly need: Need;
};

type Conclusion = {
  readonly check: CheckId;
  readonly stated: Stated;
  readonly struck: readonly Struck[];
  /** What is done, in words: `an export to DE`. */
  readonly act: string;
  readonly places: readonly CountryCode[];
};

/** One reason for control, concluded: nothing bites, a license is required, or that is open. */
export function conclude(given: Case, { check, stated, struck, act, places }: Conclusion): Finding {
  const eccn = given.facts.item.classification?.eccn ?? "";
  if (struck.length === 0) {
    const { rows, aside } = stated;
    const overridden = sayOverrides(given.rulebook, [...rows, ...aside], given.facts.at);
    return pass(check, {
      citation: citationsOf(rows),
      rows: idsOf([...rows, ...aside]),
      reason: `These controls of entry ${eccn} ask for no license for ${act}.${silenceOf(given, rows, places)}${overridden}`,
    });
  }
  const required = struck.filter(({ answer }) => answer === "required");
  const shown = (required.length > 0 ? required : struck).map(({ row }) => row);
  const applies = [...new Set(shown.map((row) => row.applies))].join("; ");
  const what = `${shown[0]?.reason} controls on entry ${eccn} (${applies})`;
  const overridden = sayOverrides(given.rulebook, [...shown, ...stated.aside], given.facts.at);
  const status = `${[...new Set(shown.flatMap(statusOf))].join(" ")}${overridden}`;
  const details = {
    citation: citationsOf(shown),
    rows: idsOf(shown),
    needs: struck.map(({ need }) => need),
  };
  if (required.length > 0) {
    return fail(check, {
      ...details,
      reason: `${what} require a license for ${act}. ${status}`.trim(),
      remedy: `A license in force that covers the item, the party and the country for this reason.${carveOutOf(required)}`,
    });
  }
  const readingsDiffer = struck.some(({ need }) => need.admits.includes("no-license-required"));
  return unknown(check, {
    ...details,
    reason:
      `Whether ${what} require a license for ${act} ${readingsDiffer ? "differs between the countries that the facts leave open." : "turns on where the party's entity and its parent are headquartered, which is not known."} ${status}`.trim(),
    remedy: readingsDiffer
      ? "An officer records a determination that names the party, or a license for each country."
      : "An officer records the party's employment, or a license that covers the release.",
  });
}

function carveOutOf(required: readonly Struck[]): string {
  const employee = required.some(({ row }) => row.deemed === "not-employees")
    ? " Or the person's employment on record, where it is permanent and regular with an entity that has its headquarters and its parent's in Supplement No. 5(a) to Part 740."
    : "";
  const listed = required.some(({ row: { reach }, need }) => {
    const leavesListedOut = reach.kind === "places" && reach.exceptListed === true;
    return leavesListedOut && reach.countries.includes(need.country);
  });
  return listed
    ? `${employee} Or the paper, where it is so, that the party is, or works for, an entity of Supplement No. 8 to Part 740, under the name that stands there.`
    : employee;
}

/** The chart has no marks for the embargoed countries, and its silence must not be read as permission. */
function silenceOf(
  { rulebook }: Case,
  rows: readonly Requirement[],
  places: readonly CountryCode[],
): string {
  if (!rows.some(({ reach }) => reach.kind === "chart")) return "";
  const { countries } = indexOf(rulebook);
  const silent = [...new Set(places)]
    .filter((code) => code !== "US" && countries.get(code)?.columns.length === 0)
    .sort();
  if (silent.length === 0) return "";
  return ` The chart has no marks for ${silent.join(" and ")}, which is no permission: Part 746 decides, and its own checks apply it.`;
}

function statusOf({ status }: Requirement): readonly string[] {
  return status.kind === "not-enforced"
    ? [
        `${status.announcement} This rulebook applies it as printed until the operator records an override.`,
      ]
    : [];
}

/** The citations of some rows, each once. */
export function citationsOf(rows: readonly Requirement[]): string {
  return [...new Set(rows.map(({ citation }) => citation))].join("; ");
}

export function idsOf(rows: readonly Requirement[]): readonly string[] {
  return rows.map(({ id }) => id);
}
