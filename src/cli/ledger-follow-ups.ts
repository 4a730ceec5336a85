import type { Entry } from "../ledger/entry.ts";
import { SeenIds } from "../ledger/verify-ids.ts";

/** What a story opens by name and later entries go on about by its id alone: `grant.suspended` names neither person nor repository. */
const openings: Readonly<Record<string, string>> = {
  "grant.made": "grant",
  "token.issued": "token",
  "token.recovered": "token",
  "hold.placed": "hold",
  "workload.recorded": "workload",
};

/**
 * Follows what the entries of a story opened: what became of its grants, tokens, holds and workloads, and the movements of what its releases gave
 * out. Of a release it holds some ten bytes.
 */
export class FollowUps {
  readonly #opened = new Set<string>();
  readonly #releases = new SeenIds();

  /** Takes an entry of the story, which opens what it names. */
  open({ kind, body }: Entry): void {
    const { release } = body;
    if (kind.startsWith("release.") && typeof release === "string") this.#releases.set(release, 1);
    const opened = Object.hasOwn(openings, kind) ? body[openings[kind] ?? ""] : null;
    if (typeof opened === "string") this.#opened.add(opened);
  }

  /** Whether an entry is about something that was opened. */
  has({ kind, body }: Entry): boolean {
    const { release } = body;
    if (kind === "movement.noted" && typeof release === "string")
      return this.#releases.get(release) !== 0;
    const id = body[kind.slice(0, kind.indexOf("."))];
    return typeof id === "string" && this.#opened.has(id);
  }
}
