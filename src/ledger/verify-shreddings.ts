import type { Canonical } from "../crypto/canonical-json.ts";
import type { Entry } from "./entry.ts";
import type { Findings } from "./findings.ts";
import { isStrings, objectOf, revisionKey } from "./verify-body.ts";
import type { Principals } from "./verify-principals.ts";
import type { Repositories } from "./verify-repositories.ts";

type Proposal = {
  readonly repository: string;
  readonly object: string | null;
  readonly officer: string | null;
};
type Approval = {
  readonly repository: string;
  readonly scope: "object" | "repository";
  readonly index: number;
  readonly count: number;
  listed: number;
};

/** What the entries before told of holds. */
export type StandingHolds = { holdsOn(target: string): readonly string[] };

const dayPattern = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Follows what was shredded: by two officers, as one proposed and while no hold on everything or the repository stood, with every object listed; and
 * nothing of it is released or committed afterwards. Of one object, an allowance of it alone or of a whole revision that has it tells itself; one
 * of some files of a revision does not, since an entry does not name them.
 */
export class Shreddings {
  readonly #findings: Findings;
  readonly #principals: Principals;
  readonly #repositories: Repositories;
  readonly #holds: StandingHolds;
  readonly #proposals = new Map<string, Proposal>();
  readonly #approvals = new Map<string, Approval>();
  readonly #repositoriesGone = new Set<string>();
  /** How many files each revision has that lost one, by repository and revision. */
  readonly #revisionsCut = new Map<string, number>();
  /** Digests of the lists of releases of one shredded object alone. */
  readonly #listsGone = new Set<string>();

  constructor(
    findings: Findings,
    ground: {
      readonly principals: Principals;
      readonly repositories: Repositories;
      readonly holds: StandingHolds;
    },
  ) {
    this.#findings = findings;
    this.#principals = ground.principals;
    this.#repositories = ground.repositories;
    this.#holds = ground.holds;
  }

  propose(entry: Entry): void {
    const { shredding, object = null } = entry.body;
    const officer = this.#principals.officerOf(entry);
    const repository = this.#repositories.require(entry);
    if (repository === null) return;
    if (typeof shredding !== "string" || (object !== null && typeof object !== "string"))
      return this.#malformed(entry, "its shredding or object");
    this.#proposals.set(shredding, { repository, object, officer });
  }

  approve(entry: Entry): void {
    const { index, body } = entry;
    const { shredding, object = null, scope, count, restorableUntil } = body;
    const officer = this.#principals.officerOf(entry);
    const repository = this.#repositories.require(entry);
    if (repository === null) return;
    const isWhole =
      typeof shredding === "string" &&
      (scope === "object" || scope === "repository") &&
      (scope === "object") === (object !== null) &&
      typeof count === "number" &&
      typeof restorableUntil === "string" &&
      dayPattern.test(restorableUntil);
    if (!isWhole)
      return this.#malformed(
        entry,
        "its shredding, scope, count or the day until which a backup restores it",
      );
    const proposal = this.#proposals.get(shredding);
    if (proposal?.repository !== repository || proposal.object !== object)
      this.#impossible(`shredding ${shredding} was approved and never so proposed`, index);
    else if (officer !== null && officer === proposal.officer)
      this.#findings.add("two_person_rule", `one person shredded under ${shredding}`, index);
    for (const hold of this.#holds.holdsOn(repository)) {
      const message = `weights of repository ${repository} were shredded while hold ${hold} stood`;
      this.#findings.add("shredded_held", message, index);
    }
    this.#proposals.delete(shredding);
    this.#approvals.set(shredding, { repository, scope, index, count, listed: 0 });
    const message = `${count} objects of repository ${repository} were shredded; a backup may restore them until ${restorableUntil}`;
    this.#findings.add("weights_shredded", message, index);
  }

  /** Takes `repository.shredded`, one or more of which list what an approval destroyed. */
  list(entry: Entry): void {
    const { index, body } = entry;
    const { shredding, repository, objects, revisions, lists } = body;
    const approval = typeof shredding === "string" ? this.#approvals.get(shredding) : undefined;
    if (approval === undefined || approval.repository !== repository)
      return this.#impossible("a repository was shredded without its approval", index);
    if (!Array.isArray(objects) || !Array.isArray(revisions) || !isStrings(lists))
      return this.#malformed(entry, "its objects, revisions or lists");
    approval.listed += objects.length;
    if (approval.listed > approval.count)
      this.#impossible(
        `a shredding of repository ${approval.repository} lists more objects than it destroyed`,
        index,
      );
    if (approval.scope === "repository") this.#repositoriesGone.add(approval.repository);
    for (const each of revisions as readonly Canonical[]) {
      const { revision, files } = objectOf(each) ?? {};
      if (typeof revision !== "string" || typeof files !== "number")
        return this.#malformed(entry, "a revision's id or number of files");
      this.#revisionsCut.set(revisionKey(approval.repository, revision), files);
    }
    for (const digest of lists) this.#listsGone.add(digest);
  }

  /** Holds a `release.allowed` to what was shredded before it. */
  allow({ index, body }: Entry): void {
    if (this.#approvals.size === 0) return;
    const { release, repository, revision } = body;
    const { count, sha256 } = objectOf(body["objects"]) ?? {};
    const isGone =
      (typeof repository === "string" && this.#repositoriesGone.has(repository)) ||
      (typeof sha256 === "string" && this.#listsGone.has(sha256)) ||
      (typeof repository === "string" &&
        typeof revision === "string" &&
        typeof count === "number" &&
        this.#revisionsCut.get(revisionKey(repository, revision)) === count);
    if (!isGone) return;
    const message = `release ${typeof release === "string" ? release : "of no name"} of weights that were shredded was allowed`;
    this.#findings.add("shredded_released", message, index);
  }

  /** Holds a `revision.committed` to what was shredded before it. */
  commit({ index, body: { repository } }: Entry): void {
    if (typeof repository !== "string" || !this.#repositoriesGone.has(repository)) return;
    this.#impossible(
      `a revision was committed to repository ${repository}, which is shredded`,
      index,
    );
  }

  /** Names approvals that do not list yet what they destroyed: the ledger may end between them and their lists. Call it once, after the last entry. */
  finish(): void {
    for (const [shredding, { count, listed, index }] of this.#approvals) {
      if (count <= listed) continue;
      const message = `shredding ${shredding} destroyed ${count} objects and lists ${listed} so far`;
      this.#findings.add("shredding_unlisted", message, index);
    }
  }

  #malformed({ index, kind }: Entry, what: string): void {
    this.#findings.add("body_malformed", `${kind} lacks ${what}`, index);
  }

  #impossible(message: string, index: number): void {
    this.#findings.add("change_impossible", message, index);
  }
}
