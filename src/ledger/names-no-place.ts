import type { Canonical } from "../crypto/canonical-json.ts";

/** Two capitals that stand alone, as a country's code does in a value or in the id of a row; and a Country Group. */
const country = /(?<![A-Za-z0-9])[A-Z]{2}(?![A-Za-z0-9])/;
const group = /(?<![A-Za-z0-9])[A-E]:[1-6](?![A-Za-z0-9])/;
/** A row of a license exception, `exception-sta-c-2`: some are for a few countries. The symbol alone may stand. */
const exceptionRow = /^exception-[a-z]+-/;

/**
 * A repository is called as its owner likes, and that tells of no person. A rotation's statement is keys and signatures in base64, where any two letters may stand
 * alone, and the ledger's name, which every checkpoint tells.
 */
const exempt: Readonly<Record<string, readonly string[]>> = {
  "repository.created": ["namespace", "name"],
  "ledger.key-rotated": ["statement"],
};

/**
 * The ledger is for everybody's eyes and for ever: no entry of any kind may tell a country, whatever member or id would carry it. Throws a TypeError for a body that
 * holds one, which is a bug of ours; the transaction fails, so nothing is done unrecorded.
 */
export function assertNamesNoPlace(
  kind: string,
  body: { readonly [name: string]: Canonical },
): void {
  const free = Object.hasOwn(exempt, kind) ? (exempt[kind] ?? []) : [];
  for (const [member, value] of Object.entries(body)) {
    if (free.includes(member) || !tellsPlace(value)) continue;
    throw new TypeError(`the member ${member} of ${kind} could tell a country`);
  }
}

function tellsPlace(value: Canonical): boolean {
  if (typeof value === "string")
    return country.test(value) || group.test(value) || exceptionRow.test(value);
  if (Array.isArray(value)) return value.some(tellsPlace);
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, each]) => country.test(name) || tellsPlace(each));
}
