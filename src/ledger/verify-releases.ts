import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { bytesOf, isDigest, isStrings, objectOf } from "./verify-body.ts";
import type { Decisions, verdicts } from "./verify-decisions.ts";
import { SeenIds } from "./verify-ids.ts";
import type { Repositories } from "./verify-repositories.ts";
import { type Standings, standingNouns } from "./verify-standing.ts";
import type { Charge, Uses } from "./verify-uses.ts";

export type ReleaseCounts = {
  allowed: number;
  denied: number;
  held: number;
  delivered: number;
  failed: number;
  abandoned: number;
  unknown: number;
  /** Allowed, and not yet ended. */
  open: number;
};

/** The kinds of entry about a release: a decision, or what came of an allowed one. */
export const releaseKinds = {
  "release.allowed": "allowed",
  "release.denied": "denied",
  "release.held": "held",
  "release.delivered": "delivered",
  "release.failed": "failed",
  "release.abandoned": "abandoned",
  "release.unknown": "unknown",
} as const;

export type ReleaseKind = keyof typeof releaseKinds;

type OutcomeWord = Exclude<(typeof releaseKinds)[ReleaseKind], keyof typeof verdicts>;

const refused = 1;
const open = 2;
const ended = 3;

/** A release without an outcome: the index and time of the entry that allowed it, and what it took. */
export type OpenRelease = {
  readonly index: number;
  readonly atMs: number;
  readonly charge: Charge | null;
};

/** What the entries before a release told, for it to be held against. */
export type ReleaseGround = {
  readonly decisions: Decisions;
  readonly standings: Standings;
  readonly repositories: Repositories;
  readonly uses: Uses;
};

/** Holds every release to one decision, a decision that its own record supports, and at most one outcome. */
export class Releases {
  readonly #findings: Findings;
  readonly #decisions: Decisions;
  readonly #standings: Standings;
  readonly #repositories: Repositories;
  readonly #uses: Uses;
  readonly #seen = new SeenIds();
  readonly #open = new Map<string, OpenRelease>();
  readonly #counts: ReleaseCounts = {
    allowed: 0,
    denied: 0,
    held: 0,
    delivered: 0,
    failed: 0,
    abandoned: 0,
    unknown: 0,
    open: 0,
  };

  constructor(findings: Findings, ground: ReleaseGround) {
    this.#findings = findings;
    this.#decisions = ground.decisions;
    this.#standings = ground.standings;
    this.#repositories = ground.repositories;
    this.#uses = ground.uses;
  }

  get counts(): ReleaseCounts {
    return { ...this.#counts, open: this.#open.size };
  }

  get open(): ReadonlyMap<string, OpenRelease> {
    return this.#open;
  }

  follow(kind: ReleaseKind, entry: Entry, atMs: number): void {
    const { index, body } = entry;
    const word = releaseKinds[kind];
    this.#counts[word] += 1;
    const { release } = body;
    if (typeof release !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its release`, index);
      return;
    }
    if (word === "allowed" || word === "denied" || word === "held") {
      this.#decide(word, release, entry, atMs);
    } else {
      this.#end(word, release, entry);
    }
  }

  /** Names the releases that are still without outcome; call it once, after the last entry. */
  finish(): void {
    for (const [release, { index }] of this.#open) {
      this.#findings.add("release_open", `release ${release} has no outcome yet`, index);
    }
  }

  #decide(word: keyof typeof verdicts, release: string, entry: Entry, atMs: number): void {
    const { index, body } = entry;
    const decision = objectOf(body["decision"]);
    this.#decisions.check({ release, word, decision, index });
    const charge = word === "allowed" ? this.#support(release, entry, decision) : null;
    if (this.#seen.get(release) !== 0) {
      this.#findings.add("release_decided_twice", `release ${release} is decided again`, index);
      return;
    }
    this.#seen.set(release, word === "allowed" ? open : refused);
    if (word !== "allowed") return;
    this.#open.set(release, { index, atMs, charge });
    if (charge !== null) this.#uses.take(charge, entry);
  }

  /** An allow rests on checks that held, on a classified revision, and on a grant, licenses and people that stand at this point of the ledger. */
  #support(release: string, entry: Entry, decision: EntryBody | null): Charge | null {
    const { index, body } = entry;
    const { grant, licenses, way, objects, evidence } = body;
    const checks = decision?.["checks"];
    const bytes = bytesOf(objectOf(objects)?.["bytes"]);
    const isForm =
      Array.isArray(checks) &&
      isStrings(licenses) &&
      typeof grant === "string" &&
      isDigest(evidence);
    if (
      decision === null ||
      !isForm ||
      bytes === null ||
      (way !== "enclosed" && way !== "stream")
    ) {
      const message = `release ${release} was allowed without its checks, grant, licenses, evidence, way or bytes`;
      this.#findings.add("body_malformed", message, index);
      return null;
    }
    this.#decisions.checkAllow(release, decision, licenses, index);
    this.#repositories.requireReleasable(entry);
    for (const license of licenses) this.#standings.requireActive("license", license, index);
    for (const noun of standingNouns) {
      const id = body[noun];
      if (typeof id === "string") this.#standings.requireActive(noun, id, index);
    }
    return { licenses, grant, enclosedBytes: way === "enclosed" ? bytes : null };
  }

  #end(word: OutcomeWord, release: string, { index, body }: Entry): void {
    const state = this.#seen.get(release);
    if (state === ended) {
      this.#findings.add("second_outcome", `release ${release} ends again, as ${word}`, index);
      return;
    }
    if (state !== open) {
      const before = state === refused ? "refused" : "never decided";
      const message = `release ${release} ends as ${word} but was ${before}`;
      this.#findings.add("outcome_without_allowed", message, index);
      return;
    }
    this.#settle(word, release, { index, body });
    this.#seen.set(release, ended);
    this.#open.delete(release);
    if (word === "abandoned") {
      this.#findings.add("release_abandoned", `release ${release} was never opened`, index);
    } else if (word === "unknown") {
      const message = `release ${release} was opened; whether its keys arrived is not known`;
      this.#findings.add("release_unknown", message, index);
    }
  }

  /** What left is held against what was allowed; where nothing left, uses and bytes are given back. */
  #settle(
    word: OutcomeWord,
    release: string,
    { index, body }: Pick<Entry, "index" | "body">,
  ): void {
    const bytes = word === "abandoned" ? 0n : bytesOf(body["bytes"]);
    if (bytes === null) {
      const message = `release ${release} ends as ${word} without its number of bytes`;
      this.#findings.add("body_malformed", message, index);
      return;
    }
    const charge = this.#open.get(release)?.charge ?? null;
    if (charge === null) return;
    const { enclosedBytes } = charge;
    if (enclosedBytes !== null && bytes > enclosedBytes) {
      const message = `release ${release} gave out ${bytes} bytes and was allowed ${enclosedBytes}`;
      this.#findings.add("bytes_exceeded", message, index);
    }
    const isGivenBack = word === "abandoned" || (word === "failed" && bytes === 0n);
    if (isGivenBack || bytes > 0n) this.#uses.end(charge, bytes, index);
  }
}
