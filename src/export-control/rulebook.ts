import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { RegimeRules } from "./regimes/regime.ts";
import { countries, supplementFiveDestinations } from "./rulebook/countries.ts";
import { embargoes } from "./rulebook/embargoes.ts";
import { entries, requirements } from "./rulebook/entries.ts";
import { exceptionListings, staBars } from "./rulebook/exception-listings.ts";
import { exceptions } from "./rulebook/exceptions.ts";
import { lists } from "./rulebook/lists.ts";
import { principles } from "./rulebook/principles.ts";
import { regimes } from "./rulebook/regimes.ts";
import type {
  Country,
  Embargo,
  Entry,
  ExceptionListing,
  LicenseException,
  ListEffect,
  ListedEntity,
  Override,
  Principle,
  Requirement,
  Safeguard,
  StaBar,
  Threshold,
} from "./rulebook/rule.ts";
import { safeguards } from "./rulebook/safeguards.ts";
import { supplementEight } from "./rulebook/supplement-eight.ts";
import { thresholds } from "./rulebook/thresholds.ts";
import { calendarDate } from "./time.ts";

/** The regulation as dated data. No row has been signed by counsel: it is a reading, not advice. */
export type RulebookContent = {
  readonly format: "weightvault/rulebook/v1";
  /** The date of the newest text that any row was taken from. */
  readonly asOf: string;
  readonly countries: readonly Country[];
  readonly supplementFiveDestinations: readonly string[];
  readonly entries: readonly Entry[];
  readonly requirements: readonly Requirement[];
  readonly exceptions: readonly LicenseException[];
  readonly exceptionListings: readonly ExceptionListing[];
  readonly staBars: readonly StaBar[];
  readonly embargoes: readonly Embargo[];
  readonly lists: readonly ListEffect[];
  readonly principles: readonly Principle[];
  /** Other regimes than the EAR. Rulebooks that were kept before there were any lack them, and decide under the EAR alone. */
  readonly regimes?: readonly RegimeRules[];
  /**
   * The entities of Supplement No. 8 to Part 740, the ways of 734.20(c) and the numbers of the datasheet's arithmetic. Absent in rulebooks that were kept before
   * they came: a decision on one of those is made as it was then.
   */
  readonly supplementEight?: readonly ListedEntity[];
  readonly safeguards?: readonly Safeguard[];
  readonly thresholds?: readonly Threshold[];
  readonly overrides: readonly Override[];
  /**
   * How 750.7(g) is read where a license is printed to expire on a day that is no business day. `printed-date` ends it there, the narrower
   * reading and the one that ships; `first-business-day` moves its end, as the text says of a legal holiday and as counsel may advise for weekends.
   */
  readonly licenseExpiry: "printed-date" | "first-business-day";
};

/** A rulebook and the SHA-256 of the canonical bytes (RFC 8785) of everything else in it, hex: decisions name it by this. */
export type Rulebook = RulebookContent & { readonly digest: string };

/** The rulebook with its digest. */
export function digested(content: RulebookContent): Rulebook {
  return { ...content, digest: digestOf(content) };
}

function digestOf(value: unknown): string {
  const bytes = canonicalize(value);
  if (bytes === undefined) throw new TypeError("the rulebook has no canonical form");
  return createHash("sha256").update(bytes, "utf8").digest("hex");
}

/** The rulebook that ships with this version. */
export const rulebook: Rulebook = digested({
  format: "weightvault/rulebook/v1",
  asOf: "2026-09-24",
  countries,
  supplementFiveDestinations,
  entries,
  requirements,
  exceptions,
  exceptionListings,
  staBars,
  embargoes,
  lists,
  principles,
  regimes,
  supplementEight,
  safeguards,
  thresholds,
  overrides: [],
  licenseExpiry: "printed-date",
});

export const rulebookDigest: string = rulebook.digest;

/** The rulebook with another reading of 750.7(g). The digest changes with it, so every decision shows under which it was made. */
export function withLicenseExpiry(
  base: Rulebook,
  licenseExpiry: RulebookContent["licenseExpiry"],
): Rulebook {
  const { digest: _, ...content } = base;
  return digested({ ...content, licenseExpiry });
}

/**
 * The rulebook with overrides. The digest changes with them, so every decision shows that it was made under them. Throws a TypeError
 * for an override that `fits` refuses, that one person made alone, or whose days are none.
 */
export function withOverrides(base: Rulebook, overrides: readonly Override[]): Rulebook {
  for (const override of overrides) {
    const { id, row, from, until, proposedBy, approvedBy } = override;
    if (!fits(base, override)) {
      throw new TypeError(`${row} is not a requirement of the rulebook as override ${id} read it`);
    }
    if (proposedBy === "" || approvedBy === "" || proposedBy === approvedBy) {
      throw new TypeError(`override ${id} needs two persons`);
    }
    if (calendarDate(from) === null || calendarDate(until) === null || until < from) {
      throw new TypeError(`override ${id} has no days`);
    }
  }
  const { digest: _, ...content } = base;
  return digested({ ...content, overrides: [...content.overrides, ...overrides] });
}

/**
 * Whether an override still speaks of a requirement of this rulebook. One that sets a requirement aside does so only while it reads as it did when
 * counsel looked at it: a newer text wants a newer look. One that enforces goes by the requirement's id, which is the cautious reading.
 */
export function fits(
  { requirements }: Pick<RulebookContent, "requirements">,
  { row, rowSha256, action }: Pick<Override, "row" | "rowSha256" | "action">,
): boolean {
  const requirement = requirements.find(({ id }) => id === row);
  if (requirement === undefined) return false;
  return action === "enforce" || requirementDigest(requirement) === rowSha256;
}

/** SHA-256 of what a requirement demands, of whom and where, hex; its notes and the date of its text are not part of it. */
export function requirementDigest(requirement: Requirement): string {
  const {
    asOf: _asOf,
    confidence: _confidence,
    counsel: _counsel,
    note: _note,
    ...demand
  } = requirement;
  return digestOf(demand);
}
