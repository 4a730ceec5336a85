import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import type { EntryKind } from "./submit.ts";
import { Callers, toleranceMs } from "./verify-callers.ts";
import { Decisions, type ExpectedChecks, verdicts } from "./verify-decisions.ts";
import { Flags, isOfRedecision } from "./verify-flags.ts";
import type { SigningKeys } from "./verify-keys.ts";
import { Overrides } from "./verify-overrides.ts";
import { Principals } from "./verify-principals.ts";
import { type ReleaseKind, Releases, releaseKinds } from "./verify-releases.ts";
import { Repositories } from "./verify-repositories.ts";
import { Retained } from "./verify-retained.ts";
import { Rotations } from "./verify-rotations.ts";
import { Shreddings } from "./verify-shreddings.ts";
import { type StandingNoun, Standings, standingNouns } from "./verify-standing.ts";
import { Uses } from "./verify-uses.ts";

/** The kinds besides releases and standings; a new kind does not compile until the verifier has a place for it. */
const otherKinds = {
  "vault.initialized": true,
  "ledger.key-rotated": true,
  "token.issued": true,
  "token.recovered": true,
  "token.revoked": true,
  "repository.created": true,
  "revision.committed": true,
  "revision.signed": true,
  "classification.proposed": true,
  "classification.approved": true,
  "classification.superseded": true,
  "decision.simulated": true,
  "override.proposed": true,
  "override.approved": true,
  "override.withdrawn": true,
  "evidence.read": true,
  "evidence.erased": true,
  "hold.placed": true,
  "hold.lifted": true,
  "erasure.proposed": true,
  "movement.noted": true,
  "records.searched": true,
  "records.exported": true,
  "repository.shredded": true,
  "shredding.proposed": true,
  "shredding.approved": true,
  "rotation.begun": true,
  "rotation.finished": true,
  "rotation.superseded": true,
} as const satisfies Record<Exclude<EntryKind, ReleaseKind | `${StandingNoun}.${string}`>, true>;

const flagKinds = new Set(["grant.flagged", "grant.cleared"]);
const personKinds = new Set(["person.read", "person.erased"]);

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
const uncounted = "other";

/** A sentence about what a decision made again differs in, a finding of its own, or null for nothing. */
export type Replayed =
  | string
  | { readonly code: "license_out_of_scope"; readonly message: string }
  | null;

export type EntryCheckOptions = {
  readonly replay?: (entry: Entry) => Replayed;
  readonly checkIds?: ExpectedChecks;
  /** Told of each rotation of the signing key. */
  readonly keys?: SigningKeys;
};

