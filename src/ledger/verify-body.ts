import type { Canonical } from "../crypto/canonical-json.ts";
import type { EntryBody } from "./entry.ts";

/** A member that is an object; null for anything else. */
export function objectOf(value: Canonical | undefined): EntryBody | null {
  return isObject(value) ? value : null;
}

export function isStrings(value: Canonical | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

const digestPattern = /^[0-9a-f]{64}$/;

/** A SHA-256, or a commitment, as entries write one. */
export function isDigest(value: Canonical | undefined): value is string {
  return typeof value === "string" && digestPattern.test(value);
}

const decimalPattern = /^(?:0|[1-9][0-9]{0,29})$/;

/** A number of bytes, which entries write as a decimal string. Null for anything else. */
export function bytesOf(value: Canonical | undefined): bigint | null {
  return typeof value === "string" && decimalPattern.test(value) ? BigInt(value) : null;
}

function isObject(value: Canonical | undefined): value is EntryBody {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One text for a revision of a repository, and for no other: entries may name either by any text, one with a slash in it too. */
export function revisionKey(repository: string, revision: string): string {
  return `${repository.length}/${repository}/${revision}`;
}
