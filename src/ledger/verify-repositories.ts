import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry, EntryBody } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isDigest, objectOf, revisionKey } from "./verify-body.ts";
import { SeenIds } from "./verify-ids.ts";
import type { Principals } from "./verify-principals.ts";

type Proposal = {
  readonly repository: string;
  readonly eccn: Canonical | undefined;
  /** The digest of the datasheet that it rests on; undefined where it has none. */
  readonly datasheet: Canonical | undefined;
  readonly officer: string | null;
};

type Repository = {
  /** The latest approval of a classification of it; null before the first. */
  approval: Approval | null;
  /** Its newest revision, which most releases are of. */
  newest: string | null;
};

type Approval = { readonly classification: string; readonly officer: string | null };

const seen = 1;

/** Follows repositories, their revisions and their classifications: what a release is about. */
export class Repositories {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #repositories = new Map<string, Repository>();
  readonly #revisions = new SeenIds();
  readonly #classifications = new SeenIds();
  /** Those that await their approval. */
  readonly #proposals = new Map<string, Proposal>();
  /** The repository of each that was proposed or approved, and not superseded. */
  readonly #standing = new Map<string, string>();

  constructor(findings: Findings, principals: Principals) {
    this.#findings = findings;
    this.#principals = principals;
  }

  create({ index, kind, body: { repository } }: Entry): void {
    if (typeof repository !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its repository`, index);
    } else if (this.#repositories.has(repository)) {
      const message = `repository ${repository} was created again`;
      this.#findings.add("change_impossible", message, index);
    } else this.#repositories.set(repository, { approval: null, newest: null });
  }

  commit(entry: Entry): void {
    const { index, kind, body } = entry;
    const { revision, parent } = body;
    const repository = this.require(entry);
    if (repository === null) return;
    if (typeof revision !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its revision`, index);
      return;
    }
    if (typeof parent === "string") this.#requireRevision(repository, parent, index);
    this.#followLineage(entry);
    const key = revisionKey(repository, revision);
    if (this.#revisions.get(key) === seen) {
      const message = `revision ${revision} was committed to repository ${repository} again`;
      this.#findings.add("change_impossible", message, index);
    }
    this.#revisions.set(key, seen);
    const known = this.#repositories.get(repository);
    if (known !== undefined) known.newest = revision;
  }

  /** Takes a model signature: the vault records none that does not verify. */
  sign(entry: Entry): void {
    const { index, kind, body } = entry;
    const { revision, bundle, key, trust, verdict, files } = body;
    const repository = this.require(entry);
    if (repository === null) return;
    this.#requireRevision(repository, typeof revision === "string" ? revision : "", index);
    const isWhole =
      isDigest(bundle) &&
      isDigest(key) &&
      (trust === "key" || trust === "certificate") &&
      objectOf(files) !== null;
    if (isWhole && verdict === "verified") return;
    const message = `${kind} lacks its bundle, key, files or a verdict that it verifies`;
    this.#findings.add("body_malformed", message, index);
  }

  /** What a revision was made from was committed before, whatever repository it is in. */
  #followLineage({ index, kind, body }: Entry): void {
    const { bases = [], lineage } = body;
    const named = Array.isArray(bases) ? bases : [null];
    if (lineage === undefined ? named.length > 0 : !isDigest(lineage)) {
      this.#findings.add("body_malformed", `${kind} has a lineage without its digest`, index);
      return;
    }
    for (const base of named) {
      const { repository, revision } = objectOf(base) ?? {};
      if (typeof repository === "string" && typeof revision === "string")
        this.#requireRevision(repository, revision, index);
      else this.#findings.add("body_malformed", `${kind} names a base that is none`, index);
    }
  }

  propose(entry: Entry): void {
    const { index, kind, body } = entry;
    const { classification, eccn, datasheet } = body;
    const officer = this.#principals.officerOf(entry);
    const repository = this.require(entry);
    if (repository === null) return;
    if (typeof classification !== "string") {
      this.#findings.add("body_malformed", `${kind} does not name its classification`, index);
      return;
    }
    if (this.#classifications.get(classification) === seen) {
      const message = `classification ${classification} was proposed again`;
      this.#findings.add("change_impossible", message, index);
      return;
    }
    this.#classifications.set(classification, seen);
    this.#proposals.set(classification, { repository, eccn, datasheet, officer });
    this.#standing.set(classification, repository);
  }

  approve(entry: Entry): void {
    const { index, body } = entry;
    const { classification, eccn, datasheet } = body;
    const officer = this.#principals.officerOf(entry);
    const repository = this.require(entry);
    if (repository === null) return;
    const name = typeof classification === "string" ? classification : "";
    const proposal = this.#proposals.get(name);
    const isAsProposed =
      proposal?.repository === repository &&
      proposal.eccn === eccn &&
      proposal.datasheet === datasheet;
    if (!isAsProposed) {
      const message = `classification ${name} was approved and never so proposed`;
      this.#findings.add("change_impossible", message, index);
      return;
    }
    this.#proposals.delete(name);
    const known = this.#repositories.get(repository);
    if (known !== undefined) known.approval = { classification: name, officer };
    if (officer === null || officer !== proposal.officer) return;
    const message = `classification ${name} was approved by the person who proposed it`;
    this.#findings.add("two_person_rule", message, index);
  }

  /** Takes the end of a classification: only whoever approved another of the same repository last brings it about. */
  supersede(entry: Entry): void {
    const { index, body } = entry;
    const officer = this.#principals.officerOf(entry);
    const repository = this.require(entry);
    if (repository === null) return;
    const name = typeof body["classification"] === "string" ? body["classification"] : "";
    const approval = this.#repositories.get(repository)?.approval ?? null;
    const refuse = (what: string): void =>
      this.#findings.add(
        "change_impossible",
        `classification ${name} was superseded ${what}`,
        index,
      );
    if (this.#standing.get(name) !== repository) return refuse("and did not stand");
    if (approval === null || approval.classification === name)
      return refuse("after no approval of another");
    if (approval.officer !== officer) return refuse("by somebody else than who approved another");
    this.#standing.delete(name);
    this.#proposals.delete(name);
  }

  /** The repository that an entry is about, where it was created before; else null and a finding. */
  require({ index, kind, body: { repository } }: Entry): string | null {
    if (typeof repository === "string" && this.#repositories.has(repository)) return repository;
    const name = typeof repository === "string" ? repository : "of no name";
    const message = `${kind} is about repository ${name}, which was never created`;
    this.#findings.add("repository_unknown", message, index);
    return null;
  }

  /** Adds a finding unless what a release gives out was committed and is classified at this point. */
  requireReleasable(entry: Entry): void {
    const { index, body }: { index: number; body: EntryBody } = entry;
    const { revision } = body;
    const repository = this.require(entry);
    if (repository === null) return;
    this.#requireRevision(repository, typeof revision === "string" ? revision : "", index);
    if ((this.#repositories.get(repository)?.approval ?? null) !== null) return;
    const message = `repository ${repository} had no approved classification when a release of it was allowed`;
    this.#findings.add("classification_not_approved", message, index);
  }

  #requireRevision(repository: string, revision: string, index: number): void {
    if (this.#repositories.get(repository)?.newest === revision) return;
    if (this.#revisions.get(revisionKey(repository, revision)) === seen) return;
    const message = `revision ${revision} was never committed to repository ${repository}`;
    this.#findings.add("revision_unknown", message, index);
  }
}
