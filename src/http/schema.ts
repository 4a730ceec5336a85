import { z } from "zod";
import type { RepositoryName } from "../vault/repository.ts";
import type { Answer } from "./route.ts";

/** An identifier of ours; the same one in upper case is the same one. */
export const id = z.uuid().toLowerCase();

/** Text that the database and the ledger's canonical form can hold: no NUL, no lone surrogate. */
export function text(most: number, least = 1) {
  return z
    .string()
    .min(least)
    .max(most)
    .refine((value) => value.isWellFormed() && !value.includes("\0"), {
      message: "must be well-formed Unicode without NUL",
    });
}

/** A code with the control list of the regime that gives it its meaning; null: on no entry of that list. */
export const controlCode = {
  jurisdiction: z.enum(["EU", "UK", "JP"]),
  list: z.string().regex(/^[A-Za-z0-9-]{1,40}$/, "must be the name of a control list"),
  code: text(40).nullable(),
};

/** What CLDR names beside the officially assigned codes: reserved ones, groupings and its own inventions. `XK` stays in, for Kosovo. */
const noCountries = new Set("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split(" "));

const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });

/** ISO 3166-1 alpha-2, as Node's CLDR knows it, and `XK`. A code that was withdrawn maps to its successor there, and is refused. */
export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, { error: "must be a country code of two capitals", abort: true })
  .refine(
    (code) =>
      !noCountries.has(code) &&
      names.of(code) !== undefined &&
      new Intl.Locale(`und-${code}`).region === code,
    { error: "is no country of ISO 3166-1" },
  );

export const date = z.iso.date();

/** An instant in UTC, between the years 1970 and 9999. */
export const instant = z.iso
  .datetime()
  .refine((value) => value >= "1970", { message: "must not be before 1970" });

export const sha256 = z.string().regex(/^[0-9A-Fa-f]{64}$/, "must be 64 hexadecimal digits");
export const revisionId = z.string().regex(/^[0-9a-f]{40}$/, "must be 40 hexadecimal digits");
export const revisionName = z.union([z.literal("main"), revisionId]);
export const byteCount = z.int().min(0);
const shortName = z.string().regex(/^[A-Za-z0-9._-]{1,96}$/, "is not a name");

/** The two segments that name a repository in an address. */
export const repositoryParams = z.strictObject({ namespace: shortName, name: shortName });

/** `namespace/name` in a body or a query. */
export const repositoryText = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,96}\/[A-Za-z0-9._-]{1,96}$/, "must be namespace/name");

export const idParams = z.strictObject({ id });

/** The two halves of a text that `repositoryText` has admitted. */
export function repositoryOf(given: string): RepositoryName {
  const [namespace = "", name = ""] = given.split("/");
  return { namespace, name };
}

/** Days from now; a year at the most. */
export const expiresInDays = z.int().min(1).max(365).default(90);

/** The instant some days after another. */
export function daysAfter(now: Date, days: number): Date {
  return new Date(now.getTime() + days * 86_400_000);
}

/** A JSON answer of these members. */
export function json(description: string, shape: z.ZodRawShape): Answer {
  return { description, json: z.strictObject(shape) };
}

/** An answer without a body. */
export const done: Answer = { description: "Done." };

/** Every instant as answers give it. */
export const givenInstant = z.iso.datetime();
export const standing = z.enum(["active", "suspended", "revoked"]);
