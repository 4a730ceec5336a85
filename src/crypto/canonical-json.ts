import canonicalize from "canonicalize";

/** What may be hashed: no fractions, no integer past 2^53-1, no undefined; bigger numbers, hashes and times travel as strings. */
export type Canonical =
  | string
  | boolean
  | null
  | number
  | readonly Canonical[]
  | { readonly [name: string]: Canonical };

/** RFC 8785 bytes of a value. Throws a TypeError on what the format of the ledger does not admit. */
export function canonicalJson(value: Canonical): Buffer {
  assertCanonical(value, "$");
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("the value has no canonical form");
  return Buffer.from(text, "utf8");
}

function assertCanonical(value: unknown, at: string): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${at} is not an integer up to 2^53-1`);
    return;
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) assertCanonical(item, `${at}[${index}]`);
    return;
  }
  if (typeof value !== "object") throw new TypeError(`${at} is a ${typeof value}`);
  for (const [name, item] of Object.entries(value)) assertCanonical(item, `${at}.${name}`);
}
