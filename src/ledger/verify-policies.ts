import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isDigest, isStrings, objectOf, revisionKey } from "./verify-body.ts";
import type { Principals } from "./verify-principals.ts";
import type { Repositories } from "./verify-repositories.ts";

type Policy = {
  readonly requireProved: boolean;
  readonly version: number;
  readonly officer: string | null;
};

/** A revision that was committed with files on their uploader's word, and those of them that still are. */
type Revision = { readonly files: number; readonly objects: Set<string> };

/**
 * Follows the policies of repositories: each change by an officer, and what makes one less strict by another than who made it strict. While one demands that
 * files are proved before their release, no release is allowed on an uploader's word: by what its own entry tells, and, whatever that tells, of one declared object alone
 * or of a whole revision that has one. Of some files of a revision an entry does not tell which they are.
 */
export class Policies {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #repositories: Repositories;
  readonly #policies = new Map<string, Policy>();
  /** Objects that were declared and not proved, each with the digest of the list of a release of it alone. */
  readonly #declared = new Map<string, string>();
  /** The same, by that digest. */
  readonly #lists = new Map<string, string>();
  readonly #revisions = new Map<string, Revision>();
  /** Where each of their objects is named, so that nothing is kept of a revision once all of it is proved. */
  readonly #named = new Map<string, string[]>();

  constructor(findings: Findings, principals: Principals, repositories: Repositories) {
    this.#findings = findings;
    this.#principals = principals;
    this.#repositories = repositories;
  }

  /** How many revisions have files on their uploader's word. */
  get unprovedRevisions(): number {
    return this.#revisions.size;
  }

  /** Takes `repository.policy-set`. */
  set(entry: Entry): void {
    const { index, body } = entry;
    const { requireProved, version } = body;
    const officer = this.#principals.officerOf(entry);
    const repository = this.#repositories.require(entry);
    if (repository === null) return;
    if (typeof requireProved !== "boolean" || typeof version !== "number")
      return this.#malformed(entry, "what it demands or its version");
    const before = this.#policies.get(repository);
    if (version !== (before?.version ?? 0) + 1 || requireProved === before?.requireProved) {
      const message = `the policy of repository ${repository} was set to what it was, or out of order`;
      this.#findings.add("change_impossible", message, index);
    }
    if (before?.requireProved === true && !requireProved && isOne(officer, before.officer)) {
      const message = `the policy of repository ${repository} was made less strict by the person who made it strict`;
      this.#findings.add("two_person_rule", message, index);
    }
    this.#policies.set(repository, { requireProved, version, officer });
  }

  /** Takes `object.declared`. */
  declare(entry: Entry): void {
    const { object, list } = entry.body;
    if (typeof object !== "string") return;
    if (list === undefined) this.#findings.lack("list", entry);
    else {
      this.#findings.carry("list");
      if (!isDigest(list)) return this.#malformed(entry, "the list of a release of it alone");
      this.#lists.set(list, object);
    }
    this.#declared.set(object, list ?? "");
  }

  /** Takes `object.proved`. */
  prove({ body: { object } }: Entry): void {
    if (typeof object !== "string") return;
    this.#lists.delete(this.#declared.get(object) ?? "");
    this.#declared.delete(object);
    for (const revision of this.#named.get(object) ?? []) {
      const { objects } = this.#revisions.get(revision) ?? {};
      objects?.delete(object);
      if (objects?.size === 0) this.#revisions.delete(revision);
    }
    this.#named.delete(object);
  }

  /** Takes `revision.committed`, which names the files that stood on their uploader's word then. */
  commit(entry: Entry): void {
    const { repository, revision, declared, files } = entry.body;
    if (declared === undefined) return;
    const count = objectOf(files)?.["count"];
    if (!isStrings(declared) || typeof count !== "number")
      return this.#malformed(entry, "the declared files or the number of all");
    const key = keyOf(repository, revision);
    this.#revisions.set(key, { files: count, objects: new Set(declared) });
    for (const object of declared) {
      const known = this.#named.get(object);
      if (known === undefined) this.#named.set(object, [key]);
      else known.push(key);
    }
  }

  /** Holds a `release.allowed` to the policy that was in force before it. */
  allow(entry: Entry): void {
    const { index, body } = entry;
    const { release, repository, unproved } = body;
    if (unproved !== undefined && !(typeof unproved === "number" && unproved > 0))
      return this.#malformed(entry, "the number of files that were not proved");
    if (typeof repository !== "string") return;
    if (this.#policies.get(repository)?.requireProved !== true) return;
    if (unproved === undefined && !this.#isOnWord(entry)) return;
    const message = `release ${typeof release === "string" ? release : "of no name"} of files that were not proved was allowed, which the policy of repository ${repository} forbade`;
    this.#findings.add("declared_released", message, index);
  }

  #isOnWord({ body: { repository, revision, objects } }: Entry): boolean {
    const { sha256, count } = objectOf(objects) ?? {};
    if (typeof sha256 === "string" && this.#lists.has(sha256)) return true;
    const known = this.#revisions.get(keyOf(repository, revision));
    if (known === undefined || known.files !== count) return false;
    return [...known.objects].some((each) => this.#declared.has(each));
  }

  #malformed({ index, kind }: Entry, what: string): void {
    this.#findings.add("body_malformed", `${kind} lacks ${what}`, index);
  }
}

function isOne(officer: string | null, other: string | null): boolean {
  return officer !== null && officer === other;
}

function keyOf(repository: Canonical | undefined, revision: Canonical | undefined): string {
  const isNamed = typeof repository === "string" && typeof revision === "string";
  return isNamed ? revisionKey(repository, revision) : "";
}
