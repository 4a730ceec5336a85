import type { Entry } from "./entry.ts";

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Kinds that speak of no row, since nothing is decided by them. */
const withoutSubject: readonly string[] = [
  "vault.initialized",
  "ledger.key-rotated",
  "ledger.key-taken-up",
  "grant.flagged",
  "grant.cleared",
];

/** The row that an entry speaks of, as its submission named it; null where it names none. An entry does not carry it, but its body does. */
export function subjectOf({ kind, body }: Pick<Entry, "kind" | "body">): string | null {
  if (withoutSubject.includes(kind)) return null;
  // A revision has no id of its own: its repository's history is asked for it.
  const noun = kind.startsWith("revision.") ? "repository" : kind.slice(0, kind.indexOf("."));
  const subject = body[noun];
  return typeof subject === "string" && uuidPattern.test(subject) ? subject : null;
}
