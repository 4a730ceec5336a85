import { type Entry, parseEntry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import type { EntryKind } from "./submit.ts";
import { type ReleaseKind, Releases, releaseKinds } from "./verify-releases.ts";
import { type StandingNoun, Standings, standingNouns } from "./verify-standing.ts";

/** Kinds that nothing is followed through; a new kind does not compile until the verifier has a place for it. */
const recordedOnly = {
  "vault.initialized": true,
  "token.issued": true,
  "token.revoked": true,
  "repository.created": true,
  "revision.committed": true,
  "classification.proposed": true,
  "classification.approved": true,
} as const satisfies Record<Exclude<EntryKind, ReleaseKind | `${StandingNoun}.${string}`>, true>;

const standingVerbs = new Set([
  "entered",
  "activated",
  "made",
  "recorded",
  "updated",
  "suspended",
  "reinstated",
  "revoked",
]);

/** Kinds beyond this many different ones are counted together: a hostile ledger must not fill the memory with names. */
const mostKinds = 1_000;
const otherKinds = "other";

/** Takes each entry in order and holds it against the chain and against what the entries before it said. */
export class EntryChecks {
  readonly #findings: Findings;
  readonly #standings: Standings;
  readonly #releases: Releases;
  readonly #replay: ((entry: Entry) => string | null) | undefined;
  readonly #counts = new Map<string, number>();
  readonly #unknownKinds = new Set<string>();
  #lastLeafHex = "";

  constructor(findings: Findings, replay?: (entry: Entry) => string | null) {
    this.#findings = findings;
    this.#standings = new Standings(findings);
    this.#releases = new Releases(findings, this.#standings);
    this.#replay = replay;
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  get releases(): Releases["counts"] {
    return this.#releases.counts;
  }

  take(bytes: Buffer, leaf: Buffer, index: number): void {
    const previous = this.#lastLeafHex;
    this.#lastLeafHex = leaf.toString("hex");
    const entry = parseEntry(bytes);
    if (entry === null) {
      this.#findings.add("entry_malformed", `entry ${index} is not in the ledger's form`, index);
      return;
    }
    if (entry.index !== index) {
      const message = `the entry at ${index} says that it is ${entry.index}`;
      this.#findings.add("index_mismatch", message, index);
    }
    if (entry.previous !== previous) {
      const message = `entry ${index} does not follow the entry before it`;
      this.#findings.add("chain_broken", message, index);
    }
    this.#follow({ ...entry, index });
  }

  /** Names what is still open; call it once, after the last entry. */
  finish(): void {
    this.#releases.finish();
    for (const kind of this.#unknownKinds) {
      const times = this.#counts.get(kind) ?? 0;
      this.#findings.add("unknown_kind", `${times} entries of the unknown kind ${kind}`);
    }
  }

  #follow(entry: Entry): void {
    const { kind } = entry;
    const isCounted = this.#counts.has(kind) || this.#counts.size < mostKinds;
    const counted = isCounted ? kind : otherKinds;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    const [noun = "", verb = ""] = kind.split(".");
    if (isReleaseKind(kind)) this.#releases.follow(kind, entry);
    else if (isStandingNoun(noun) && standingVerbs.has(verb)) this.#standings.follow(noun, entry);
    else if (!Object.hasOwn(recordedOnly, kind)) this.#unknownKinds.add(counted);
    const differs = this.#replay?.(entry) ?? null;
    if (differs !== null) this.#findings.add("replay_differs", differs, entry.index);
  }
}

function isReleaseKind(kind: string): kind is ReleaseKind {
  return Object.hasOwn(releaseKinds, kind);
}

function isStandingNoun(noun: string): noun is StandingNoun {
  return standingNouns.some((known) => known === noun);
}
