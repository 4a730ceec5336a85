import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { Callers, toleranceMs } from "./verify-callers.ts";
import { Decisions, type ExpectedChecks, verdicts } from "./verify-decisions.ts";
import { Flags, isOfRedecision } from "./verify-flags.ts";
import type { SigningKeys } from "./verify-keys.ts";
import { type KindFacts, Kinds } from "./verify-kinds.ts";
import { Overrides } from "./verify-overrides.ts";
import { Policies } from "./verify-policies.ts";
import { Principals } from "./verify-principals.ts";
import { Releases } from "./verify-releases.ts";
import { Repositories } from "./verify-repositories.ts";
import { Retained } from "./verify-retained.ts";
import { Rotations } from "./verify-rotations.ts";
import { Shreddings } from "./verify-shreddings.ts";
import { Standings } from "./verify-standing.ts";
import { UploadKeys } from "./verify-upload-keys.ts";
import { Uses } from "./verify-uses.ts";

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
  readonly #uploadKeys: UploadKeys;
  readonly #policies: Policies;
  readonly #standings: Standings;
  readonly #releases: Releases;
  readonly #replay: ((entry: Entry) => Replayed) | undefined;
  readonly #keys: SigningKeys | undefined;
  readonly #kinds = new Kinds();
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
    this.#uploadKeys = new UploadKeys(findings, this.#repositories);
    this.#policies = new Policies(findings, this.#principals, this.#repositories);
    this.#standings = new Standings(findings);
    this.#releases = new Releases(findings, {
      decisions: new Decisions(findings, checkIds ?? null),
      standings: this.#standings,
      repositories: this.#repositories,
      uses: this.#uses,
    });
  }

  get counts(): Readonly<Record<string, number>> {
    return this.#kinds.counts;
  }

  get releases(): Releases["counts"] {
    return this.#releases.counts;
  }

  /** Those without an outcome, by their ids. */
  get openReleases(): Releases["open"] {
    return this.#releases.open;
  }

  /**
   * Takes the entry at its index, with its time in milliseconds. Whether its bytes stand there, and follow those before them, is for
   * `BundleEntries`.
   */
  take(entry: Entry, atMs: number): void {
    const kind = this.#kinds.count(entry.kind);
    this.#followTime(entry, atMs);
    this.#callers.check(entry, kind, atMs);
    this.#tell(entry, kind, atMs);
    const differs = this.#replay?.(wholeEntry(entry)) ?? null;
    if (typeof differs === "string") this.#findings.add("replay_differs", differs, entry.index);
    else if (differs !== null) this.#findings.add(differs.code, differs.message, entry.index);
  }

  /** Names what is still open; call it once, after the last entry. */
  finish(): void {
    this.#releases.finish();
    this.#shreddings.finish();
    this.#findings.finish();
    for (const [kind, times] of this.#kinds.unknown)
      this.#findings.add("unknown_kind", `${times} entries of the unknown kind ${kind}`);
  }

  /** Gives the entry to whoever follows its noun. */
  #tell(entry: Entry, { release, standing }: KindFacts, atMs: number): void {
    if (release !== null) {
      this.#releases.follow(release, entry, atMs);
      if (release === "release.allowed") {
        this.#shreddings.allow(entry);
        this.#uploadKeys.allow(entry);
        this.#policies.allow(entry);
      }
      return this.#retained.followRelease(release, entry, atMs);
    }
    if (standing !== null) this.#standings.follow(standing, entry);
    this.#retained.follow(entry);
    if (isOfRedecision(entry)) this.#flags.follow(entry);
    switch (entry.kind) {
      case "ledger.key-rotated":
        return this.#keys?.rotate(entry);
      case "ledger.key-taken-up":
        return this.#keys?.takeUp(entry);
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
      case "repository.policy-set":
        return this.#policies.set(entry);
      case "revision.committed":
        this.#shreddings.commit(entry);
        this.#policies.commit(entry);
        return this.#repositories.commit(entry);
      case "revision.signed":
        return this.#repositories.sign(entry);
      case "upload.key-released":
        return this.#uploadKeys.release(entry);
      case "object.declared":
        this.#policies.declare(entry);
        return this.#uploadKeys.declare(entry);
      case "object.proved":
        this.#policies.prove(entry);
        return this.#uploadKeys.find(entry);
      case "object.refuted":
        return this.#uploadKeys.find(entry);
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

  #followTime(entry: Entry, atMs: number): void {
    if (this.#newestMs - atMs > toleranceMs) {
      const { index, time } = entry;
      const message = `entry ${index} is of ${time}, after one of ${new Date(this.#newestMs).toISOString()}`;
      this.#findings.add("time_backwards", message, index);
    }
    this.#newestMs = Math.max(this.#newestMs, atMs);
  }
}

/** The entry as others may keep and print it: no more than its members, each made already. */
function wholeEntry({ body, index, kind, previous, time }: Entry): Entry {
  return { body, index, kind, previous, time };
}
