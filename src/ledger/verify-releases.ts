import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { SeenIds } from "./verify-ids.ts";
import { type Standings, standingNouns } from "./verify-standing.ts";

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

const verdicts = { allowed: "allow", denied: "deny", held: "hold" } as const;
const outcomesOfAllow: readonly Canonical[] = ["pass", "covered", "not-applicable"];

const refused = 1;
const open = 2;
const ended = 3;

/** Holds every release to one decision, a decision that its own record supports, and at most one outcome. */
export class Releases {
  readonly #findings: Findings;
  readonly #standings: Standings;
  readonly #seen = new SeenIds();
  /** The index of the entry that allowed each release without an outcome. */
  readonly #open = new Map<string, number>();
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

  constructor(findings: Findings, standings: Standings) {
    this.#findings = findings;
    this.#standings = standings;
  }

  get counts(): ReleaseCounts {
    return { ...this.#counts, open: this.#open.size };
  }

  follow(kind: ReleaseKind, { index, body }: Entry): void {
    const word = releaseKinds[kind];
    this.#counts[word] += 1;
    const { release } = body;
    if (typeof release !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its release`, index);
      return;
    }
    if (word === "allowed" || word === "denied" || word === "held") {
      this.#decide(word, release, body, index);
    } else {
      this.#end(word, release, index);
    }
  }

  /** Names the releases that are still without outcome; call it once, after the last entry. */
  finish(): void {
    for (const [release, index] of this.#open) {
      this.#findings.add("release_open", `release ${release} has no outcome yet`, index);
    }
  }

  #decide(word: keyof typeof verdicts, release: string, body: EntryBody, index: number): void {
    const decision = objectOf(body["decision"]);
    if (decision?.["verdict"] !== verdicts[word]) {
      const verdict = JSON.stringify(decision?.["verdict"] ?? null);
      const message = `release ${release} is recorded as ${word} on the verdict ${verdict}`;
      this.#findings.add("verdict_mismatch", message, index);
    }
    if (word === "allowed") this.#support(release, body, decision, index);
    if (this.#seen.get(release) !== 0) {
      this.#findings.add("release_decided_twice", `release ${release} is decided again`, index);
      return;
    }
    this.#seen.set(release, word === "allowed" ? open : refused);
    if (word === "allowed") this.#open.set(release, index);
  }

  /** An allow rests on checks that all held, and on a grant, licenses and people that stand at this point of the ledger. */
  #support(release: string, body: EntryBody, decision: EntryBody | null, index: number): void {
    const { grant, licenses, principal } = body;
    const checks = decision?.["checks"];
    if (!Array.isArray(checks) || typeof grant !== "string" || !isStrings(licenses)) {
      const message = `release ${release} was allowed without its checks, grant or licenses`;
      this.#findings.add("body_malformed", message, index);
      return;
    }
    this.#checks(release, checks, licenses, index);
    for (const license of licenses) this.#standings.requireActive("license", license, index);
    for (const noun of standingNouns) {
      const id = body[noun];
      if (typeof id === "string") this.#standings.requireActive(noun, id, index);
    }
    // A principal may be a person or a workload by its own id.
    for (const noun of ["person", "workload"] as const) {
      if (typeof principal !== "string" || principal === body[noun]) continue;
      if (this.#standings.knows(noun, principal)) {
        this.#standings.requireActive(noun, principal, index);
      }
    }
  }

  #checks(
    release: string,
    checks: readonly Canonical[],
    licenses: readonly string[],
    index: number,
  ): void {
    if (checks.length === 0) {
      this.#findings.add("check_failed", `release ${release} was allowed on no check`, index);
    }
    for (const item of checks) {
      const check = objectOf(item);
      const outcome = check?.["outcome"] ?? null;
      const name = JSON.stringify(check?.["check"] ?? null);
      if (!outcomesOfAllow.includes(outcome)) {
        const message = `release ${release} was allowed although ${name} is ${JSON.stringify(outcome)}`;
        this.#findings.add("check_failed", message, index);
      } else if (outcome === "covered" && licenses.length === 0) {
        const message = `release ${release} has ${name} covered and names no license`;
        this.#findings.add("license_missing", message, index);
      }
    }
  }

  #end(
    word: "delivered" | "failed" | "abandoned" | "unknown",
    release: string,
    index: number,
  ): void {
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
    this.#seen.set(release, ended);
    this.#open.delete(release);
    if (word === "abandoned") {
      this.#findings.add("release_abandoned", `release ${release} was never opened`, index);
    } else if (word === "unknown") {
      const message = `release ${release} was opened; whether its keys arrived is not known`;
      this.#findings.add("release_unknown", message, index);
    }
  }
}

function objectOf(value: Canonical | undefined): EntryBody | null {
  return isRecord(value) ? value : null;
}

function isRecord(value: Canonical | undefined): value is EntryBody {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStrings(value: Canonical | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
