import type { Canonical } from "../crypto/canonical-json.ts";
import type { EntryBody } from "./entry.ts";
import { hexBytes } from "./entry-scan.ts";

/** A member that is an object; null for anything else. */
export function objectOf(value: Canonical | undefined): EntryBody | null {
  return isObject(value) ? value : null;
}

export function isStrings(value: Canonical | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

/** A SHA-256, or a commitment, as entries write one: 64 small hexadecimal digits. A table is twice as fast as comparisons or a pattern. */
export function isDigest(value: unknown): value is string {
  if (typeof value !== "string" || value.length !== 64) return false;
  let digits = 0;
  for (let at = 0; at < 64; at += 1) digits += hexBytes[value.charCodeAt(at)] ?? 0;
  return digits === 64;
}

const decimalPattern = /^(?:0|[1-9][0-9]{0,29})$/;

/** A number of bytes, which entries write as a decimal string. Null for anything else. */
export function bytesOf(value: Canonical | undefined): bigint | null {
  if (typeof value !== "string") return null;
  if (value.length > exactDigits || value.length === 0)
    return decimalPattern.test(value) ? BigInt(value) : null;
  const bytes = wholeNumber(value);
  return bytes === null ? null : BigInt(bytes);
}

/** So many digits are exact in a double, and are read in a fraction of the time that a bigint takes from a string. */
const exactDigits = 15;

function wholeNumber(digits: string): number | null {
  let value = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const digit = digits.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return digits.length > 1 && digits.charCodeAt(0) === 0x30 ? null : value;
}

function isObject(value: Canonical | undefined): value is EntryBody {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One text for a revision of a repository, and for no other: entries may name either by any text, one with a slash in it too. */
export function revisionKey(repository: string, revision: string): string {
  return `${repository.length}/${repository}/${revision}`;
}
