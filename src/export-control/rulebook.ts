import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { countries, supplementFiveDestinations } from "./rulebook/countries.ts";
import { embargoes } from "./rulebook/embargoes.ts";
import { entries, requirements } from "./rulebook/entries.ts";
import { exceptionListings, staBars } from "./rulebook/exception-listings.ts";
import { exceptions } from "./rulebook/exceptions.ts";
import { lists } from "./rulebook/lists.ts";
import { principles } from "./rulebook/principles.ts";
import type {
  Country,
  Embargo,
  Entry,
  ExceptionListing,
  LicenseException,
  ListEffect,
  Override,
  Principle,
  Requirement,
  StaBar,
} from "./rulebook/rule.ts";

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
  const bytes = canonicalize(content);
  if (bytes === undefined) throw new TypeError("the rulebook has no canonical form");
  return { ...content, digest: createHash("sha256").update(bytes, "utf8").digest("hex") };
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
 * The rulebook with some requirements set aside, each for a recorded reason. The digest changes with it, so every decision shows
 * that it was made under overrides. Throws a TypeError for a row that is no requirement: embargoes and lists cannot be set aside.
 */
export function withOverrides(base: Rulebook, overrides: readonly Override[]): Rulebook {
  for (const { row, reason, decidedBy } of overrides) {
    if (!base.requirements.some(({ id }) => id === row)) {
      throw new TypeError(`${row} is not a requirement of the rulebook`);
    }
    if (reason.trim() === "" || decidedBy.trim() === "") {
      throw new TypeError(`the override of ${row} needs a reason and who decided it`);
    }
  }
  const { digest: _, ...content } = base;
  return digested({ ...content, overrides: [...content.overrides, ...overrides] });
}
