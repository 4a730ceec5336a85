import type { Entry } from "../ledger/entry.ts";
import { revisionKey } from "./ledger-story.ts";
import { isRecord } from "./record.ts";

/**
 * Remembers which revisions name which bases, by the entries of their commits. A base is committed before what was made from it, so its story is
 * told only when the ledger is read again.
 */
export class Ancestry {
  readonly #bases = new Map<string, readonly string[]>();

  /** Takes each entry, in any order. */
  take({ kind, body }: Entry): void {
    const { repository, revision, bases } = body;
    if (kind !== "revision.committed" || !Array.isArray(bases)) return;
    if (typeof repository !== "string" || typeof revision !== "string") return;
    this.#bases.set(revisionKey(repository, revision), bases.flatMap(keyOf));
  }

  /** All that the revisions were made from, and what that was made from, without them: the nearest first. */
  above(roots: Iterable<string>): ReadonlySet<string> {
    const seen = new Set(roots);
    const below = new Set(seen);
    // A set is walked in the order of its growth, and to its new end.
    for (const key of seen) for (const base of this.#bases.get(key) ?? []) seen.add(base);
    return new Set([...seen].filter((key) => !below.has(key)));
  }
}

function keyOf(base: unknown): readonly string[] {
  const { repository, revision } = isRecord(base) ? base : {};
  const isNamed = typeof repository === "string" && typeof revision === "string";
  return isNamed ? [revisionKey(repository, revision)] : [];
}