/** Takes each entry in order and holds it against the chain and against what the entries before it said. */
export class EntryChecks {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #callers: Callers;
  readonly #repositories: Repositories;
  readonly #uses: Uses;
  readonly #overrides: Overrides;
  readonly #flags: Flags;
  readonly #retained: Retained;
  readonly #rotations: Rotations;
  readonly #shreddings: Shreddings;
  readonly #standings: Standings;
  readonly #releases: Releases;
  readonly #replay: ((entry: Entry) => Replayed) | undefined;
  readonly #keys: SigningKeys | undefined;
  readonly #counts = new Map<string, number>();
  readonly #knownKinds = new Set<string>();
  readonly #unknownKinds = new Set<string>();
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(findings: Findings, { replay, checkIds, keys }: EntryCheckOptions) {
    this.#findings = findings;
    this.#replay = replay;
    this.#keys = keys;
    this.#principals = new Principals(findings);
    this.#callers = new Callers(findings, this.#principals);
    this.#repositories = new Repositories(findings, this.#principals);
    this.#uses = new Uses(findings, this.#principals);
    this.#overrides = new Overrides(findings, this.#principals);
    this.#flags = new Flags(findings);
    this.#retained = new Retained(findings, this.#principals);
    this.#rotations = new Rotations(findings);
    this.#shreddings = new Shreddings(findings, {
      principals: this.#principals,
      repositories: this.#repositories,
      holds: this.#retained,
    });
    this.#standings = new Standings(findings);
    this.#releases = new Releases(findings, {
      decisions: new Decisions(findings, checkIds ?? null),
      standings: this.#standings,
      repositories: this.#repositories,
      uses: this.#uses,
    });
  }

  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  get releases(): Releases["counts"] {
    return this.#releases.counts;
  }

  /** Takes the entry at its index. Whether its bytes stand there, and follow those before them, is for `BundleEntries`. */
  take(entry: Entry): void {
    this.#follow(entry);
  }

  /** Names what is still open; call it once, after the last entry. */
  finish(): void {
    this.#releases.finish();
    this.#shreddings.finish();
    this.#findings.finish();
    for (const kind of this.#unknownKinds) {
      const times = this.#counts.get(kind) ?? 0;
      this.#findings.add("unknown_kind", `${times} entries of the unknown kind ${kind}`);
    }
  }

  #follow(entry: Entry): void {
    const { kind } = entry;
    const isCounted = this.#counts.has(kind) || this.#counts.size < mostKinds;
    const counted = isCounted ? kind : uncounted;
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
    this.#followTime(entry);
    const isKnown = this.#isKnown(kind);
    if (!isKnown) this.#unknownKinds.add(counted);
    this.#callers.check(entry, isKnown);
    this.#tell(entry);
    const differs = this.#replay?.(entry) ?? null;
    if (typeof differs === "string") this.#findings.add("replay_differs", differs, entry.index);
    else if (differs !== null) this.#findings.add(differs.code, differs.message, entry.index);
  }

  #isKnown(kind: string): boolean {
    if (this.#knownKinds.has(kind)) return true;
    const isKnown = isKnownKind(kind);
    if (isKnown) this.#knownKinds.add(kind);
    return isKnown;
  }

  /** Gives the entry to whoever follows its noun. */
  #tell(entry: Entry): void {
    const { kind } = entry;
    if (isReleaseKind(kind)) {
      this.#releases.follow(kind, entry);
      if (kind === "release.allowed") this.#shreddings.allow(entry);
      return this.#retained.follow(entry);
    }
    const [noun = "", verb = ""] = kind.split(".");
    if (isStandingNoun(noun) && (standingVerbs.has(verb) || kind === "person.erased"))
      this.#standings.follow(noun, entry);
    this.#retained.follow(entry);
    if (isOfRedecision(entry)) this.#flags.follow(entry);
    switch (kind) {
      case "ledger.key-rotated":
        return this.#keys?.rotate(entry);
      case "token.issued":
        return this.#callers.issue(entry);
      case "token.recovered":
        return this.#recover(entry);
      case "token.revoked":
        return this.#callers.revoke(entry);
      case "person.recorded":
        return this.#principals.record("person", entry);
      case "workload.recorded":
        return this.#principals.record("workload", entry);
      case "repository.created":
        return this.#repositories.create(entry);
      case "revision.committed":
        this.#shreddings.commit(entry);
        return this.#repositories.commit(entry);
      case "revision.signed":
        return this.#repositories.sign(entry);
      case "classification.proposed":
        return this.#repositories.propose(entry);
      case "classification.approved":
        return this.#repositories.approve(entry);
      case "classification.superseded":
        return this.#repositories.supersede(entry);
      case "license.entered":
      case "license.activated":
        return this.#uses.followLicense(entry);
      case "grant.made":
        return this.#makeGrant(entry);
      case "decision.simulated":
        return this.#simulate(entry);
      case "repository.shredded":
        return this.#shreddings.list(entry);
      case "shredding.proposed":
        return this.#shreddings.propose(entry);
      case "shredding.approved":
        return this.#shreddings.approve(entry);
      case "rotation.begun":
        return this.#rotations.begin(entry);
      case "rotation.finished":
      case "rotation.superseded":
        return this.#rotations.end(entry);
      case "override.proposed":
        return this.#overrides.propose(entry);
      case "override.approved":
        return this.#overrides.approve(entry);
      case "override.withdrawn":
        return this.#overrides.withdraw(entry);
      default:
        return;
    }
  }

  #recover(entry: Entry): void {
    const isStanding = (person: string) => this.#standings.isActive("person", person);
    this.#callers.recover(entry, isStanding);
  }

  #makeGrant(entry: Entry): void {
    this.#repositories.require(entry);
    this.#uses.makeGrant(entry);
  }

  /** A simulation lets nothing out; it is held to what it names, and to a verdict. */
  #simulate(entry: Entry): void {
    const { index, body } = entry;
    this.#repositories.require(entry);
    this.#principals.requireKnown(body["principal"], entry);
    this.#principals.requireOwner(entry);
    const isWhole =
      typeof body["decision"] === "string" &&
      Object.values(verdicts).some((verdict) => verdict === body["verdict"]);
    if (isWhole) return;
    const message = "decision.simulated lacks its decision or a verdict";
    this.#findings.add("body_malformed", message, index);
  }

  #followTime({ index, time }: Entry): void {
    const atMs = Date.parse(time);
    if (this.#newestMs - atMs > toleranceMs) {
      const message = `entry ${index} is of ${time}, after one of ${new Date(this.#newestMs).toISOString()}`;
      this.#findings.add("time_backwards", message, index);
    }
    this.#newestMs = Math.max(this.#newestMs, atMs);
  }
}

function isKnownKind(kind: string): boolean {
  const [noun = "", verb = ""] = kind.split(".");
  return (
    isReleaseKind(kind) ||
    (isStandingNoun(noun) && standingVerbs.has(verb)) ||
    flagKinds.has(kind) ||
    personKinds.has(kind) ||
    Object.hasOwn(otherKinds, kind)
  );
}

function isReleaseKind(kind: string): kind is ReleaseKind {
  return Object.hasOwn(releaseKinds, kind);
}

function isStandingNoun(noun: string): noun is StandingNoun {
  return standingNouns.some((known) => known === noun);
}
