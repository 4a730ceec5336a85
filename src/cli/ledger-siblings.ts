import type { Entry } from "../ledger/entry.ts";
import { counted } from "./counted.ts";
import { revisionKey } from "./ledger-story.ts";

/** So many are named; the others are counted. */
const mostNamed = 20;

/** Remembers which revisions each repository has: an object may be in others of its repository's than those that were named, and in no other repository's. */
export class Siblings {
  readonly #revisions = new Map<string, Set<string>>();

  /** Takes each entry, in any order. */
  take({ kind, body }: Entry): void {
    const { repository, revision } = body;
    if (kind !== "revision.committed" || typeof repository !== "string") return;
    if (typeof revision !== "string") return;
    const revisions = this.#revisions.get(repository) ?? new Set();
    this.#revisions.set(repository, revisions.add(revision));
  }

  /** A sentence about the revisions beside these, the newest of which it names; null where there are none. */
  beside(roots: Iterable<string>): string | null {
    const named = new Set(roots);
    const others = [...this.#revisions].flatMap(([repository, revisions]) => {
      const keys = [...revisions].map((revision) => revisionKey(repository, revision));
      return keys.some((key) => named.has(key)) ? keys.filter((key) => !named.has(key)) : [];
    });
    if (others.length === 0) return null;
    const newest = others.slice(-mostNamed).join(", ");
    const more = others.length > mostNamed ? ", and older ones" : "";
    return `other revisions that hold the object have releases of their own, and whether ${counted(others.length, "revision")} of its repository ${others.length === 1 ? "does" : "do"} was not looked into: ${newest}${more}`;
  }
}
